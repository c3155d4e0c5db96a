"""A large file on its way: its bytes beside its final place, and behind them what is known of them.

While a file is on its way it is called ``.NAME.weighthouse-part``. Behind the file's size there is a state (see
`ranges`): what it is a part of, and how many bytes have arrived of each range. Counts are written after the bytes that
they count, so the operating system has both or the bytes alone when the process is killed, and a later pull goes on.
When the machine loses its power, counts may be there without their bytes: the hashes tell, and it is fetched anew.
Nothing is forced to the disk, also not before the final name is given: a pull that comes after checks every file.
"""

from __future__ import annotations

import os
import sys
import threading

from weighthouse.patience import Patience
from weighthouse.pull.ranges import Ranges, header, range_size, read_state, state_size
from weighthouse.pull.selection import Wanted
from weighthouse.pull.source import Source
from weighthouse.pull.verifying import Digest

_BLOCK = 1 << 20
_COUNT = 8


class Partial:
    """A file on its way, open and locked; threads can write different ranges of it at once."""

    def __init__(self, file: Wanted, path: str, descriptor: int) -> None:
        """Goes on from what is at the descriptor, or begins anew when it is of other content."""
        self.file, self.path = file, path
        self._descriptor: int | None = descriptor
        kept = read_state(os.pread(descriptor, state_size(file.size), file.size), file)
        self.ranges, self._etag = kept or (Ranges(file.size, range_size(file.size)), None)
        self.source: Source
        self.moved = False
        """Whether anything has travelled."""
        self.broken = False
        """Whether it is given up, so that nothing more need be written to it."""
        self._lock = threading.Lock()
        self._digest, self._digested, self._digesting = Digest(), 0, False
        if kept is None:
            os.ftruncate(descriptor, 0)
            write_at(descriptor, self.ranges.written(file, None), file.size)

    @property
    def etag(self) -> str | None:
        """The ETag of the object that the bytes are of."""
        return self._etag

    def write(self, index: int, block: bytes) -> None:
        """Adds the next bytes of a range; raises `OSError`."""
        assert self._descriptor is not None
        if self.source.etag != self._etag:
            self._etag = self.source.etag
            write_at(self._descriptor, header(self.file, self.ranges.each, self._etag), self.file.size)
        write_at(self._descriptor, block, self.ranges.missing(index)[0])
        count = self.ranges.add(index, len(block))
        place = self.file.size + self.ranges.count_at(index)
        write_at(self._descriptor, count.to_bytes(_COUNT, sys.byteorder), place)
        self.moved = True

    def digest(self, patience: Patience) -> bool:
        """Digests what has arrived without a gap, unless another thread does; true when that is all of it.

        It is true once: for whoever digested the last byte.
        """
        with self._lock:
            if self._digesting:
                return False
            self._digesting = True
        while True:
            with self._lock:
                start, stop = self._digested, self.ranges.prefix(self._digested)
                if start == stop:
                    # Once all of it is digested nobody need look again.
                    self._digesting = stop == self.file.size
                    return self._digesting
            self._digest_range(start, stop, patience)

    def _digest_range(self, start: int, stop: int, patience: Patience) -> None:
        assert self._descriptor is not None
        for position in range(start, stop, _BLOCK):
            patience.check()
            self._digest.add(os.pread(self._descriptor, min(_BLOCK, stop - position), position))
        self._digested = stop

    def problem(self) -> str | None:
        """How the content differs from what was recorded, once all of it is digested."""
        return self._digest.problem(self.file)

    def move(self, target: str) -> None:
        """Gives it its final name; raises `OSError`."""
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, self.file.size)
        os.replace(self.path, target)
        self.close()

    def discard(self) -> None:
        """Gives it up, so that nothing of it is gone on with; raises `OSError`."""
        with self._lock:
            if not self.broken:
                self.broken = True
                os.unlink(self.path)

    def close(self) -> None:
        """Unlocks it; no thread may use it any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def write_at(descriptor: int, data: bytes, start: int) -> None:
    """Writes all of it; raises `OSError`. A disk that is almost full takes less at once, and says why the next time."""
    written = os.pwrite(descriptor, data, start)
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], start + written)
