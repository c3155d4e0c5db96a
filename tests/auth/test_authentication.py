"""The three ways of knowing a caller, and the settings for them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from issuing import AUDIENCE, ISSUER

from chalicelib.auth import api_tokens
from chalicelib.auth.authentication import Credentials, authenticate
from chalicelib.auth.configuration import check_settings
from chalicelib.errors import InvalidToken, WeighthouseError
from chalicelib.registry.callers import READ, Caller, anyone

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("authorization", [None, "Bearer wh_x", "Bearer a.b.c", "nonsense"])
def test_with_authentication_off_everybody_is_anyone(configure, authorization):
    configure(auth="none")
    assert authenticate(Credentials(authorization, address="192.0.2.7")) == anyone("192.0.2.7")


def test_an_api_token_is_looked_up_by_its_id_and_hash(issuer, monkeypatch):
    asked = []

    def caller_of(*arguments):
        asked.append(arguments)
        return Caller("ana", frozenset({READ}), arguments[0], arguments[2])

    monkeypatch.setitem(sys.modules, "chalicelib.registry.api_tokens", SimpleNamespace(caller_of=caller_of))
    token, token_id, token_hash = api_tokens.new()
    found = authenticate(Credentials(f"Bearer {token}", address="192.0.2.7"))
    assert found == Caller("ana", frozenset({READ}), token_id, "192.0.2.7")
    with pytest.raises(InvalidToken, match="checksum"):
        authenticate(Credentials("Bearer " + token[:-1] + ("1" if token[-1] == "0" else "0")))
    assert asked == [(token_id, token_hash, "192.0.2.7")]
    assert issuer.asked == 0


GOOD = {"auth": "jwt", "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
URL, SECRET = "https://issuer.example/keys", "file:/secret"


@pytest.mark.parametrize(
    "given",
    [
        {"jwt_jwks_url": URL},
        {"jwt_jwks_url": "http://localhost:8080/keys"},
        {"jwt_jwks_url": "http://[::1]/keys"},
        {"jwt_jwks_url": "http://127.8.9.1/keys"},
        {"jwt_secret": SECRET},
        {"jwt_secret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:jwt-AbCdEf"},
        {"jwt_secret": "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/weighthouse/jwt"},
    ],
)
def test_settings_that_fit_together(configure, given):
    configure(**GOOD, **given)
    check_settings()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs either WEIGHTHOUSE_JWT_JWKS_URL, .* or WEIGHTHOUSE_JWT_SECRET, .* neither is set"),
        ({"jwt_jwks_url": URL, "jwt_secret": SECRET}, "WEIGHTHOUSE_JWT_JWKS_URL, .* both are set"),
        ({"jwt_jwks_url": URL, "jwt_issuer": ""}, "needs WEIGHTHOUSE_JWT_ISSUER"),
        ({"jwt_jwks_url": URL, "jwt_audience": ""}, "needs WEIGHTHOUSE_JWT_AUDIENCE"),
        ({"jwt_jwks_url": URL, "jwt_user_claim": ""}, "needs WEIGHTHOUSE_JWT_USER_CLAIM"),
        ({"jwt_jwks_url": "http://issuer.example/keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "http://10.0.0.1/keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "http://localhost.evil.example/keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "http://127.0.0.1@evil.example/keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "file:///keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "https:///keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "https://[::1/keys"}, "must begin with https://"),
        ({"jwt_jwks_url": "issuer.example/keys"}, "must begin with https://"),
    ],
)  # fmt: skip
def test_settings_that_do_not_are_named(configure, given, said):
    configure(**GOOD | given)
    with pytest.raises(WeighthouseError, match=said) as refused:
        authenticate(Credentials("Bearer a.b.c"))
    assert refused.value.status == 500


def test_a_secret_in_the_settings_is_refused_and_not_repeated(configure):
    configure(**GOOD, jwt_secret="hunter2" * 6)
    with pytest.raises(WeighthouseError, match="WEIGHTHOUSE_JWT_SECRET must say where") as refused:
        check_settings()
    assert "hunter2" not in refused.value.detail


def test_without_jwt_nothing_else_is_needed(configure):
    configure(auth="iam")
    check_settings()


def test_only_the_first_token_has_anything_imported_that_checks_tokens_and_certificates_nothing_at_all():
    code = (
        "import sys, app, chalicelib.auth.authentication\n"
        "print(*sys.modules)\n"
        "import chalicelib.auth.jwts\n"
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    before, after = (set(line.split()) for line in run.stdout.splitlines())
    assert before.isdisjoint({"jwt", "cryptography"})
    assert "jwt" in after
    assert "cryptography.x509.name" not in after
