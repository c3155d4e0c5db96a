"""HS256 with a secret that is kept elsewhere."""

import subprocess
import sys
from pathlib import Path

import boto3
import jwt
import pytest
from issuing import AUDIENCE, ISSUER, b64, claims, token
from moto import mock_aws

from chalicelib.auth.authentication import Credentials, authenticate
from chalicelib.errors import InvalidToken, StoreBusy, WeighthouseError

ROOT = Path(__file__).parent.parent.parent
OLD, NEW = b"old secret " * 4, b"new secret " * 4


def user(secret, algorithm="HS256"):
    bearer = jwt.encode(claims(), secret, algorithm)
    return authenticate(Credentials(f"Bearer {bearer}")).user_id


@pytest.fixture
def file(configure, tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(OLD)
    configure(auth="jwt", jwt_issuer=ISSUER, jwt_audience=AUDIENCE, jwt_secret=f"file:{path}")
    return path


def test_a_token_signed_with_the_secret_is_taken_and_no_other(file):
    assert user(OLD.strip()) == "ana"
    with pytest.raises(InvalidToken, match="signature"):
        user(NEW)


FIRST_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from chalicelib.auth.authentication import Credentials, authenticate
together = Barrier(6)
def user(_):
    together.wait()
    return authenticate(Credentials("Bearer " + sys.argv[1])).user_id
with ThreadPoolExecutor(6) as pool:
    assert set(pool.map(user, range(6))) == {"ana"}
"""


def test_the_first_tokens_may_come_at_once(file):
    bearer = jwt.encode(claims(), OLD.strip(), "HS256")
    subprocess.run([sys.executable, "-c", FIRST_AT_ONCE, bearer], cwd=ROOT, check=True, timeout=60)


def test_only_hs256_is_taken(file):
    unsigned = b64('{"alg": "none"}') + "." + b64("{}") + "."
    for bearer in (token(), unsigned, jwt.encode(claims(), OLD.strip() * 2, "HS512")):
        with pytest.raises(InvalidToken, match="must be HS256"):
            authenticate(Credentials(f"Bearer {bearer}"))


def test_a_secret_that_was_changed_is_read_anew(file, later):
    assert user(OLD.strip()) == "ana"
    file.write_bytes(NEW)
    later(60)
    assert user(NEW.strip()) == "ana"
    with pytest.raises(InvalidToken, match="signature"):
        user(OLD.strip())


def test_forged_tokens_do_not_have_it_read_more_than_once_a_minute(file, later):
    assert user(OLD.strip()) == "ana"
    file.write_bytes(NEW)
    with pytest.raises(InvalidToken, match="signature"):
        user(NEW.strip())
    # The clock also passes by itself: on a busy machine, seconds of it.
    later(30)
    with pytest.raises(InvalidToken, match="signature"):
        user(NEW.strip())
    later(30)
    assert user(NEW.strip()) == "ana"


def test_a_secret_that_can_not_be_read_is_used_as_it_was(file, later):
    with pytest.raises(InvalidToken, match="signature"):
        user(NEW)
    file.unlink()
    later(3_600)
    assert user(OLD.strip()) == "ana"
    later(86_400)
    with pytest.raises(StoreBusy, match="secret of their signatures can't be read"):
        user(OLD.strip())


@pytest.mark.parametrize("short", [b"", b"x" * 31, b"x" * 31 + b"\n"])
def test_a_short_secret_is_refused(file, short):
    file.write_bytes(short)
    with pytest.raises(
        WeighthouseError, match=r"WEIGHTHOUSE_JWT_SECRET refers to has .* at least 32"
    ) as refused:
        user(b"x" * 32)
    assert refused.value.status == 500


def test_it_may_be_in_secrets_manager_or_the_parameter_store(file, configure, monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        secrets, parameters = (
            boto3.client(name, region_name="eu-central-1") for name in ("secretsmanager", "ssm")
        )
        text = secrets.create_secret(Name="one", SecretString="text" * 8)["ARN"]
        binary = secrets.create_secret(Name="two", SecretBinary=b"\xff" * 32)["ARN"]
        parameters.put_parameter(Name="/three/four", Value="sealed" * 8, Type="SecureString")
        parameter = parameters.get_parameter(Name="/three/four")["Parameter"]["ARN"]
        for reference, secret in ((text, b"text" * 8), (binary, b"\xff" * 32), (parameter, b"sealed" * 8)):
            configure(jwt_secret=reference)
            assert user(secret) == "ana"
            with pytest.raises(InvalidToken, match="signature"):
                user(OLD)
        configure(jwt_secret=text.replace("one", "none"))
        with pytest.raises(StoreBusy, match="can't be read"):
            user(OLD)
