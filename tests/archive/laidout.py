"""What a layout comes to: its bytes, and its records as APPNOTE 4.3 has them, read from front to end."""

import bisect
import io
import itertools
import random
from dataclasses import dataclass
from struct import calcsize, unpack
from zlib import crc32

from each import each

from chalicelib.archive.layout import Entry, Layout, Literal, plan_archive

FILES = {
    "model.bin": random.Random(1).randbytes(50_000),
    "a/b/config.json": b"{}",
    "empty": b"",
    "a/empty too": b"",
    "模型/é.txt": b"text",
}
ONES16, ONES32 = 0xFFFF, 0xFFFFFFFF


def plan(files: dict[str, bytes]) -> Layout:
    return plan_archive([Entry(path, len(content), crc32(content)) for path, content in files.items()])


def gather(pieces, files: dict[str, bytes]) -> bytes:
    return b"".join(
        piece.data if isinstance(piece, Literal) else files[piece.path][piece.offset :][: piece.length]
        for piece in pieces
    )


class Sparse(io.RawIOBase):
    """A laid out archive of any size as a file: its contents are zeros."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.position = layout, 0
        self.starts = [0, *itertools.accumulate(piece.length for piece in layout.pieces)]

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset + (0, self.position, self.layout.size)[whence]
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int = -1) -> bytes:
        end = self.layout.size if size < 0 else min(self.layout.size, self.position + size)
        found = b""
        while self.position < end:
            index = bisect.bisect(self.starts, self.position) - 1
            start, piece = self.starts[index], self.layout.pieces[index]
            taken = piece.cut(self.position - start, min(end, self.starts[index + 1]) - self.position)
            found += taken.data if isinstance(taken, Literal) else bytes(taken.length)
            self.position += taken.length
        return found


@dataclass(frozen=True)
class Found:
    """A member: what it is, which of its values stand in ZIP64 fields, and the version that it asks for."""

    name: str
    size: int
    offset: int
    local_wide: tuple[int, ...]
    central_wide: tuple[int, ...]
    versions: tuple[int, int]


@dataclass(frozen=True)
class Records:
    """The members of an archive, and whether it has the ZIP64 end records."""

    members: list[Found]
    wide_end: bool


def records_of(layout: Layout) -> Records:
    """Reads every record once, by itself; fails where one says other than what lies there."""
    stream = Sparse(layout)

    def take(form: str):
        data = stream.read(calcsize(form))
        assert len(data) == calcsize(form)
        return unpack(form, data)

    def wide_values(length: int) -> tuple[int, ...]:
        if not length:
            return ()
        number, size = take("<HH")
        assert (number, size) == (1, length - 4)
        return take(f"<{size // 8}Q")

    def widened(narrow: tuple[int, ...], wide: tuple[int, ...]) -> list[int]:
        twins = iter(wide)
        values = [next(twins) if value == ONES32 else value for value in narrow]
        assert next(twins, None) is None
        return values

    local = []
    signature = take("<4s")
    while signature == (b"PK\x03\x04",):
        offset = stream.tell() - 4
        version, flags, method, time, date, crc, packed, size, name_length, extra = take("<HHHHHLLLHH")
        name = stream.read(name_length)
        wide = wide_values(extra)
        packed, size = widened((packed, size), wide)
        assert (flags, method, packed) == (0x0800, 0, size)
        stream.seek(size, 1)
        local.append(((version, time, date, crc, size, name), offset, wide))
        signature = take("<4s")
    directory = stream.tell() - 4
    members = []
    for (version, *rest), offset, local_wide in each(local):
        assert signature == (b"PK\x01\x02",)
        _, needed, flags, method, time, date, crc, *narrow = take("<HHHHHHLLL")
        packed, size = narrow
        name_length, extra, comment, disk, _, mode, found_at = take("<HHHHHLL")
        name = stream.read(name_length)
        wide = wide_values(extra)
        packed, size, found_at = widened((packed, size, found_at), wide)
        assert (flags, method, packed, comment, disk, mode >> 16) == (0x0800, 0, size, 0, 0, 0o100644)
        assert (found_at, [time, date, crc, size, name]) == (offset, rest)
        members.append(Found(name.decode(), size, offset, local_wide, wide, (version, needed)))
        signature = take("<4s")
    end = stream.tell() - 4
    truth = (len(members), len(members), end - directory, directory)
    wide_end = signature == (b"PK\x06\x06",)
    if wide_end:
        remainder, _, version, disk, first_disk, *counts = take("<QHHLLQQQQ")
        assert (remainder, version, disk, first_disk, tuple(counts)) == (44, 45, 0, 0, truth)
        assert take("<4sLQL") == (b"PK\x06\x07", 0, end, 1)
        signature = take("<4s")
    assert signature == (b"PK\x05\x06",)
    disk, first_disk, *counts, comment = take("<HHHHLLH")
    assert (disk, first_disk, comment) == (0, 0, 0)
    most = (ONES16, ONES16, ONES32, ONES32)
    assert counts == [min(value, ones) for value, ones in zip(truth, most, strict=True)]
    assert wide_end == any(value >= ones for value, ones in zip(truth, most, strict=True))
    assert stream.read() == b""
    return Records(members, wide_end)
