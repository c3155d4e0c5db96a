"""The bucket itself: how it is reached, how it is set up, and what its errors mean to us."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from chalicelib import telemetry
from chalicelib.settings import settings
from chalicelib.store.signing import Signer

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

CORS_RULES: list[Any] = [
    {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
]
LIFECYCLE_RULES: list[Any] = [
    {
        "ID": "parts",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 14},
    },
    {"ID": "uploads", "Status": "Enabled", "Filter": {"Prefix": "uploads/"}, "Expiration": {"Days": 14}},
    {
        "ID": "quarantine",
        "Status": "Enabled",
        "Filter": {"Prefix": "quarantine/"},
        "Expiration": {"Days": 30},
    },
    {"ID": "zips", "Status": "Enabled", "Filter": {"Prefix": "zips/"}, "Expiration": {"Days": 7}},
]


class ObjectMissing(Exception):
    """There is no such object or multipart upload."""


class ObjectChanged(Exception):
    """The object is another than the ETag says, or there is one where there must be none."""


@lru_cache(maxsize=1)
def session() -> "Session":
    """The boto3 session of this process."""
    import boto3

    made = boto3.session.Session()
    telemetry.watch(made.events)
    return made


def _new_client(endpoint: str | None) -> "S3Client":
    import os

    from botocore.config import Config

    # A store under an address of its own is reached by path: bucket.localhost is no name that resolves.
    own = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if own else "auto"},
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=64,
    )
    s3 = session().client("s3", endpoint_url=endpoint, config=config)
    s3.meta.events.register("before-parse.s3", _try_again_what_broke_off)
    return s3


def _try_again_what_broke_off(response_dict: dict[str, Any], operation_model: Any, **_: object) -> None:
    """Makes an answer whose body broke off a failure, so that botocore asks again.

    By itself it takes a list without a byte for an empty one, and a broken error for one without a code.
    """
    body, announced = response_dict["body"], int(response_dict["headers"].get("content-length") or 0)
    has_one = operation_model.http["method"] != "HEAD" and isinstance(body, bytes)
    if has_one and len(body) < announced:
        response_dict["status_code"] = 500


@lru_cache(maxsize=1)
def client() -> "S3Client":
    """The S3 client of this process, made when first needed."""
    return _new_client(None)


@lru_cache(maxsize=1)
def signer() -> Signer:
    """Signs our own requests."""
    return _signer_for(client())


@lru_cache(maxsize=1)
def public_signer() -> Signer:
    """Signs URLs for clients, with the public endpoint where there is one."""
    public = settings().public_s3_endpoint
    return _signer_for(_new_client(public)) if public else signer()


def _signer_for(s3: "S3Client") -> Signer:
    key = "key"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": name(), "Key": key})
    credentials = session().get_credentials()
    assert credentials is not None  # botocore has signed a URL with them
    return Signer(url, key, credentials.get_frozen_credentials)


def name() -> str:
    """The bucket's name."""
    return settings().bucket


class translated:
    """Turns the store's codes for "not there" and "not that one" into our two errors."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        response = getattr(error, "response", None)
        if response is not None:
            code = response.get("Error", {}).get("Code")
            if code in ("NoSuchKey", "NoSuchUpload", "404", "NotFound"):
                raise ObjectMissing(code) from error
            if code in ("PreconditionFailed", "412", "ConditionalRequestConflict", "InvalidPart"):
                raise ObjectChanged(code) from error
        return False


def create() -> None:
    """Makes the bucket with its rules, if it is not there yet; a deployed one has them from its template."""
    s3 = client()
    region = s3.meta.region_name
    where: Any = {} if region == "us-east-1" else {"LocationConstraint": region}
    try:
        s3.create_bucket(Bucket=name(), **({"CreateBucketConfiguration": where} if where else {}))
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        s3.head_bucket(Bucket=name())
    s3.put_bucket_cors(Bucket=name(), CORSConfiguration={"CORSRules": CORS_RULES})
    s3.put_bucket_lifecycle_configuration(Bucket=name(), LifecycleConfiguration={"Rules": LIFECYCLE_RULES})


def ping() -> None:
    """Raises an error when the bucket can't be reached."""
    client().head_bucket(Bucket=name())
