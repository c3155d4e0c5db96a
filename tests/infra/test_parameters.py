"""What `make deploy` is told, what it keeps, and what it refuses."""

import pytest

from chalicelib.settings import Settings
from devserver.console import Halt
from infra.names import default_names, stack_name
from infra.parameters import AROUND, PARAMETERS, SETTINGS, check, completed, given

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:jwt-AbCdEf"
JWT = {"Auth": "jwt", "JwtIssuer": "https://id.example", "JwtAudience": "models"}


def values(**changes):
    return completed(changes, {})


def test_a_value_is_the_one_given_or_the_stacks_or_the_default():
    now = given({"WEIGHTHOUSE_LOG_DAYS": "7", "WEIGHTHOUSE_DOMAIN": "", "HOME": "/"})
    assert now == {"LogDays": "7", "Domain": ""}
    made = completed(now, {"LogDays": "14", "Domain": "models.example", "ThrottleRate": "5", "Gone": "x"})
    assert (made["LogDays"], made["Domain"], made["ThrottleRate"]) == ("7", "", "5")
    assert made["Auth"] == Settings().auth
    assert set(made) == {parameter.key for parameter in PARAMETERS}


def test_no_parameter_has_the_name_of_another():
    assert len({parameter.key for parameter in PARAMETERS}) == len(SETTINGS) + len(AROUND)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Auth": "none"}, "I_KNOW=public"),
        ({"Auth": "basic"}, "WEIGHTHOUSE_AUTH"),
        ({"Auth": "jwt"}, "WEIGHTHOUSE_JWT_ISSUER"),
        ({**JWT, "JwtAudience": ""}, "WEIGHTHOUSE_JWT_AUDIENCE"),
        (JWT, "WEIGHTHOUSE_JWT_JWKS_URL"),
        ({**JWT, "JwtJwksUrl": "https://id.example/keys", "JwtSecret": ARN}, "WEIGHTHOUSE_JWT_JWKS_URL"),
        ({**JWT, "JwtSecret": "file:/secret"}, "ARN"),
        ({"Auth": "iam", "Domain": "models.example"}, "WEIGHTHOUSE_CERTIFICATE_ARN"),
        ({"Auth": "iam", "ThrottleRate": "0"}, "WEIGHTHOUSE_THROTTLE_RATE"),
        ({"Auth": "iam", "LogDays": "8"}, "WEIGHTHOUSE_LOG_DAYS"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, named):
    with pytest.raises(Halt, match=named):
        check(values(**changes), public=False)


@pytest.mark.parametrize(
    ("changes", "public"),
    [
        ({}, True),
        ({"Auth": "iam"}, False),
        ({**JWT, "JwtJwksUrl": "https://id.example/keys"}, False),
        ({**JWT, "JwtSecret": ARN}, False),
        ({**JWT, "JwtSecret": ARN.replace("secretsmanager", "ssm")}, False),
    ],
)
def test_what_can_be_is_taken(changes, public):
    check(values(**changes), public=public)


def test_a_bucket_of_the_longest_stage_and_region_has_a_name_that_s3_takes():
    assert len(default_names("s" * 20, "1" * 12, "ap-southeast-10").bucket) <= 63
    for stage in ("", "Prod", "a_b", "1st", "s" * 21):
        with pytest.raises(Halt, match="STAGE"):
            stack_name(stage)
