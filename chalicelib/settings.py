"""The service's own settings: environment variables that begin with ``WEIGHTHOUSE_``.

How AWS is reached is not among them: boto3's standard variables say that
(``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL_DYNAMODB``, region, credentials).
"""

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal, get_args

from chalicelib.errors import WeighthouseError

Auth = Literal["none", "jwt", "iam"]

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; the field ``form_limit`` is read from ``WEIGHTHOUSE_FORM_LIMIT``."""

    bucket: str = "weighthouse"
    """The bucket that holds all objects."""
    table: str = "weighthouse"
    """The DynamoDB table that holds the index."""
    form_limit: int = 4_500_000
    """Bytes of a form upload's body. Lambda takes 6 MB with base64 counted
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    inline_limit: int = 4 * MIB
    """Bytes of content that an answer may carry itself; above it a presigned URL serves them."""
    verify_limit: int = 50 * GIB
    """Largest file that is read for its SHA-256: one function run is too short for more."""
    request_verify_limit: int = 256 * MIB
    """Bytes that `complete` reads for verification within the request; above it a function does."""
    upload_ttl: int = 7 * 86_400
    """Seconds after which an upload that was not completed expires."""
    part_url_ttl: int = 3_600
    """Seconds that a presigned part URL is valid."""
    download_url_ttl: int = 900
    """Seconds that a presigned download URL is valid."""
    public_s3_endpoint: str = ""
    """S3 endpoint to write into presigned URLs, where clients reach the store under another name."""
    history_ttl: int = 365 * 86_400
    """Seconds for which it is kept who did what to a version."""
    token_max_days: int = 366
    """Days after which an API token is refused, whatever it was made for: also one that was made before."""
    auth: Auth = "none"
    """How callers are known: not at all, by bearer tokens, or by API Gateway's check of AWS signatures."""
    jwt_issuer: str = ""
    """The `iss` that a JWT must have."""
    jwt_audience: str = ""
    """The `aud` that a JWT must have, among others."""
    jwt_jwks_url: str = ""
    """Where the issuer's public keys are: for RS256, ES256 and EdDSA."""
    jwt_secret: str = ""
    """Where the secret of HS256 is, in place of public keys, never the secret itself: the ARN of a secret in
    Secrets Manager, the ARN of a parameter of SSM, or `file:` and a path."""
    jwt_user_claim: str = "sub"
    """The claim of a JWT that names the user."""
    jwt_scopes_claim: str = "scope"
    """The claim of a JWT that holds the scopes: a list, or one text with spaces between."""
    jwt_leeway: int = 30
    """Seconds by which the issuer's clock may differ from ours."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment once (`settings.cache_clear()` reads again).

    Raises `WeighthouseError` when a number is not a positive whole number, or a word none of those allowed.
    """
    values: dict[str, str | int] = {}
    for field in fields(Settings):
        name = f"WEIGHTHOUSE_{field.name.upper()}"
        raw = os.environ.get(name)
        if raw is None:
            continue
        if field.type is int:
            if not raw.isdecimal() or int(raw) < 1:
                raise WeighthouseError(f"{name} is {raw!r}: it must be a positive whole number")
            values[field.name] = int(raw)
            continue
        words = get_args(field.type)
        if words and raw not in words:
            raise WeighthouseError(f"{name} is {raw!r}: it must be one of {', '.join(words)}")
        values[field.name] = raw
    return Settings(**values)  # type: ignore[arg-type]
