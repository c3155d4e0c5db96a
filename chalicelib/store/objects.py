"""Objects: the few verbs in which they are written, read, copied, listed and removed.

What stores do differently is known here alone: not every store answers with a checksum of a whole
multipart object, so `Stored.crc32` may be None, and whoever needs it reads the object (`digest`).
"""

import base64
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote

from chalicelib import checksums
from chalicelib.errors import StoreBusy
from chalicelib.settings import MIB, settings
from chalicelib.store import bucket, keys, multipart, wire
from chalicelib.store.backoff import pause
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.store.parallel import batches, for_each

CHUNK = MIB
AHEAD = 4
"""Chunks of an object that are read before they are hashed."""
DELETE_BATCH = 1_000
"""Objects in one DeleteObjects: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
DELETERS = 4
"""DeleteObjects at a time: S3 takes some 3,500 removals a second of one prefix, and more asks it to slow down
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html)."""
_PASSING = {"InternalError", "ServiceUnavailable", "SlowDown"}
"""Codes with which single objects of a DeleteObjects ask for another try."""


class Stored(NamedTuple):
    """What the store says of an object; `crc32` is of the whole content, None where the store has none."""

    size: int
    etag: str
    crc32: int | None


class Listed(NamedTuple):
    """An object in a list."""

    key: str
    size: int
    etag: str


class Digest(NamedTuple):
    """What reading an object gave: SHA-256 in hex, CRC-32, bytes."""

    sha256: str
    crc32: int
    size: int


def put(
    key: str,
    data: bytes,
    *,
    content_type: str = "application/octet-stream",
    crc32: int | None = None,
) -> str:
    """Writes an object and returns its ETag; the store compares the CRC-32."""
    return _put(key, data, content_type, crc32, {})


def put_over(key: str, data: bytes, etag: str | None, *, content_type: str) -> str:
    """Writes an object over the one with this ETag, with None where there is none, and returns the new ETag.

    Raises `ObjectChanged` or `ObjectMissing` where something else is found, and nothing is written then.
    """
    condition = {"if-none-match": "*"} if etag is None else {"if-match": etag}
    try:
        return _put(key, data, content_type, None, condition)
    except ObjectChanged:
        # An attempt whose answer was lost has written what the next one finds.
        with suppress(ObjectMissing):
            found, found_etag = get_with_etag(key)
            if found == data:
                return found_etag
        raise


def _put(key: str, data: bytes, content_type: str, crc32: int | None, condition: dict[str, str]) -> str:
    headers = {
        "content-type": content_type,
        "x-amz-checksum-crc32": wire.crc_text(checksums.crc32(data) if crc32 is None else crc32),
        **condition,
    }
    with bucket.translated():
        return wire.send("PUT", key, headers=headers, body=data).headers["ETag"]


def copy(source: str, etag: str, key: str, content_type: str) -> str:
    """Copies an object of up to 5 GiB inside the store and gives its ETag; `ObjectMissing`, `ObjectChanged`."""
    headers = {
        "content-type": content_type,
        "x-amz-copy-source": quote(f"{bucket.name()}/{source}"),
        "x-amz-copy-source-if-match": etag,
        "x-amz-metadata-directive": "REPLACE",
    }
    with bucket.translated():
        answer = wire.send("PUT", key, headers=headers, wait=wire.COPY_WAIT)
    return wire.tag(answer.data.decode(), "ETag")


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


def exists(key: str) -> bool:
    """Whether there is such an object. One HEAD."""
    try:
        head(key)
    except ObjectMissing:
        return False
    return True


def get(key: str) -> bytes:
    """A small object's content; `ObjectMissing`."""
    return get_with_etag(key)[0]


def get_with_etag(key: str) -> tuple[bytes, str]:
    """A small object's content and the ETag of just that content; `ObjectMissing`."""
    # botocore does not try again when an answer's body breaks off.
    with bucket.translated():
        answer = wire.send("GET", key)
    return answer.data, answer.headers["ETag"]


