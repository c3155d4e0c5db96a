"""Multipart uploads: begun, filled part by part or by copies inside the store, and made into objects."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from chalicelib.settings import settings
from chalicelib.store import bucket
from chalicelib.store.bucket import ObjectMissing


class Part(NamedTuple):
    """A part of a multipart upload that has arrived."""

    number: int
    size: int
    etag: str
    crc32: str | None


def create(key: str, content_type: str) -> str:
    """Begins a multipart upload, asking for a CRC-32 of the whole object, and gives its id."""
    return bucket.client().create_multipart_upload(
        Bucket=bucket.name(),
        Key=key,
        ContentType=content_type,
        ChecksumAlgorithm="CRC32",
        ChecksumType="FULL_OBJECT",
    )["UploadId"]


def upload_part(key: str, multipart_id: str, number: int, data: bytes) -> Part:
    """Sends one part; `ObjectMissing` when the multipart upload is gone."""
    with bucket.translated():
        answer = bucket.client().upload_part(
            Bucket=bucket.name(),
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
    with bucket.translated():
        result = bucket.client().upload_part_copy(
            Bucket=bucket.name(),
            Key=key,
            UploadId=multipart_id,
            PartNumber=number,
            CopySource={"Bucket": bucket.name(), "Key": source},
            CopySourceRange=f"bytes={offset}-{offset + length - 1}",
            CopySourceIfMatch=etag,
        )["CopyPartResult"]
    return Part(number, length, result["ETag"], result.get("ChecksumCRC32"))


def list_parts(key: str, multipart_id: str) -> list[Part]:
    """The parts that have arrived, by number; `ObjectMissing` when the multipart upload is gone."""
    latest: dict[int, Any] = {}
    marker = 0
    while True:
        with bucket.translated():
            answer = bucket.client().list_parts(
                Bucket=bucket.name(), Key=key, UploadId=multipart_id, PartNumberMarker=marker
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


def complete(key: str, multipart_id: str, parts: list[Part]) -> str:
    """Makes the object of its parts and gives its ETag.

    Raises `ObjectMissing` when the upload is gone, `ObjectChanged` when a part is not that one any more.
    """
    listed: list[Any] = [
        {"PartNumber": part.number, "ETag": part.etag} | ({"ChecksumCRC32": part.crc32} if part.crc32 else {})
        for part in parts
    ]
    with bucket.translated():
        return bucket.client().complete_multipart_upload(
            Bucket=bucket.name(), Key=key, UploadId=multipart_id, MultipartUpload={"Parts": listed}
        )["ETag"]


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


def abort_all(prefix: str) -> None:
    """Gives up every multipart upload in progress under a prefix, sixteen at a time."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda found: abort(*found), in_progress(prefix)))


def presign_part(key: str, multipart_id: str, number: int) -> str:
    """A URL that takes a part by a plain PUT, without any header."""
    query = {"uploadId": multipart_id, "partNumber": str(number)}
    return bucket.signer().url("PUT", key, query, expires=settings().part_url_ttl)
