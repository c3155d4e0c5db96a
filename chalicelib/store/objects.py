"""The bucket: the few verbs in which objects are written, read, copied, listed and removed.

What stores do differently is known here alone: not every store answers with a checksum of a whole
multipart object, so `Stored.crc32` may be None, and whoever needs it reads the object (`digest`).
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

from chalicelib.settings import MIB, settings
from chalicelib.store import keys
from chalicelib.store.signing import Signer

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

CHUNK = MIB
COPY_PART = 512 * MIB
"""Bytes of one UploadPartCopy of a large object; S3 takes up to 5 GiB:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PART = 8 * MIB
DELETE_BATCH = 1_000
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
    {"ID": "zips", "Status": "Enabled", "Filter": {"Prefix": "zips/"}, "Expiration": {"Days": 7}},
]


class ObjectMissing(Exception):
    """There is no such object or multipart upload."""


class ObjectChanged(Exception):
    """The object is another than the ETag says, or there is one where there must be none."""


class Stored(NamedTuple):
    """What the store says of an object; `crc32` is of the whole content, None where the store has none."""

    size: int
    etag: str
    crc32: int | None


class Part(NamedTuple):
    """A part of a multipart upload that has arrived."""

    number: int
    size: int
    etag: str
    crc32: str | None


class Digest(NamedTuple):
    """What reading an object gave: SHA-256 in hex, CRC-32, bytes."""

    sha256: str
    crc32: int
    size: int


@lru_cache(maxsize=1)
def _session() -> "Session":
    import boto3

    return boto3.session.Session()


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
    return _session().client("s3", endpoint_url=endpoint, config=config)


@lru_cache(maxsize=1)
def client() -> "S3Client":
    """The S3 client of this process, made when first needed."""
    return _new_client(None)


@lru_cache(maxsize=1)
def _presigner() -> Signer:
    public = settings().public_s3_endpoint
    key = "key"
    url = (_new_client(public) if public else client()).generate_presigned_url(
        "get_object", Params={"Bucket": _bucket(), "Key": key}
    )
    credentials = _session().get_credentials()
    assert credentials is not None  # botocore has signed a URL with them
    return Signer(url, key, credentials.get_frozen_credentials)


def _bucket() -> str:
    return settings().bucket


class _translated:
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


def _crc_text(crc32: int) -> str:
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


def put(
    key: str,
    data: bytes,
    *,
    content_type: str = "application/octet-stream",
    crc32: int | None = None,
    if_match: str | None = None,
) -> str:
    """Writes an object and gives its ETag; the store compares the CRC-32.

    With `if_match` only over the object with that ETag: `ObjectChanged` or `ObjectMissing` otherwise.
    """
    checksum = _crc_text(zlib.crc32(data) if crc32 is None else crc32)
    condition: dict[str, Any] = {"IfMatch": if_match} if if_match else {}
    with _translated():
        return client().put_object(
            Bucket=_bucket(),
            Key=key,
            Body=data,
            ContentType=content_type,
            ChecksumCRC32=checksum,
            **condition,
        )["ETag"]


def call_worker(kind: str, name: str) -> None:
    """Makes the bucket call the worker function: it is notified of every object made under `tasks/`."""
    put(keys.task_key(kind, name), b"")


def head(key: str) -> Stored:
    """Size, ETag and, where the store keeps it, CRC-32; `ObjectMissing`."""
    with _translated():
        answer = client().head_object(Bucket=_bucket(), Key=key, ChecksumMode="ENABLED")
    crc32 = answer.get("ChecksumCRC32")
    whole = (
        crc32 is not None and answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in crc32
    )
    number = int.from_bytes(base64.b64decode(crc32), "big") if crc32 and whole else None
    return Stored(answer["ContentLength"], answer["ETag"], number)


def get(key: str) -> bytes:
    """A small object's content; `ObjectMissing`."""
    return get_with_etag(key)[0]


def get_with_etag(key: str) -> tuple[bytes, str]:
    """A small object's content and the ETag of just that content; `ObjectMissing`."""
    with _translated():
        answer = client().get_object(Bucket=_bucket(), Key=key)
    with answer["Body"] as body:
        return body.read(), answer["ETag"]


def stream(
    key: str, *, offset: int = 0, length: int | None = None, etag: str | None = None
) -> Iterator[bytes]:
    """A range of an object in chunks of at most 1 MiB; `ObjectMissing`, `ObjectChanged`."""
    if length == 0:
        return
    wanted: dict[str, Any] = {"IfMatch": etag} if etag else {}
    if offset or length is not None:
        wanted["Range"] = f"bytes={offset}-" + ("" if length is None else str(offset + length - 1))
    with _translated():
        body = client().get_object(Bucket=_bucket(), Key=key, **wanted)["Body"]
    try:
        yield from body.iter_chunks(CHUNK)
    finally:
        body.close()


