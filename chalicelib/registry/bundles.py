"""Bundles: small files that travel together, one after the other, in one multipart upload.

A bundle is expected like a file, one without a path, and in the end it is cut into the files that it holds.
"""

import hashlib
from collections.abc import Iterator, Sequence

from msgspec import structs

from chalicelib import checksums
from chalicelib.registry.leases import Lease
from chalicelib.registry.verifying import checked_record
from chalicelib.schema.records import FILES_PER_ROW, ExpectedFile, FileRecord, Upload
from chalicelib.settings import MIB
from chalicelib.store import keys, objects
from chalicelib.store.objects import Digest

SMALL = MIB
"""Bytes of the largest file that travels in a bundle."""
TOGETHER = 4 * MIB
"""Bytes of neighbours that are fetched with one request."""


def bundled(files: Sequence[ExpectedFile]) -> tuple[list[ExpectedFile], ExpectedFile | None]:
    """These files, the small ones with their place in a bundle, and the bundle; None when no file needs one."""
    placed: list[ExpectedFile] = []
    size = 0
    for file in files:
        if file.travels and file.size <= SMALL:
            placed.append(structs.replace(file, bundle_offset=size))
            size += file.size
        else:
            placed.append(file)
    bundle = ExpectedFile(path="", size=size, content_type="application/octet-stream") if size else None
    return placed, bundle


def neighbours(files: Sequence[ExpectedFile]) -> Iterator[list[ExpectedFile]]:
    """The files in the order in which they lie in the bundle, in lists that are fetched with one request each.

    A list has up to 4 MiB, gaps included, and 50 files, which are noted in one row when they are finished.
    """
    near: list[ExpectedFile] = []
    for file in files:
        if near and (_end(file) - _offset(near[0]) > TOGETHER or len(near) == FILES_PER_ROW):
            yield near
            near = []
        near.append(file)
    if near:
        yield near


def unbundle(upload: Upload, lease: Lease, etag: str, files: Sequence[ExpectedFile]) -> list[FileRecord]:
    """Cuts neighbours out of the bundle with this ETag: each is compared with what was declared, then stored.

    Raises `HashMismatch`.
    """
    start = _offset(files[0])
    length = _end(files[-1]) - start
    content = b"".join(
        objects.stream(keys.bundle_key(upload.upload_id), offset=start, length=length, etag=etag)
    )
    made = []
    for file in files:
        lease.check()
        data = content[_offset(file) - start : _end(file) - start]
        record = checked_record(
            file, Digest(hashlib.sha256(data).hexdigest(), checksums.crc32(data), len(data))
        )
        key = keys.file_key(*upload.id, file.path)
        record.etag = objects.put(key, data, content_type=file.content_type, crc32=record.crc32)
        made.append(record)
        lease.advance_bytes(file.size)
    return made


def _offset(file: ExpectedFile) -> int:
    assert file.bundle_offset is not None
    return file.bundle_offset


def _end(file: ExpectedFile) -> int:
    return _offset(file) + file.size
