"""Files that came by presigned URLs: put together, read once, and compared with what was declared."""

from msgspec import structs

from chalicelib.errors import Conflict, HashMismatch, InvalidRequest
from chalicelib.registry.arriving import NAMED, Missing, PartsMissing, object_key
from chalicelib.registry.leases import Lease
from chalicelib.registry.planning import parts_total
from chalicelib.schema.records import ExpectedFile, FileRecord, StoredContent, Upload
from chalicelib.settings import settings
from chalicelib.store import keys, large, multipart, objects
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.store.objects import Digest


class ContentGone(Exception):
    """Content that was to be copied inside the store is no longer there."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def named(things: list[str]) -> str:
    """The first 20 of these things, and how many more there are."""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return f"{', '.join(things[:NAMED])}{more}"


def put_together(upload: Upload, file: ExpectedFile, key: str) -> str:
    """Makes the object of the parts that arrived and gives its ETag; harmless when it was done before."""
    if file.multipart_id is None:
        raise PartsMissing(f"{file.name}: nothing of it has arrived; `parts` gives the URLs to send it to")
    try:
        parts = multipart.list_parts(key, file.multipart_id, parts_total(file.size, upload.part_size))
    except ObjectMissing:
        # Completed by an earlier run, which died before it could say so: only this upload can write here.
        return _made_before(file, key)
    missing = Missing(upload.part_size)
    missing.add(file, parts)
    missing.refuse()
    try:
        return multipart.complete(key, file.multipart_id, parts)
    except ObjectMissing:
        return _made_before(file, key)
    except ObjectChanged:
        raise PartsMissing(
            f"{file.name}: a part was sent again while the upload was being completed; complete it again"
        ) from None


def _made_before(file: ExpectedFile, key: str) -> str:
    try:
        stored = objects.head(key)
    except ObjectMissing:
        raise InvalidRequest(
            f"{file.name}: its parts are gone from the store; abort this upload and start a new one"
        ) from None
    return stored.etag


def make_file(upload: Upload, lease: Lease, file: ExpectedFile) -> FileRecord:
    """The record of one expected file, once its bytes are in place and were read.

    Raises `HashMismatch` when they are not those that were declared, `PartsMissing`, `ContentGone`.
    """
    lease.check()
    key = object_key(upload, file)
    if file.copy_of is not None:
        record = _copied(upload, file, key)
        lease.advance_bytes(file.size)
        return record
    if file.size == 0:
        return _checked(lease, file, key, objects.put(key, b"", content_type=file.content_type))
    return _checked(lease, file, key, put_together(upload, file, key))


def _source_key(upload: Upload, source: StoredContent) -> str:
    return keys.file_key(upload.metadata.user_id, source.model_id, source.version, source.path)


def can_be_copied(upload: Upload, file: ExpectedFile) -> bool:
    """Whether the content that a file is to be a copy of is still there. One HEAD."""
    assert file.copy_of is not None
    try:
        return objects.head(_source_key(upload, file.copy_of)).etag == file.copy_of.etag
    except ObjectMissing:
        return False


def _copied(upload: Upload, file: ExpectedFile, key: str) -> FileRecord:
    source = file.copy_of
    assert source is not None
    try:
        etag = large.copy(_source_key(upload, source), source.etag, file.size, key, file.content_type)
    except (ObjectMissing, ObjectChanged):
        raise ContentGone(file.path) from None
    return structs.replace(_record(file), etag=etag, sha256=file.sha256, crc32=source.crc32)


def copied_within(upload: Upload, lease: Lease, file: ExpectedFile, first: FileRecord) -> FileRecord:
    """The record of a file that has the content of another of its upload, which was made `first`, once it is copied.

    Raises `Conflict` when that is not what it was any more.
    """
    lease.check()
    source, key = keys.file_key(*upload.id, first.path), object_key(upload, file)
    try:
        etag = large.copy(source, first.etag, file.size, key, file.content_type)
    except (ObjectMissing, ObjectChanged):
        raise Conflict(
            f"{file.path}: {first.path}, which it is a copy of, was changed in the store meanwhile."
            " Nothing was published; start a new upload"
        ) from None
    lease.advance_bytes(file.size)
    record = structs.replace(_record(file), etag=etag, sha256=first.sha256, crc32=first.crc32)
    return structs.replace(record, verified=first.verified)


def _checked(lease: Lease, file: ExpectedFile, key: str, etag: str) -> FileRecord:
    if file.size > settings().verify_limit:
        crc32 = objects.head(key).crc32
        if crc32 is not None:
            lease.advance_bytes(file.size)
            record = structs.replace(_record(file), etag=etag, sha256=file.sha256)
            return structs.replace(record, verified=False, crc32=crc32)
    return structs.replace(checked_record(file, objects.digest(key, etag, lease.advance_bytes)), etag=etag)


def checked_record(file: ExpectedFile, digest: Digest) -> FileRecord:
    """The record of a file whose content is this, still without an ETag; `HashMismatch` when other was declared."""
    if digest.size != file.size:
        raise InvalidRequest(f"{file.path}: {digest.size} bytes arrived instead of the {file.size} declared")
    if file.sha256 is not None and digest.sha256 != file.sha256:
        raise HashMismatch(
            f"{file.path}: the SHA-256 of what arrived is {digest.sha256}, but {file.sha256} was declared."
            " Nothing was published; start a new upload"
        )
    return structs.replace(_record(file), sha256=digest.sha256, crc32=digest.crc32)


def _record(file: ExpectedFile) -> FileRecord:
    return FileRecord(
        path=file.path,
        size=file.size,
        sha256=None,
        etag="",
        content_type=file.content_type,
        description=file.description,
    )
