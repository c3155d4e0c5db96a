"""The service's own settings: environment variables that begin with ``WEIGHTHOUSE_``.

How AWS is reached is not among them: boto3's standard variables say that
(``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL_DYNAMODB``, region, credentials).
"""

import os
from dataclasses import dataclass, fields
from functools import lru_cache

from chalicelib.errors import WeighthouseError

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


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment once (`settings.cache_clear()` reads again).

    Raises `WeighthouseError` when a number is not a positive whole number.
    """
    values: dict[str, str | int] = {}
    for field in fields(Settings):
        name = f"WEIGHTHOUSE_{field.name.upper()}"
        raw = os.environ.get(name)
        if raw is None:
            continue
        if field.type is int or field.type == "int":
            if not raw.isdecimal() or int(raw) < 1:
                raise WeighthouseError(f"{name} is {raw!r}: it must be a positive whole number")
            values[field.name] = int(raw)
        else:
            values[field.name] = raw
    return Settings(**values)  # type: ignore[arg-type]
