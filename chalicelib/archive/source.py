"""Where an archive's bytes come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

CHUNK = 1024 * 1024
"""Bytes of one chunk that `BytesSource` streams."""


class Source(Protocol):
    """Random access to an archive that may be far larger than memory.

    Callers stay inside `0 <= offset` and `offset + length <= size`.
    """

    @property
    def size(self) -> int:
        """Bytes of the whole archive."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset` on."""
        ...

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """The same bytes in chunks, each small enough to hold in memory."""
        ...


@dataclass(frozen=True, slots=True)
class BytesSource:
    """An archive that is in memory already, as a form upload is, or a piece of one that begins at `start`."""

    data: bytes
    start: int = 0

    @property
    def size(self) -> int:
        return self.start + len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        if offset < self.start or length < 0 or offset + length > self.size:
            raise ValueError(f"bytes {offset}+{length} are not among {self.start} to {self.size}")
        return self.data[offset - self.start : offset - self.start + length]

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        end = offset + length
        for start in range(offset, end, CHUNK):
            yield self.read(start, min(CHUNK, end - start))
