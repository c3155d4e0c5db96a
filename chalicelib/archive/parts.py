"""A layout cut into the parts of one S3 multipart upload, most bytes of it copied inside S3."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from chalicelib.archive.layout import Content, Layout, Piece
from chalicelib.errors import TooLarge

MIB = 1024 * 1024
MIN_PART = 5 * MIB
MAX_PART = 5 * 1024 * MIB
MAX_PARTS = 10_000
"""S3's limits for a part's size, but for the last, and for their number; copied parts have the same
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)."""

# Copies of this size run side by side and take seconds each; one of 5 GiB takes a minute.
_USUAL_COPY = 256 * MIB
# A written part takes 8 MiB where nothing but small files comes: fewer requests, little memory.
_WRITTEN_RATIO = 1.6
# How fast parts grow until their number fits.
_GROWTH = 1.25


@dataclass(frozen=True, slots=True)
class CopyPart:
    """A part that S3 copies from one range of one entry's content (UploadPartCopy)."""

    number: int
    content: Content

    @property
    def size(self) -> int:
        return self.content.length


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """A part whose pieces the function gathers and uploads."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        return sum(piece.length for piece in self.pieces)


Part = CopyPart | WrittenPart


def plan_parts(
    layout: Layout, *, min_part: int = MIN_PART, max_part: int = MAX_PART, max_parts: int = MAX_PARTS
) -> list[Part]:
    """The parts of the layout, in order and numbered from 1; sizes in bytes.

    Each has `min_part` to `max_part` bytes, the last perhaps fewer, and there are at most `max_parts`.
    Large entries are copied; headers and small entries are written, and so is as much of a large entry's
    front as a written part needs to reach `min_part`. A written part has at most 1.6 times `min_part`
    bytes; only where so many files make too many parts, larger ones are written.

    Raises `TooLarge` when even the largest parts do not suffice, and `ValueError` when `max_part` is less
    than twice `min_part`.
    """
    if max_part < 2 * min_part:
        raise ValueError(f"max_part {max_part} must be at least twice min_part {min_part}")
    least = min_part
    while least <= max_part // 2:
        # A quarter of the parts is enough for all copies, the ends of entries aside.
        copied = min(max_part, max(_USUAL_COPY, 2 * least, 4 * layout.size // max_parts))
        cutter = _Cutter(least=least, written=int(least * _WRITTEN_RATIO), copied=copied)
        parts = list(islice(cutter.cut(layout), max_parts + 1))
        if len(parts) <= max_parts:
            return parts
        least = ceil(least * _GROWTH)
    raise TooLarge(
        f"The version's ZIP of {layout.size} bytes is too large for one S3 object: download its files one by one"
    )


class _Cutter:
    """Cuts a layout; holds the pieces of the written part that is being filled.

    `least` bytes make a part, `written` and `copied` are the most of each kind; `copied >= 2 * least`.
    """

    def __init__(self, *, least: int, written: int, copied: int) -> None:
        self.least = least
        self.written = written
        self.copied = copied
        self.pending: list[Piece] = []
        self.filled = 0
        self.number = 0

    def cut(self, layout: Layout) -> Iterator[Part]:
        for piece in layout.pieces:
            front = max(0, self.least - self.filled) if self.pending else 0
            if isinstance(piece, Content) and piece.length - front >= self.least:
                if front:
                    yield from self._write(piece.cut(0, front))
                yield from self._flush()
                yield from self._copy(piece.cut(front, piece.length - front))
            else:
                yield from self._write(piece)
        yield from self._flush()

    def _write(self, piece: Piece) -> Iterator[Part]:
        position, length = 0, piece.length
        while position < length:
            taken = min(length - position, self.written - self.filled)
            self.pending.append(piece if taken == length else piece.cut(position, taken))
            self.filled += taken
            position += taken
            if self.filled == self.written:
                yield from self._flush()

    def _flush(self) -> Iterator[Part]:
        if self.pending:
            self.number += 1
            yield WrittenPart(self.number, tuple(self.pending))
            self.pending.clear()
            self.filled = 0

    def _copy(self, content: Content) -> Iterator[Part]:
        """The content in the fewest ranges, all of about the same size: none is less than half of the most."""
        count = -(-content.length // self.copied)
        for index in range(count):
            start = content.length * index // count
            end = content.length * (index + 1) // count
            self.number += 1
            yield CopyPart(self.number, content.cut(start, end - start))
