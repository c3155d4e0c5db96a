"""A large file as ranges, how much of each has arrived, and how that is written down."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator

from weighthouse.pull.selection import Wanted

_SHORTEST, _LONGEST = 16 << 20, 32 << 20
"""Bytes of a range: enough that a request's own cost vanishes, few enough that the threads end together."""
_SHARE = 32
"""Ranges of a file of which the ranges are of lengths between these."""
_MOST = 10_000
"""Ranges of a file; of a larger file they are longer, so that what is held and written down stays small."""
_MAGIC = b"WHPART1\n"
# Of the version: the file's size, SHA-256 and CRC-32; the length of a range; the ETag of the object.
_HEADER = struct.Struct("=8sQ64s8sQB127s")
_COUNT = 8
"""Bytes in which the bytes that have arrived of a range are written down."""


def range_size(size: int) -> int:
    """The length of the ranges of a file, in bytes: 16 to 32 MiB, and more when there would be over 10,000 of them."""
    share = -(-size // (_SHARE << 20)) << 20
    least = -(-size // (_MOST << 20)) << 20
    return max(_SHORTEST, min(share, _LONGEST), least)


class Ranges:
    """How much of each range has arrived; bytes of a range arrive in order."""

    def __init__(self, size: int, each: int, done: array[int] | None = None) -> None:
        self.size, self.each = size, each
        self._done = done or array("Q", bytes(_COUNT * -(-size // each)))

    @classmethod
    def finished(cls, size: int) -> Ranges:
        """Those of a file that has arrived whole."""
        ranges = cls(size, range_size(size))
        for index in range(len(ranges)):
            start, stop = ranges.bounds(index)
            ranges.add(index, stop - start)
        return ranges

    def __len__(self) -> int:
        return len(self._done)

    def bounds(self, index: int) -> tuple[int, int]:
        """Where a range starts, and where it stops."""
        start = index * self.each
        return start, min(start + self.each, self.size)

    def missing(self, index: int) -> tuple[int, int]:
        """What has not arrived of a range, as start and stop."""
        start, stop = self.bounds(index)
        return start + self._done[index], stop

    def add(self, index: int, count: int) -> int:
        """Counts bytes of a range as arrived, and gives how many have."""
        self._done[index] += count
        return self._done[index]

    def is_finished(self, index: int) -> bool:
        """Whether all of a range has arrived."""
        start, stop = self.missing(index)
        return start == stop

    def unfinished(self) -> Iterator[int]:
        """The ranges of which something is missing."""
        return (index for index in range(len(self)) if not self.is_finished(index))

    @property
    def arrived(self) -> int:
        """Bytes that have arrived in all."""
        return sum(self._done)

    def prefix(self, known: int) -> int:
        """How many bytes have arrived from the beginning without a gap, when `known` have at least."""
        for index in range(known // self.each, len(self)):
            start, stop = self.missing(index)
            if start < stop:
                return start
        return self.size

    def count_at(self, index: int) -> int:
        """Where the count of a range stands behind the state's beginning."""
        return _HEADER.size + index * _COUNT

    def written(self, file: Wanted, etag: str | None) -> bytes:
        """All of it as it is written down: a header, and the counts of the ranges as 8 bytes each."""
        return header(file, self.each, etag) + self._done.tobytes()


def header(file: Wanted, each: int, etag: str | None) -> bytes:
    """The header of a state. An ETag that is longer than 127 bytes is left out."""
    tag = (etag or "").encode()
    tag = tag if len(tag) <= 127 else b""
    hashes = (file.sha256 or "").encode(), (file.crc32 or "").encode()
    return _HEADER.pack(_MAGIC, file.size, *hashes, each, len(tag), tag)


def read_state(state: bytes, file: Wanted) -> tuple[Ranges, str | None] | None:
    """The ranges and the ETag in a state, when it is one of this very content; else None."""
    each = range_size(file.size)
    counts = -(-file.size // each)
    if len(state) != _HEADER.size + counts * _COUNT:
        return None
    length, tag = _HEADER.unpack_from(state)[-2:]
    etag = tag[:length].decode(errors="replace") or None
    if state[: _HEADER.size] != header(file, each, etag):
        return None
    ranges = Ranges(file.size, each, array("Q", state[_HEADER.size :]))
    if any(start > stop for start, stop in map(ranges.missing, range(counts))):
        return None
    return ranges, etag


def state_size(size: int) -> int:
    """How many bytes the state of a file takes."""
    return _HEADER.size + -(-size // range_size(size)) * _COUNT
