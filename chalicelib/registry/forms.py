"""Form uploads: the bytes are in the request, and the version is published in its answer."""

import hashlib
import math
from collections.abc import Callable
from uuid import uuid4

from chalicelib import checksums
from chalicelib.errors import HashMismatch, StoreBusy
from chalicelib.paths import sent_path
from chalicelib.registry import access, clock, metadata
from chalicelib.registry.callers import Caller
from chalicelib.registry.finishing import finish
from chalicelib.registry.frameworks import content_type_of
from chalicelib.registry.leases import LEASE, Lease, LeaseLost, new_owner
from chalicelib.registry.naming import check_path
from chalicelib.registry.reserving import reserve
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import FileRecord, Upload
from chalicelib.schema.requests import FolderForm, Metadata, SingleForm
from chalicelib.store import keys, objects, uploads


def store_file(
    caller: Caller, form: SingleForm, filename: str, content_type: str | None, data: bytes
) -> VersionDocument:
    """Publishes one file as a version; `Conflict` when it exists, `HashMismatch`."""
    filename = sent_path(filename)
    check_path(filename)
    declared = metadata.clean_hash(form.file_hash, "file_hash")
    sha256 = hashlib.sha256(data).hexdigest()
    if declared is not None and declared != sha256:
        raise HashMismatch(
            f"{filename}: the SHA-256 of what arrived is {sha256}, but {declared} was declared. Nothing was published"
        )
    known_type = (
        content_type_of(filename) if content_type in (None, "application/octet-stream") else content_type
    )

    def make(upload: Upload, lease: Lease) -> list[FileRecord]:
        lease.set_totals(1, len(data))
        crc32 = checksums.crc32(data)
        etag = objects.put(
            keys.file_key(*upload.id, filename), data, content_type=str(known_type), crc32=crc32
        )
        file = FileRecord(
            path=filename,
            size=len(data),
            sha256=sha256,
            crc32=crc32,
            etag=etag,
            content_type=str(known_type),
        )
        return [file]

    return _publish(caller, form, make, primary=filename if form.is_primary else None, choose_primary=False)


def store_folder(caller: Caller, form: FolderForm, data: bytes) -> VersionDocument:
    """Publishes the members of a ZIP as a version; `Conflict` when it exists, `InvalidArchive`."""
    # What reads ZIPs takes 6 ms to import, which only those who bring one should wait for.
    from chalicelib.archive.source import BytesSource
    from chalicelib.registry.unpacking import unpack

    def make(upload: Upload, lease: Lease) -> list[FileRecord]:
        return unpack(upload, lease, BytesSource(data))

    return _publish(caller, form, make, preserve_structure=form.preserve_structure)


def _publish(
    caller: Caller,
    form: Metadata,
    make: Callable[[Upload, Lease], list[FileRecord]],
    *,
    primary: str | None = None,
    choose_primary: bool = True,
    preserve_structure: bool = True,
) -> VersionDocument:
    access.check_upload(caller, form.user_id)
    owner = new_owner()
    upload = Upload(
        upload_id=uuid4().hex,
        kind="form",
        metadata=metadata.checked(form),
        actor=caller.actor,
        created_at=clock.timestamp(),
        expires_at=clock.now() + LEASE,
        primary=primary,
        choose_primary=choose_primary,
        preserve_structure=preserve_structure,
    )
    standing = reserve(upload, uploads.VERIFYING, owner=owner)
    lease = Lease(uploads.key(upload.upload_id), owner, lambda: math.inf, until=standing.lease_until)
    try:
        return finish(standing, lease, lambda lease: make(upload, lease))
    except LeaseLost:
        raise StoreBusy(
            "The service was held up for too long, and nothing was published; send it again"
        ) from None
