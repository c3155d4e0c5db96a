"""Multipart uploads: begun, filled part by part or by copies inside the store, and made into objects."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from chalicelib import checksums
from chalicelib.settings import settings
from chalicelib.store import bucket, wire
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.parallel import Pool, for_each

PAGE = 1_000
"""Parts in one answer of ListParts:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""


class Part(NamedTuple):
    """A part of a multipart upload that has arrived."""

    number: int
    size: int
    etag: str
    crc32: str | None


def create(key: str, content_type: str, *, checksum: bool = True) -> str:
    """Begins a multipart upload and gives its id.

    With a `checksum` the store is asked for a CRC-32 of the whole object. What is copied inside the store goes
    without: a store may have to read all of it again for that (SeaweedFS takes more than twice as long).
    """
    asked: Any = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"} if checksum else {}
    return bucket.client().create_multipart_upload(
        Bucket=bucket.name(), Key=key, ContentType=content_type, **asked
    )["UploadId"]


def upload_part(
    key: str, multipart_id: str, number: int, pieces: Sequence[bytes], size: int, *, checksum: bool = True
) -> Part:
    """Sends one part of `size` bytes; `ObjectMissing` when the multipart upload is gone.

    With a `checksum`, for a multipart upload that has one, the store compares the part's CRC-32.
    """
    headers = {}
    if checksum:
        crc32 = 0
        for piece in pieces:
            crc32 = checksums.crc32(piece, crc32)
        headers["x-amz-checksum-crc32"] = wire.crc_text(crc32)
    query = {"partNumber": str(number), "uploadId": multipart_id}
    with bucket.translated():
        answer = wire.send("PUT", key, query=query, headers=headers, body=pieces, size=size)
    return Part(number, size, answer.headers["ETag"], answer.headers.get("x-amz-checksum-crc32"))


def copy_part(
    key: str, multipart_id: str, number: int, source: str, etag: str, offset: int, length: int
) -> Part:
    """Makes a part of a range of another object, inside the store; `ObjectMissing`, `ObjectChanged`."""
    query = {"partNumber": str(number), "uploadId": multipart_id}
    headers = {
        "x-amz-copy-source": quote(f"{bucket.name()}/{source}"),
        "x-amz-copy-source-if-match": etag,
        "x-amz-copy-source-range": f"bytes={offset}-{offset + length - 1}",
    }
    with bucket.translated():
        answer = wire.send("PUT", key, query=query, headers=headers, wait=wire.COPY_WAIT)
    text = answer.data.decode()
    return Part(number, length, wire.tag(text, "ETag"), wire.tag(text, "ChecksumCRC32") or None)


def pages(total: int) -> int:
    """How many ListParts it takes to list so many parts."""
    return max(1, -(-total // (PAGE - 1)))


def list_parts(key: str, multipart_id: str, total: int) -> list[Part]:
    """Which of the parts 1 to `total` have arrived, by number; `ObjectMissing` when the multipart upload is gone.

    One ListParts for 999 parts, eight at a time.
    """
    starts = [page * (PAGE - 1) for page in range(pages(total))]
    if len(starts) == 1:
        listed = _listed(key, multipart_id, 0)
    else:
        with Pool(8) as pool:
            found = pool.map(lambda start: _listed(key, multipart_id, start), starts)
            listed = [part for page in found for part in page]
    latest: dict[int, Any] = {}
    for part in listed:
        # SeaweedFS lists every content that a number was sent with, and not in the order of time. It also sorts
        # numbers as text, so that 10000 is listed before 1000.
        known = latest.setdefault(part["PartNumber"], part)
        if known["LastModified"] <= part["LastModified"]:
            latest[part["PartNumber"]] = part
    return [
        Part(number, part["Size"], part["ETag"], part.get("ChecksumCRC32"))
        for number, part in sorted(latest.items())
        if number <= total
    ]


def _listed(key: str, multipart_id: str, start: int) -> list[Any]:
    """All that is listed of the parts from `start + 1` to `start + 999`, and some behind them.

    One behind them says that no other content of the last of them is left for the next answer.
    """
    listed: list[Any] = []
    marker, end = start, start + PAGE - 1
    while True:
        with bucket.translated():
            answer = bucket.client().list_parts(
                Bucket=bucket.name(), Key=key, UploadId=multipart_id, PartNumberMarker=marker, MaxParts=PAGE
            )
        listed += answer.get("Parts", [])
        if not answer.get("IsTruncated") or (last := answer["NextPartNumberMarker"]) > end:
            return listed
        marker = max(last - 1, marker + 1)


def complete(key: str, multipart_id: str, parts: list[Part]) -> str:
    """Makes the object of its parts and gives its ETag.

    Raises `ObjectMissing` when upload and object are gone, `ObjectChanged` when a part is not that one any more.
    """
    listed: list[Any] = [
        {"PartNumber": part.number, "ETag": part.etag} | ({"ChecksumCRC32": part.crc32} if part.crc32 else {})
        for part in parts
    ]
    s3 = bucket.client()
    with bucket.translated():
        try:
            return s3.complete_multipart_upload(
                Bucket=bucket.name(), Key=key, UploadId=multipart_id, MultipartUpload={"Parts": listed}
            )["ETag"]
        except s3.exceptions.NoSuchUpload:
            # A request whose answer was lost has made the object; nothing else is ever written to this key.
            return s3.head_object(Bucket=bucket.name(), Key=key)["ETag"]


def abort(key: str, multipart_id: str) -> None:
    """Gives up a multipart upload and its parts; harmless when it is gone."""
    try:
        with bucket.translated():
            bucket.client().abort_multipart_upload(Bucket=bucket.name(), Key=key, UploadId=multipart_id)
    except ObjectMissing:
        pass


def in_progress(prefix: str) -> Iterator[tuple[str, str]]:
    """Key and id of each multipart upload in progress under a prefix."""
    for page in (
        bucket.client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket.name(), Prefix=prefix)
    ):
        for upload in page.get("Uploads", []):
            if upload["Key"].startswith(prefix):
                yield upload["Key"], upload["UploadId"]


def abort_all(prefix: str, check: Callable[[], object] = bool) -> None:
    """Gives up every multipart upload in progress under a prefix, sixteen at a time; `check` may stop it."""

    def give_up(found: tuple[str, str]) -> None:
        check()
        abort(*found)

    for_each(in_progress(prefix), give_up, 16)


def presign_part(key: str, multipart_id: str, number: int, size: int) -> str:
    """A URL that takes a part of `size` bytes, and no other, by a plain PUT.

    Every HTTP client sends the Content-Length that is signed by itself, when it knows what it sends.
    """
    query = {"uploadId": multipart_id, "partNumber": str(number)}
    return bucket.public_signer().url("PUT", key, query, expires=settings().part_url_ttl, size=size)
