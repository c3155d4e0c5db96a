"""ZIPs become versions: each member is read, checked, hashed and stored as a file."""

import hashlib
import zlib
from collections.abc import Iterator

from chalicelib.archive.directory import Member, read_directory
from chalicelib.archive.members import flatten, stream_member
from chalicelib.archive.source import Source
from chalicelib.registry.frameworks import content_type_of
from chalicelib.registry.leases import Lease
from chalicelib.registry.working import make_files
from chalicelib.schema.records import FileRecord, Upload
from chalicelib.store import keys, objects


class StoredSource:
    """A ZIP in the bucket, read by ranges."""

    def __init__(self, key: str) -> None:
        """`ObjectMissing` when there is none."""
        self._key = key
        stored = objects.head(key)
        self.size, self._etag = stored.size, stored.etag

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        return b"".join(self.stream(offset, length))

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """These bytes in chunks."""
        return objects.stream(self._key, offset=offset, length=length, etag=self._etag)


def unpack(upload: Upload, lease: Lease, source: Source) -> list[FileRecord]:
    """Stores the members of a ZIP as the version's files; `InvalidArchive` names the member that is refused."""
    members = read_directory(source).members
    if not upload.preserve_structure:
        members = flatten(members)
    lease.set_totals(len(members), sum(member.size for member in members))
    return make_files(upload, lease, members, lambda member: _store(upload, lease, source, member))


def _store(upload: Upload, lease: Lease, source: Source, member: Member) -> FileRecord:
    lease.check()
    sha256, crc32 = hashlib.sha256(), 0

    def content() -> Iterator[bytes]:
        nonlocal crc32
        for chunk in stream_member(source, member):
            sha256.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            yield chunk

    content_type = content_type_of(member.path)
    etag = objects.write_stream(keys.file_key(*upload.id, member.path), content(), content_type)
    return FileRecord(
        path=member.path,
        size=member.size,
        sha256=sha256.hexdigest(),
        crc32=crc32,
        etag=etag,
        content_type=content_type,
    )
