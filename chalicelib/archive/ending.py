"""The end of a ZIP: the records that say where its central directory is (APPNOTE 4.3.14 to 4.3.16)."""

from dataclasses import dataclass
from struct import Struct

from chalicelib.archive.extras import UINT16, UINT32
from chalicelib.archive.source import Source
from chalicelib.errors import InvalidArchive

MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 64 * 1024 * 1024
"""Largest central directory that is read: 100,000 members with paths of 512 bytes need 59 MB."""
CENTRAL_HEADER_BYTES = 46

_END = Struct("<4sHHHHLLH")
_END_SIGNATURE = b"PK\x05\x06"
_END64 = Struct("<4sQHHLLQQQQ")
_END64_SIGNATURE = b"PK\x06\x06"
# The record's size without its first 12 bytes; more means encrypted-directory data (7.3.4).
_END64_REMAINDER = _END64.size - 12
_LOCATOR = Struct("<4sLQL")
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_TAIL = _END64.size + _LOCATOR.size + _END.size + UINT16


@dataclass(frozen=True, slots=True)
class CentralDirectory:
    """The central directory's bytes, the number of headers it must hold, and where it begins."""

    data: bytes
    entries: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Ending:
    """What the end records say, and the offset of the first of them."""

    entries: int
    size: int
    offset: int
    position: int


def read_central_directory(source: Source) -> CentralDirectory:
    """The archive's central directory, in at most two reads: 64 KiB, and at most 64 MiB.

    Raises `InvalidArchive` when the source is no ZIP, is cut off, has bytes before or after the archive that are
    not zeros behind it, spans disks, has more than 100,000 members, or when its end records are ambiguous or disagree.
    """
    start = max(0, source.size - _TAIL)
    tail = source.read(start, source.size - start)
    ending = _find_ending(tail, start)
    if ending.entries > MAX_MEMBERS:
        raise InvalidArchive(
            f"The ZIP has {ending.entries} members, at most {MAX_MEMBERS} are allowed: split it over versions"
        )
    if ending.size > MAX_DIRECTORY_BYTES:
        raise InvalidArchive(
            f"The ZIP's directory has {ending.size} bytes, at most {MAX_DIRECTORY_BYTES} are allowed: "
            "make the ZIP again without comments and extra fields"
        )
    missing = ending.position - ending.offset - ending.size
    if missing > 0 and missing % (UINT32 + 1) == 0:
        raise InvalidArchive(
            "The ZIP has 4 GiB or more and says so nowhere, as macOS's Finder writes it: make it with `zip -r` in the "
            "Terminal, or push the files themselves"
        )
    if missing:
        raise InvalidArchive(
            "The ZIP's directory is not where its end record says: bytes were put before or into the archive, "
            "or lost; make the ZIP again"
        )
    if ending.size < ending.entries * CENTRAL_HEADER_BYTES:
        raise InvalidArchive("The ZIP's directory is too small for its number of members: make the ZIP again")
    if ending.offset >= start:
        data = tail[ending.offset - start : ending.position - start]
    else:
        data = source.read(ending.offset, ending.size)
    return CentralDirectory(data, ending.entries, ending.offset)


def _find_ending(tail: bytes, start: int) -> _Ending:
    position = _end_record(tail)
    _, *fields, _ = _END.unpack_from(tail, position)
    disk, first_disk, here, entries, size, offset = fields
    locator = position - _LOCATOR.size
    if locator >= 0 and tail.startswith(_LOCATOR_SIGNATURE, locator):
        ending = _zip64_ending(tail, start, locator)
        wide = (0, 0, ending.entries, ending.entries, ending.size, ending.offset)
        # A field that is not all ones must say the same as its wide twin (4.4.1.4).
        if any(
            field not in (UINT16 if index < 4 else UINT32, twin)
            for index, (field, twin) in enumerate(zip(fields, wide, strict=True))
        ):
            raise InvalidArchive("The ZIP's two end records disagree: make the ZIP again")
        return ending
    if UINT32 in (size, offset):
        raise InvalidArchive("The ZIP lacks the ZIP64 end record that it refers to: make the ZIP again")
    if disk or first_disk or here != entries:
        raise _several_disks()
    # 0xFFFF members without a ZIP64 record is a count like any other: Python's zipfile writes it so.
    return _Ending(entries, size, offset, start + position)


def _end_record(tail: bytes) -> int:
    """Where in `tail` the only end record is whose comment ends with the archive (4.3.16), but for zeros."""
    found = []
    position = tail.find(_END_SIGNATURE)
    signatures = 0
    while position >= 0:
        signatures += 1
        comment = position + _END.size
        end = comment + int.from_bytes(tail[comment - 2 : comment], "little")
        # libarchive fills what it writes into a pipe up to whole blocks, with zeros.
        if comment <= len(tail) and end <= len(tail) and not tail[end:].strip(b"\0"):
            found.append(position)
        position = tail.find(_END_SIGNATURE, position + 1)
    if not signatures:
        raise InvalidArchive(
            "The upload is not a ZIP, or is cut off: it has no end record; upload the whole ZIP"
        )
    if not found:
        raise InvalidArchive("The ZIP has bytes after its end, or is cut off there: upload exactly the ZIP")
    if len(found) > 1 or tail.find(_END_SIGNATURE, found[0] + 1) >= 0:
        raise InvalidArchive("The ZIP has more than one end record: make the ZIP again without a comment")
    return found[0]


def _zip64_ending(tail: bytes, start: int, locator: int) -> _Ending:
    position = locator - _END64.size
    _, disk, offset, disks = _LOCATOR.unpack_from(tail, locator)
    if disk or disks > 1:
        raise _several_disks()
    if position < 0 or offset != start + position:
        raise InvalidArchive("The ZIP's ZIP64 locator points to the wrong place: make the ZIP again")
    signature, remainder, _, _, disk, first_disk, here, entries, size, directory = _END64.unpack_from(
        tail, position
    )
    if signature != _END64_SIGNATURE or remainder != _END64_REMAINDER:
        raise InvalidArchive("The ZIP's ZIP64 end record is damaged: make the ZIP again")
    if disk or first_disk or here != entries:
        raise _several_disks()
    return _Ending(entries, size, directory, start + position)


def _several_disks() -> InvalidArchive:
    return InvalidArchive("The ZIP is split over several files: join them into one ZIP")
