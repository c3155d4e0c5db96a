"""The secret that HS256 tokens are signed with; the settings say where it is, never what it is."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.auth.configuration import SECRET_ARN
from chalicelib.auth.kept import HOUR, Kept, Unreadable
from chalicelib.auth.pyjwt import jwt, load_certificates
from chalicelib.errors import WeighthouseError

PAUSE = 60
"""Seconds between two reads, so that forged tokens can't make us ask AWS again and again."""
MIN_BYTES = 32
"""What HS256 needs (RFC 7518, section 3.2)."""


def key(reference: str, max_age: int = HOUR) -> jwt.PyJWK:
    """The key of the secret that `WEIGHTHOUSE_JWT_SECRET` refers to, read anew if it is older than this.

    Raises `StoreBusy` while it can't be read, and `WeighthouseError` when it is too short.
    """
    return _key(_kept(reference).get(max_age))


@lru_cache(maxsize=1)
def _key(secret: bytes) -> jwt.PyJWK:
    if len(secret) < MIN_BYTES:
        raise WeighthouseError(
            f"The secret that WEIGHTHOUSE_JWT_SECRET refers to has {len(secret)} bytes; HS256 needs at least"
            f" {MIN_BYTES}, which should be random"
        )
    load_certificates()
    return jwt.PyJWK({"kty": "oct", "k": urlsafe_b64encode(secret).decode().rstrip("=")}, "HS256")


@lru_cache(maxsize=1)
def _kept(reference: str) -> Kept[bytes]:
    return Kept("the secret of their signatures", lambda: _read(reference), PAUSE)


def _read(reference: str) -> bytes:
    arn = SECRET_ARN.fullmatch(reference)
    if arn is None:
        return _from_file(reference)
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if arn["service"] == "ssm":
            return _from_parameter_store(boto3.client("ssm", region_name=arn["region"]), reference)
        return _from_secrets_manager(boto3.client("secretsmanager", region_name=arn["region"]), reference)
    except (BotoCoreError, ClientError) as error:
        raise Unreadable(str(error)) from error


def _from_parameter_store(client: Any, arn: str) -> bytes:
    text: str = client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]["Value"]
    return text.encode()


def _from_secrets_manager(client: Any, arn: str) -> bytes:
    answer = client.get_secret_value(SecretId=arn)
    text: str | None = answer.get("SecretString")
    return bytes(answer["SecretBinary"]) if text is None else text.encode()


def _from_file(reference: str) -> bytes:
    """A file's content but for white space at its ends, as editors leave it."""
    try:
        return Path(reference.removeprefix("file:")).read_bytes().strip()
    except OSError as error:
        raise Unreadable(str(error)) from error