def stream(
    key: str, *, offset: int = 0, length: int | None = None, etag: str | None = None
) -> Iterator[bytes]:
    """A range of an object in chunks of at most 1 MiB; `ObjectMissing`, `ObjectChanged`.

    Where the connection breaks it goes on from there, with the same object.
    """
    end = None if length is None else offset + length
    breaks = 0
    while end is None or offset < end:
        headers = {"if-match": etag} if etag else {}
        if offset or end is not None:
            headers["range"] = f"bytes={offset}-" + ("" if end is None else str(end - 1))
        with bucket.translated():
            answer = wire.send("GET", key, headers=headers, streamed=True)
        etag = answer.headers["ETag"]
        end = end or offset + int(answer.headers["Content-Length"])
        try:
            for chunk in wire.chunks(answer, CHUNK):
                offset += len(chunk)
                breaks = 0
                yield chunk
        except wire.OutOfReach:
            breaks += 1
            if breaks == wire.ATTEMPTS:
                raise


def digest(key: str, etag: str | None = None, progress: Callable[[int], None] | None = None) -> Digest:
    """SHA-256 and CRC-32 of an object, by reading it once; `progress` is told of the bytes as they are read."""
    sha256, crc32, size = hashlib.sha256(), 0, 0

    def add(chunk: bytes) -> None:
        nonlocal crc32, size
        sha256.update(chunk)
        crc32 = checksums.crc32(chunk, crc32)
        size += len(chunk)
        if progress:
            progress(len(chunk))

    chunks = stream(key, etag=etag)
    for chunk in islice(chunks, AHEAD):
        add(chunk)
    # What is large is hashed while more of it is on its way.
    with ThreadPoolExecutor(1) as hasher:
        waiting: deque[Future[None]] = deque()
        for chunk in chunks:
            waiting.append(hasher.submit(add, chunk))
            if len(waiting) == AHEAD:
                waiting.popleft().result()
        for added in waiting:
            added.result()
    return Digest(sha256.hexdigest(), crc32, size)


def listed(prefix: str) -> Iterator[Listed]:
    """The objects under a prefix, in the order of their keys; one ListObjectsV2 per 1,000."""
    for page in (
        bucket.client().get_paginator("list_objects_v2").paginate(Bucket=bucket.name(), Prefix=prefix)
    ):
        for item in page.get("Contents", []):
            yield Listed(item["Key"], item["Size"], item["ETag"])


def list_keys(prefix: str) -> Iterator[str]:
    """The keys under a prefix, as `listed`."""
    return (found.key for found in listed(prefix))


def delete(keys: Iterable[str], check: Callable[[], object] = bool) -> int:
    """Removes objects and gives how many; harmless for those that are gone. One DeleteObjects per 1,000.

    `check` is called before each and may stop it by raising. Raises `StoreBusy` when some can't be removed now.
    """
    counts: list[int] = []

    def remove(batch: list[str]) -> None:
        check()
        _delete_batch(batch)
        counts.append(len(batch))

    for_each(batches(keys, DELETE_BATCH), remove, DELETERS)
    return sum(counts)


def _delete_batch(batch: list[str]) -> None:
    for attempt in range(8):
        listed: Any = [{"Key": key} for key in batch]
        refused = (
            bucket.client()
            .delete_objects(Bucket=bucket.name(), Delete={"Objects": listed, "Quiet": True})
            .get("Errors", [])
        )
        if not refused:
            return
        if not {error.get("Code") for error in refused} <= _PASSING:
            raise OSError(f"{len(refused)} objects could not be deleted: {refused[0].get('Code')}")
        # The request as a whole was answered 200, so that boto3 does not try it again.
        batch = [error["Key"] for error in refused]
        pause(attempt, base=0.1, longest=5.0)
    raise StoreBusy("The store is busy; try again in a moment")


def delete_one(key: str, etag: str) -> None:
    """Removes the object with this ETag; nothing happens where there is none, or another."""
    with suppress(ObjectMissing, ObjectChanged), bucket.translated():
        bucket.client().delete_object(Bucket=bucket.name(), Key=key, IfMatch=etag)


def delete_prefix(prefix: str, check: Callable[[], object] = bool) -> int:
    """Removes all objects and multipart uploads under a prefix and gives how many objects; `check` as `delete`."""
    multipart.abort_all(prefix, check)
    return delete(list_keys(prefix), check)


def presign_get(key: str, filename: str, content_type: str) -> str:
    """A URL that serves an object, ranges included, under this file name."""
    query = {
        "response-content-disposition": disposition(filename),
        "response-content-type": content_type,
    }
    return bucket.public_signer().url("GET", key, query, expires=settings().download_url_ttl)


def disposition(filename: str) -> str:
    """Content-Disposition with the name in ASCII for old clients and whole for all others (RFC 6266)."""
    name = filename.rsplit("/", 1)[-1]
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
