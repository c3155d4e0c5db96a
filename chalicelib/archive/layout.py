"""The whole-model ZIP: where each byte of it comes from, known before any of it is read.

The same files give the same bytes, in whatever order they are named: members are stored, in path order,
with one fixed time and mode. ZIP64 fields and records (APPNOTE 4.5.3, 4.3.14) are there only where a size, an
offset or a count needs them: many tools read none. The place of a member depends on the sizes before it and
on nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct, pack
from typing import Self

from chalicelib.archive.extras import UINT16, UINT32, ZIP64

FORMAT = 2
"""Which bytes this module lays out for the same files; another number with each change of them."""

_LOCAL = Struct("<4sHHHHHLLLHH")
_CENTRAL = Struct("<4sHHHHHHLLLHHHHHLL")
_END64 = Struct("<4sQHHLLQQQQ")
_LOCATOR = Struct("<4sLQL")
_END = Struct("<4sHHHHLLH")

_VERSION = 20  # 4.4.3.2
_VERSION_ZIP64 = 45
_MADE_BY_UNIX = 3 << 8 | _VERSION_ZIP64  # 4.4.2
_UTF8_NAME = 0x0800  # 4.4.4 bit 11
_STORED = 0
# 2000-01-01 12:00:00 (4.4.6): a local time without a zone, which must be of the same day for readers that take it for
# UTC, and lie behind the beginning of MS-DOS time, 1980, and of Unix time, 1970, wherever they are.
_TIME = 12 << 11
_DATE = (2000 - 1980) << 9 | 1 << 5 | 1
_MODE = 0o100644 << 16  # a regular file that its owner writes and all read


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to hand out: its path obeys `paths.path_problem`, `size` is in bytes."""

    path: str
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Literal:
    """Bytes of the archive's own: headers."""

    data: bytes

    @property
    def length(self) -> int:
        return len(self.data)

    def cut(self, start: int, length: int) -> Self:
        """`length` of the bytes, from `start` on."""
        return type(self)(self.data[start : start + length])


@dataclass(frozen=True, slots=True)
class Content:
    """`length` bytes of an entry's content, from `offset` on."""

    path: str
    offset: int
    length: int

    def cut(self, start: int, length: int) -> Self:
        """`length` of the bytes, from `start` on."""
        return type(self)(self.path, self.offset + start, length)


Piece = Literal | Content


@dataclass(frozen=True, slots=True)
class Layout:
    """An archive of `size` bytes: the pieces, one after the other, none of them empty."""

    pieces: tuple[Piece, ...]
    size: int


def plan_archive(entries: Iterable[Entry]) -> Layout:
    """The archive of these files, of any number but none and of any size.

    Raises `ValueError` when there is no entry, or two have one path.
    """
    ordered = sorted(entries, key=lambda entry: entry.path.encode())
    if not ordered:
        raise ValueError("an archive needs at least one entry")
    pieces: list[Piece] = []
    # One buffer: the directory of 100,000 files takes up to 60 MB, and would double as a list.
    central = bytearray()
    headers: list[bytes] = []
    position = 0
    for index, entry in enumerate(ordered):
        if index and entry.path == ordered[index - 1].path:
            raise ValueError(f"two entries have the path {entry.path!r}")
        name = entry.path.encode()
        headers.append(_local_header(entry, name))
        central += _central_header(entry, name, position)
        position += len(headers[-1]) + entry.size
        if entry.size:
            pieces += Literal(b"".join(headers)), Content(entry.path, 0, entry.size)
            headers.clear()
    end = _end_records(len(ordered), position, len(central))
    pieces.append(Literal(b"".join((*headers, central, end))))
    return Layout(tuple(pieces), position + len(central) + len(end))


def _local_header(entry: Entry, name: bytes) -> bytes:
    # A local header has both sizes in its ZIP64 field, or has none (4.5.3).
    sizes = (entry.size, entry.size) if entry.size >= UINT32 else ()
    extra = _zip64_field(sizes)
    narrow = min(entry.size, UINT32)
    fixed = _LOCAL.pack(
        b"PK\x03\x04",
        _VERSION_ZIP64 if sizes else _VERSION,
        _UTF8_NAME,
        _STORED,
        _TIME,
        _DATE,
        entry.crc32,
        narrow,
        narrow,
        len(name),
        len(extra),
    )
    return fixed + name + extra


def _central_header(entry: Entry, name: bytes, offset: int) -> bytes:
    wide = [value for value in (entry.size, entry.size, offset) if value >= UINT32]
    extra = _zip64_field(wide)
    narrow = min(entry.size, UINT32)
    fixed = _CENTRAL.pack(
        b"PK\x01\x02",
        _MADE_BY_UNIX,
        _VERSION_ZIP64 if wide else _VERSION,
        _UTF8_NAME,
        _STORED,
        _TIME,
        _DATE,
        entry.crc32,
        narrow,
        narrow,
        len(name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        min(offset, UINT32),
    )
    return fixed + name + extra


def _zip64_field(values: Sequence[int]) -> bytes:
    """The extra field that holds these values (4.5.3), empty when there is none."""
    return pack(f"<HH{len(values)}Q", ZIP64, 8 * len(values), *values) if values else b""


def _end_records(entries: int, offset: int, size: int) -> bytes:
    """The end record, and before it the two of ZIP64 when it cannot hold all: a field of all ones refers to those."""
    narrow = min(entries, UINT16)
    end = _END.pack(b"PK\x05\x06", 0, 0, narrow, narrow, min(size, UINT32), min(offset, UINT32), 0)
    if entries < UINT16 and max(size, offset) < UINT32:
        return end
    end64 = _END64.pack(
        b"PK\x06\x06", _END64.size - 12, _MADE_BY_UNIX, _VERSION_ZIP64, 0, 0, entries, entries, size, offset
    )
    return end64 + _LOCATOR.pack(b"PK\x06\x07", 0, offset + size, 1) + end
