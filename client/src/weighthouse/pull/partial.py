"""A large file on its way: its bytes beside its final place, and behind them what is known of them.

While a file is on its way it is called ``.NAME.weighthouse-part``. Behind the file's size there is a state (see
`ranges`): what it is a part of, and how many bytes have arrived of each range. Counts are written after the bytes that
they count, so the operating system has both or the bytes alone when the process is killed, and a later pull goes on.
When the machine loses its power, counts may be there without their bytes: the hashes tell, and it is fetched anew.
Nothing is forced to the disk, also not before the final name is given: a pull that comes after checks every file.
"""

from __future__ import annotations

import errno
import os
import sys
import threading

from weighthouse.locking import release, release_as, release_removed
from weighthouse.patience import Patience, Stopped
from weighthouse.pull.ranges import Ranges, header, range_size, read_state, state_size
from weighthouse.pull.selection import Wanted
from weighthouse.pull.source import Source
from weighthouse.pull.verifying import Digest
from weighthouse.systems import read_at, write_at

_BLOCK = 1 << 20
_COUNT = 8
_AHEAD = 96 << 20
"""Bytes by which fetching may be ahead of digesting."""
_LOOK = 0.5
"""Seconds after which a thread that waits looks whether the job was stopped."""


class Partial:
    """A file on its way, open and locked; threads can write different ranges of it at once."""

    def __init__(self, file: Wanted, path: str, descriptor: int) -> None:
        """Goes on from what is at the descriptor, or begins anew when it is of other content."""
        self.file, self.path = file, path
        self._descriptor: int | None = descriptor
        kept = read_state(read_at(descriptor, state_size(file.size), file.size), file)
        known = file.sha256 is not None or file.crc32 is not None
        if kept is None and known and os.fstat(descriptor).st_size == file.size:
            # It was killed in `move`, between cutting off the state and giving the name: the hashes will tell.
            kept = Ranges.finished(file.size), None
        self.ranges, self._etag = kept or (Ranges(file.size, range_size(file.size)), None)
        self.source: Source
        self.moved = False
        """Whether anything has travelled."""
        self.broken = False
        """Whether it is given up, so that nothing more need be written to it."""
        self._lock, self._writing = threading.Condition(), threading.Lock()
        self._digest, self._digested, self._digesting = Digest(), 0, False
        if kept is None:
            empty(descriptor)
            write_at(descriptor, self.ranges.written(file, None), file.size)

    @property
    def etag(self) -> str | None:
        """The ETag of the object that the bytes are of."""
        return self._etag

    def write(self, index: int, block: bytes) -> None:
        """Adds the next bytes of a range; raises `OSError`, and `Stopped` once it is closed."""
        # File systems write to a file from one thread at a time anyway.
        with self._writing:
            if self._descriptor is None:
                raise Stopped
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
                    self._lock.notify_all()
                    return self._digesting
            self._digest_range(start, stop, patience)

    def _digest_range(self, start: int, stop: int, patience: Patience) -> None:
        for position in range(start, stop, _BLOCK):
            patience.check()
            if self._descriptor is None:
                raise Stopped
            data = read_at(self._descriptor, min(_BLOCK, stop - position), position)
            if not data:
                raise OSError(errno.EIO, f"{self.path!r} became shorter")
            self._digest.add(data)
            with self._lock:
                self._digested += len(data)
                self._lock.notify_all()

    def await_digest(self, number: int, patience: Patience) -> None:
        """Waits until a range is not too far ahead of what is digested: else all that is left in the end is to digest.

        Raises `Stopped`.
        """
        with self._lock:
            while self._digesting and self.ranges.missing(number)[0] > self._digested + _AHEAD:
                patience.check()
                self._lock.wait(_LOOK)

    def problem(self) -> str | None:
        """How the content differs from what was recorded, once all of it is digested."""
        return self._digest.problem(self.file)

    @property
    def sha256(self) -> str:
        """In hex, once all of it is digested."""
        return self._digest.sha256

    def move(self, target: str) -> None:
        """Gives it its final name; raises `OSError`."""
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, self.file.size)
        with self._writing:
            descriptor, self._descriptor = self._descriptor, None
            release_as(descriptor, self.path, target)

    def discard(self) -> None:
        """Marks it as broken: nothing of it is resumed, and it is removed once it is closed."""
        self.broken = True

    def close(self) -> None:
        """Unlocks it; a thread that still waits for an answer writes nothing any more. Raises `OSError`."""
        with self._writing:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            if self.broken:
                release_removed(descriptor, self.path)
            else:
                release(descriptor)


def empty(descriptor: int) -> None:
    """Makes a file empty that may not be. ext4 writes a file that was cut to nothing to the disk when it is closed."""
    if os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, 0)