def digest(key: str, etag: str | None = None) -> Digest:
    """SHA-256 and CRC-32 of an object, by reading it once."""
    sha256, crc32, size = hashlib.sha256(), 0, 0
    for chunk in stream(key, etag=etag):
        sha256.update(chunk)
        crc32 = zlib.crc32(chunk, crc32)
        size += len(chunk)
    return Digest(sha256.hexdigest(), crc32, size)


def write_stream(key: str, chunks: Iterable[bytes], content_type: str) -> str:
    """Writes an object of any size as its bytes come, 8 MiB of them in memory, and gives its ETag.

    When `chunks` raises, no object and no part is left.
    """
    buffer = bytearray()
    multipart_id: str | None = None
    parts: list[Part] = []

    def flush() -> None:
        parts.append(upload_part(key, multipart_id or "", len(parts) + 1, bytes(buffer)))
        buffer.clear()

    try:
        for chunk in chunks:
            buffer += chunk
            # Over 10,000 parts of 8 MiB the parts grow, so that any size fits.
            if len(buffer) >= PART * (1 + len(parts) // 1_000):
                multipart_id = multipart_id or create_multipart(key, content_type)
                flush()
        if multipart_id is None:
            return put(key, bytes(buffer), content_type=content_type)
        if buffer:
            flush()
        return complete_multipart(key, multipart_id, parts)
    except BaseException:
        if multipart_id is not None:
            abort_multipart(key, multipart_id)
        raise


def create_multipart(key: str, content_type: str) -> str:
    """Begins a multipart upload, asking for a CRC-32 of the whole object, and gives its id."""
    return client().create_multipart_upload(
        Bucket=_bucket(),
        Key=key,
        ContentType=content_type,
        ChecksumAlgorithm="CRC32",
        ChecksumType="FULL_OBJECT",
    )["UploadId"]


def upload_part(key: str, multipart_id: str, number: int, data: bytes) -> Part:
    """Sends one part; `ObjectMissing` when the multipart upload is gone."""
    with _translated():
        answer = client().upload_part(
            Bucket=_bucket(),
            Key=key,
            UploadId=multipart_id,
            PartNumber=number,
            Body=data,
            ChecksumAlgorithm="CRC32",
        )
    return Part(number, len(data), answer["ETag"], answer.get("ChecksumCRC32"))


def copy_part(
    key: str, multipart_id: str, number: int, source: str, etag: str, offset: int, length: int
) -> Part:
    """Makes a part of a range of another object, inside the store; `ObjectMissing`, `ObjectChanged`."""
    with _translated():
        result = client().upload_part_copy(
            Bucket=_bucket(),
            Key=key,
            UploadId=multipart_id,
            PartNumber=number,
            CopySource={"Bucket": _bucket(), "Key": source},
            CopySourceRange=f"bytes={offset}-{offset + length - 1}",
            CopySourceIfMatch=etag,
        )["CopyPartResult"]
    return Part(number, length, result["ETag"], result.get("ChecksumCRC32"))


def list_parts(key: str, multipart_id: str) -> list[Part]:
    """The parts that have arrived, by number; `ObjectMissing` when the multipart upload is gone."""
    latest: dict[int, Any] = {}
    marker = 0
    while True:
        with _translated():
            answer = client().list_parts(
                Bucket=_bucket(), Key=key, UploadId=multipart_id, PartNumberMarker=marker
            )
        for part in answer.get("Parts", []):
            # SeaweedFS lists every content that a number was sent with, and not in the order of time.
            known = latest.setdefault(part["PartNumber"], part)
            if known["LastModified"] <= part["LastModified"]:
                latest[part["PartNumber"]] = part
        if not answer.get("IsTruncated"):
            break
        marker = answer["NextPartNumberMarker"]
    return [
        Part(number, part["Size"], part["ETag"], part.get("ChecksumCRC32"))
        for number, part in sorted(latest.items())
    ]


def complete_multipart(key: str, multipart_id: str, parts: list[Part]) -> str:
    """Makes the object of its parts and gives its ETag.

    Raises `ObjectMissing` when the upload is gone, `ObjectChanged` when a part is not that one any more.
    """
    listed: list[Any] = [
        {"PartNumber": part.number, "ETag": part.etag} | ({"ChecksumCRC32": part.crc32} if part.crc32 else {})
        for part in parts
    ]
    with _translated():
        return client().complete_multipart_upload(
            Bucket=_bucket(), Key=key, UploadId=multipart_id, MultipartUpload={"Parts": listed}
        )["ETag"]


def abort_multipart(key: str, multipart_id: str) -> None:
    """Gives up a multipart upload and its parts; harmless when it is gone."""
    try:
        with _translated():
            client().abort_multipart_upload(Bucket=_bucket(), Key=key, UploadId=multipart_id)
    except ObjectMissing:
        pass


def list_multiparts(prefix: str) -> Iterator[tuple[str, str]]:
    """Key and id of each multipart upload in progress under a prefix."""
    for page in client().get_paginator("list_multipart_uploads").paginate(Bucket=_bucket(), Prefix=prefix):
        for upload in page.get("Uploads", []):
            if upload["Key"].startswith(prefix):
                yield upload["Key"], upload["UploadId"]


def copy(source: str, etag: str, size: int, key: str, content_type: str) -> str:
    """Copies an object of any size inside the store and gives its ETag; `ObjectMissing`, `ObjectChanged`."""
    if size <= COPY_PART:
        with _translated():
            return client().copy_object(
                Bucket=_bucket(),
                Key=key,
                CopySource={"Bucket": _bucket(), "Key": source},
                CopySourceIfMatch=etag,
                ContentType=content_type,
                MetadataDirective="REPLACE",
                ChecksumAlgorithm="CRC32",
            )["CopyObjectResult"]["ETag"]
    return copy_range(source, etag, 0, size, key, content_type)


def copy_range(source: str, etag: str, offset: int, length: int, key: str, content_type: str) -> str:
    """Makes an object of a range of another, inside the store, and gives its ETag; errors as `copy`."""
    step = max(COPY_PART, -(-length // 10_000))
    multipart_id = create_multipart(key, content_type)

    def part(start: int) -> Part:
        size = min(step, length - start)
        return copy_part(key, multipart_id, start // step + 1, source, etag, offset + start, size)

    try:
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(part, range(0, length, step)))
        return complete_multipart(key, multipart_id, parts)
    except BaseException:
        abort_multipart(key, multipart_id)
        raise


def list_keys(prefix: str) -> Iterator[str]:
    """The keys under a prefix, in order; one ListObjectsV2 per 1,000."""
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=_bucket(), Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"]


def delete(keys: Iterable[str]) -> int:
    """Removes objects and gives how many; harmless for those that are gone. One DeleteObjects per 1,000."""
    count = 0
    batch: list[Any] = []

    def flush() -> None:
        failed = (
            client().delete_objects(Bucket=_bucket(), Delete={"Objects": batch, "Quiet": True}).get("Errors")
        )
        if failed:
            raise OSError(f"{len(failed)} objects could not be deleted: {failed[0].get('Code')}")

    for key in keys:
        batch.append({"Key": key})
        count += 1
        if len(batch) == DELETE_BATCH:
            flush()
            batch = []
    if batch:
        flush()
    return count


def delete_prefix(prefix: str) -> int:
    """Removes all objects and multipart uploads under a prefix and gives how many objects."""
    for key, multipart_id in list_multiparts(prefix):
        abort_multipart(key, multipart_id)
    return delete(list_keys(prefix))


def presign_part(key: str, multipart_id: str, number: int) -> str:
    """A URL that takes a part by a plain PUT, without any header."""
    query = {"uploadId": multipart_id, "partNumber": str(number)}
    return _presigner().url("PUT", key, query, expires=settings().part_url_ttl)


def presign_get(key: str, filename: str, content_type: str) -> str:
    """A URL that serves an object, ranges included, under this file name."""
    query = {
        "response-content-disposition": disposition(filename),
        "response-content-type": content_type,
    }
    return _presigner().url("GET", key, query, expires=settings().download_url_ttl)


def disposition(filename: str) -> str:
    """Content-Disposition with the name in ASCII for old clients and whole for all others (RFC 6266)."""
    name = filename.rsplit("/", 1)[-1]
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def create_bucket() -> None:
    """Makes the bucket with its rules, if it is not there yet; a deployed one has them from its template."""
    s3 = client()
    region = s3.meta.region_name
    where: Any = {} if region == "us-east-1" else {"LocationConstraint": region}
    try:
        s3.create_bucket(Bucket=_bucket(), **({"CreateBucketConfiguration": where} if where else {}))
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        s3.head_bucket(Bucket=_bucket())
    s3.put_bucket_cors(Bucket=_bucket(), CORSConfiguration={"CORSRules": CORS_RULES})
    s3.put_bucket_lifecycle_configuration(Bucket=_bucket(), LifecycleConfiguration={"Rules": LIFECYCLE_RULES})


def ping() -> None:
    """Raises an error when the bucket can't be reached."""
    client().head_bucket(Bucket=_bucket())
