"""Objects: the few verbs in which they are written, read, copied, listed and removed.

What stores do differently is known here alone: not every store answers with a checksum of a whole
multipart object, so `Stored.crc32` may be None, and whoever needs it reads the object (`digest`).
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote

from chalicelib.settings import MIB, settings
from chalicelib.store import bucket, keys, multipart

CHUNK = MIB
COPY_PART = 512 * MIB
"""Bytes of one UploadPartCopy of a large object; S3 takes up to 5 GiB:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PART = 8 * MIB
DELETE_BATCH = 1_000


class Stored(NamedTuple):
    """What the store says of an object; `crc32` is of the whole content, None where the store has none."""

    size: int
    etag: str
    crc32: int | None


class Digest(NamedTuple):
    """What reading an object gave: SHA-256 in hex, CRC-32, bytes."""

    sha256: str
    crc32: int
    size: int


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
    with bucket.translated():
        return bucket.client().put_object(
            Bucket=bucket.name(),
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
    with bucket.translated():
        answer = bucket.client().head_object(Bucket=bucket.name(), Key=key, ChecksumMode="ENABLED")
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
    with bucket.translated():
        answer = bucket.client().get_object(Bucket=bucket.name(), Key=key)
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
    with bucket.translated():
        body = bucket.client().get_object(Bucket=bucket.name(), Key=key, **wanted)["Body"]
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
    parts: list[multipart.Part] = []

    def flush() -> None:
        parts.append(multipart.upload_part(key, multipart_id or "", len(parts) + 1, bytes(buffer)))
        buffer.clear()

    try:
        for chunk in chunks:
            buffer += chunk
            # Over 10,000 parts of 8 MiB the parts grow, so that any size fits.
            if len(buffer) >= PART * (1 + len(parts) // 1_000):
                multipart_id = multipart_id or multipart.create(key, content_type)
                flush()
        if multipart_id is None:
            return put(key, bytes(buffer), content_type=content_type)
        if buffer:
            flush()
        return multipart.complete(key, multipart_id, parts)
    except BaseException:
        if multipart_id is not None:
            multipart.abort(key, multipart_id)
        raise


def copy(source: str, etag: str, size: int, key: str, content_type: str) -> str:
    """Copies an object of any size inside the store and gives its ETag; `ObjectMissing`, `ObjectChanged`."""
    if size <= COPY_PART:
        with bucket.translated():
            return bucket.client().copy_object(
                Bucket=bucket.name(),
                Key=key,
                CopySource={"Bucket": bucket.name(), "Key": source},
                CopySourceIfMatch=etag,
                ContentType=content_type,
                MetadataDirective="REPLACE",
                ChecksumAlgorithm="CRC32",
            )["CopyObjectResult"]["ETag"]
    return copy_range(source, etag, 0, size, key, content_type)


def copy_range(source: str, etag: str, offset: int, length: int, key: str, content_type: str) -> str:
    """Makes an object of a range of another, inside the store, and gives its ETag; errors as `copy`."""
    step = max(COPY_PART, -(-length // 10_000))
    multipart_id = multipart.create(key, content_type)

    def part(start: int) -> multipart.Part:
        size = min(step, length - start)
        return multipart.copy_part(key, multipart_id, start // step + 1, source, etag, offset + start, size)

    try:
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(part, range(0, length, step)))
        return multipart.complete(key, multipart_id, parts)
    except BaseException:
        multipart.abort(key, multipart_id)
        raise


def list_keys(prefix: str) -> Iterator[str]:
    """The keys under a prefix, in order; one ListObjectsV2 per 1,000."""
    for page in (
        bucket.client().get_paginator("list_objects_v2").paginate(Bucket=bucket.name(), Prefix=prefix)
    ):
        for item in page.get("Contents", []):
            yield item["Key"]


def delete(keys: Iterable[str]) -> int:
    """Removes objects and gives how many; harmless for those that are gone. One DeleteObjects per 1,000."""
    count = 0
    batch: list[Any] = []

    def flush() -> None:
        failed = (
            bucket.client()
            .delete_objects(Bucket=bucket.name(), Delete={"Objects": batch, "Quiet": True})
            .get("Errors")
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
    multipart.abort_all(prefix)
    return delete(list_keys(prefix))


def presign_get(key: str, filename: str, content_type: str) -> str:
    """A URL that serves an object, ranges included, under this file name."""
    query = {
        "response-content-disposition": disposition(filename),
        "response-content-type": content_type,
    }
    return bucket.signer().url("GET", key, query, expires=settings().download_url_ttl)


def disposition(filename: str) -> str:
    """Content-Disposition with the name in ASCII for old clients and whole for all others (RFC 6266)."""
    name = filename.rsplit("/", 1)[-1]
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
