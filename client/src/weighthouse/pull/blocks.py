"""Content in blocks: what was read last is held, and who reads on in order finds more and more of it there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

BLOCK = 256 * 1024
"""Bytes of a block: what the smallest read fetches. The headers of most formats fit into one."""
_AHEAD = 32
"""Blocks that are fetched at once, at most: 8 MiB."""
_HELD = 2 * _AHEAD
"""Blocks that are held: 16 MiB."""


class Blocks:
    """A content of `size` bytes of which ranges can be fetched; not thread-safe."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        """`fetch` gives the bytes from a start to before a stop."""
        self._size, self._fetch = size, fetch
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._ahead = 1
        self._expected = 0
        """The block after those that were fetched last: a read that goes on there is one in order."""

    def read_into(self, view: memoryview, start: int) -> int:
        """Fills `view` with the bytes from `start` on; gives how many there were: fewer only at the end."""
        stop = min(start + len(view), self._size)
        position = start
        while position < stop:
            block = self._block(position // BLOCK, last=(stop - 1) // BLOCK)
            inside = position % BLOCK
            count = min(len(block) - inside, stop - position)
            view[position - start : position - start + count] = block[inside : inside + count]
            position += count
        return max(position - start, 0)

    def _block(self, index: int, last: int) -> bytes:
        """A block, fetched if need be, with those up to `last` that follow it, and more when they are read in order."""
        if index not in self._held:
            self._fetch_from(index, last)
        self._held.move_to_end(index)
        return self._held[index]

    def _fetch_from(self, index: int, last: int) -> None:
        self._ahead = min(self._ahead * 2, _AHEAD) if index == self._expected else 1
        count = min(max(last - index + 1, self._ahead), _AHEAD)
        count = next((n for n in range(1, count) if index + n in self._held), count)
        start, stop = index * BLOCK, min((index + count) * BLOCK, self._size)
        data = memoryview(self._fetch(start, stop))
        for offset in range(0, stop - start, BLOCK):
            self._held[index + offset // BLOCK] = bytes(data[offset : offset + BLOCK])
        self._expected = index + count
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
