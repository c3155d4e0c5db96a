"""ZIPs become versions: each member is read, checked, hashed and stored as a file."""

import hashlib
from collections.abc import Iterator, Sequence

from chalicelib import telemetry
from chalicelib.archive.directory import Member, read_directory
from chalicelib.archive.members import content_offset, flatten, stream_member
from chalicelib.archive.source import BytesSource, Source
from chalicelib.archive.units import Unit, plan_units, without
from chalicelib.errors import InvalidArchive
from chalicelib.registry.frameworks import content_type_of
from chalicelib.registry.leases import Lease
from chalicelib.registry.working import already_made, make_files
from chalicelib.schema.records import FileRecord, Upload
from chalicelib.settings import settings
from chalicelib.store import keys, large, objects


class StoredSource:
    """A ZIP in the bucket, read by ranges."""

    def __init__(self, key: str) -> None:
        """`ObjectMissing` when there is none."""
        self.key = key
        stored = objects.head(key)
        self.size, self.etag = stored.size, stored.etag

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""
        return b"".join(self.stream(offset, length))

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """These bytes in chunks."""
        return objects.stream(self.key, offset=offset, length=length, etag=self.etag)


class Unpacking:
    """A ZIP whose members become the version's files, and the units of work in which they do."""

    def __init__(self, upload: Upload, source: Source) -> None:
        """Reads the ZIP's directory; `InvalidArchive` names the member that is refused."""
        members = read_directory(source).members
        if not upload.preserve_structure:
            members = flatten(members)
        self._upload = upload
        self._source = source
        self.files = len(members)
        self.size = sum(member.size for member in members)
        self.units = list(plan_units(members))

    def make(self, lease: Lease, units: Sequence[Unit], *, note_all: bool = False) -> list[FileRecord]:
        """Stores the members of these units; `InvalidArchive` names the member that is refused.

        Members that an earlier run noted as finished are not done again. `note_all` is that of `make_files`.
        """
        done = already_made(self._upload, lease, (member.path for unit in units for member in unit.members))
        made = make_files(
            self._upload,
            lease,
            without(units, done),
            lambda unit: self._unpack(lease, unit),
            note_all=note_all,
        )
        return [*done.values(), *made]

    def _unpack(self, lease: Lease, unit: Unit) -> list[FileRecord]:
        files = _unpack_unit(self._upload, lease, self._source, unit)
        telemetry.add(unpacked_bytes=sum(file.size for file in files))
        return files


def unpack(upload: Upload, lease: Lease, source: Source) -> list[FileRecord]:
    """Stores the members of a ZIP as the version's files; `InvalidArchive` names the member that is refused."""
    unpacking = Unpacking(upload, source)
    lease.set_totals(unpacking.files, unpacking.size)
    return unpacking.make(lease, unpacking.units)


def _unpack_unit(upload: Upload, lease: Lease, source: Source, unit: Unit) -> list[FileRecord]:
    lease.check()
    if unit.way == "copy" and isinstance(source, StoredSource):
        return [_copied(upload, lease, source, member) for member in unit.members]
    if unit.way == "together":
        source = BytesSource(source.read(unit.offset, unit.length), unit.offset)
    return [_streamed(upload, lease, source, member) for member in unit.members]


def _copied(upload: Upload, lease: Lease, source: StoredSource, member: Member) -> FileRecord:
    """Stores a member without its bytes passing through here: they are read once where they are then.

    One too large to be read in one run has no SHA-256, where the store can tell its CRC-32.
    """
    key, content_type = keys.file_key(*upload.id, member.path), content_type_of(member.path)
    offset = content_offset(source, member)
    too_large = member.size > settings().verify_limit
    etag = large.copy_range(
        source.key, source.etag, offset, member.size, key, content_type, checksum=too_large
    )
    crc32 = objects.head(key).crc32 if too_large else None
    sha256 = None
    if crc32 is not None:
        lease.advance_bytes(member.size)
    else:
        sha256, crc32, _ = objects.digest(key, etag, lease.advance_bytes)
    if crc32 != member.crc32:
        raise InvalidArchive(
            f"{member.path}: its content does not match its CRC-32: it was damaged, make the ZIP again"
        )
    return _record(member, sha256, etag, content_type)


def _streamed(upload: Upload, lease: Lease, source: Source, member: Member) -> FileRecord:
    sha256 = hashlib.sha256()

    def content() -> Iterator[bytes]:
        for chunk in stream_member(source, member):
            sha256.update(chunk)
            lease.advance_bytes(len(chunk))
            yield chunk
        lease.check_held()

    content_type = content_type_of(member.path)
    etag = large.write_stream(keys.file_key(*upload.id, member.path), content(), member.size, content_type)
    return _record(member, sha256.hexdigest(), etag, content_type)


def _record(member: Member, sha256: str | None, etag: str, content_type: str) -> FileRecord:
    return FileRecord(
        path=member.path,
        size=member.size,
        sha256=sha256,
        verified=sha256 is not None,
        crc32=member.crc32,
        etag=etag,
        content_type=content_type,
    )
