"""The bytes of a part as they are sent, read from the files that they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple

from weighthouse.errors import FileChanged
from weighthouse.push.scanning import Source, unreadable
from weighthouse.systems import read_at


class Segment(NamedTuple):
    """Some bytes of a file."""

    source: Source
    start: int
    size: int


class Content:
    """Segments one after the other, as the body of a request; at most one file is open, a block in memory."""

    def __init__(self, segments: Sequence[Segment], on_read: Callable[[int], None]) -> None:
        """`on_read` is called with the bytes of each block that is handed out."""
        self._left = iter(segments)
        self._segment: Segment | None = None
        self._descriptor = -1
        self._done = 0
        self._on_read = on_read
        self.position = 0
        """Bytes handed out so far."""

    def __enter__(self) -> Content:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def read(self, count: int, /) -> bytes:
        """The next bytes, `count` but at the end; raises `FileChanged` when a file is not what it was."""
        blocks: list[bytes] = []
        room = count
        while room and (block := self._read(room)):
            blocks.append(block)
            room -= len(block)
        self.position += count - room
        self._on_read(count - room)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _read(self, count: int) -> bytes:
        if self._segment is None:
            self._segment = next(self._left, None)
            if self._segment is None:
                return b""
            self._descriptor, self._done = self._segment.source.open(), 0
        source, start, size = self._segment
        try:
            block = read_at(self._descriptor, min(count, size - self._done), start + self._done)
        except OSError as error:
            raise unreadable(source.path, error) from error
        if not block:
            raise FileChanged(f"{source.path} became shorter while it was pushed")
        self._done += len(block)
        if self._done == size:
            # What was read is what was hashed only if it is still the same file now.
            source.check(os.fstat(self._descriptor))
            self._close()
        return block

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._segment, self._descriptor = None, -1
