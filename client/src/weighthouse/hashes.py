"""SHA-256 of files, computed once for each content that a file has had."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from itertools import islice
from typing import NamedTuple, TypeVar

from weighthouse.settings import state_folder
from weighthouse.systems import WINDOWS

T = TypeVar("T")

BLOCK = 1024 * 1024
"""Bytes that are read at a time."""
YOUNG = 60 * 10**9
"""Nanoseconds for which a file may change again without a trace.

Time stamps may be as coarse as 2 s (FAT), and a store into a page of a mapped file moves them only once the page was
clean: Linux cleans one within 35 s, https://docs.kernel.org/admin-guide/sysctl/vm.html#dirty-expire-centisecs.
"""
_ROWS = 500
"""Rows that are asked for at once."""


class Stamp(NamedTuple):
    """What says that a file is still the same. No program can set the time of the last change of a file's inode."""

    path: str
    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int

    @property
    def changed_ns(self) -> int:
        """When it last changed in any way, by the clock of its file system."""
        return max(self.mtime_ns, self.ctime_ns)

    def row(self) -> tuple[bytes | int, ...]:
        """The same as SQLite can hold it: paths need not be UTF-8, and inodes have 64 bits without a sign."""
        path, *numbers = self
        return (os.fsencode(path), *((number + 2**63) % 2**64 - 2**63 for number in numbers))


def stamp(path: str, found: os.stat_result) -> Stamp:
    """The stamp of the file at `path`, of which `found` was said."""
    return Stamp(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def sha256_of(descriptor: int, on_block: Callable[[int], None]) -> str:
    """The SHA-256 in hex of an open file from where it stands; `on_block` is called with the bytes of each block."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(BLOCK))
    with FileIO(descriptor, closefd=False) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            on_block(count)
    return digest.hexdigest()


class Clocks:
    """What time it was before any file was read: by the clocks of file systems, and by this machine's."""

    def __init__(self) -> None:
        self.began_ns = time.time_ns()
        """By this machine's clock."""
        self._began: dict[int, int | None] = {}
        self._lock = threading.Lock()

    def read(self, stamp: Stamp) -> None:
        """Reads the clock of a file's device, unless it was read before; to be called before the file is read."""
        with self._lock:
            if stamp.device not in self._began:
                self._began[stamp.device] = _clock(stamp.device, os.path.dirname(stamp.path))

    def is_old(self, stamp: Stamp) -> bool:
        """Whether a file had not changed for so long, when its clock was read, that a change since shows.

        Only the clock that made the stamp can tell: a file server's may differ from this machine's.
        """
        began = self._began.get(stamp.device)
        return began is not None and stamp.changed_ns < began - YOUNG


def _clock(device: int, folder: str) -> int | None:
    """The time of a device in nanoseconds, as it stamps a file made just now; None when nobody would want one there.

    The file is in the state folder when that is on the device, else in `folder`, where it never has a name.
    """
    with suppress(OSError):
        own = state_folder()
        if own.stat().st_dev == device:
            with tempfile.TemporaryFile(dir=own) as file:
                return os.fstat(file.fileno()).st_mtime_ns
    with suppress(OSError, AttributeError):
        # Linux has it, on most of its own file systems.
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if found.st_dev == device:
            return found.st_mtime_ns
    return None


class Hashes:
    """The hashes that are known already; threads can share it."""

    def __init__(self, notes: sqlite3.Connection) -> None:
        self._notes = notes
        self._lock = threading.Lock()

    def known(self, stamps: Iterable[Stamp]) -> dict[str, str]:
        """Path to SHA-256 of the files that have been hashed as they are.

        None on Windows: it says when a file was made in place of `Stamp.ctime_ns`, and any program can set the rest.
        """
        found: dict[str, str] = {}
        if WINDOWS:
            return found
        for some in _chunks(stamps, _ROWS):
            noted = {row: sha256 for row, sha256, unsure_since in self._noted(some) if not unsure_since}
            found |= {stamp.path: noted[row] for stamp in some if (row := stamp.row()) in noted}
        return found

    def _noted(self, stamps: Sequence[Stamp]) -> Iterator[tuple[tuple[bytes | int, ...], str, int]]:
        """What is noted of the files at these paths, in whatever state."""
        query = f"SELECT * FROM stamps WHERE path IN ({','.join('?' * len(stamps))})"  # noqa: S608 (marks only)
        with self._lock:
            rows = self._notes.execute(query, [stamp.row()[0] for stamp in stamps]).fetchall()
        return ((tuple(row), sha256, unsure_since) for *row, sha256, unsure_since, _ in rows)

    def keep(self, hashed: Iterable[tuple[Stamp, str]], clocks: Clocks) -> None:
        """Notes hashes of files that had these stamps before and after they were read, after the clocks were.

        A hash is used from then on when the file was old, or its stamp was noted long before: what changes a file
        after it was read then changes its stamp, too.
        """
        now = time.time_ns()
        for some in _chunks(hashed, _ROWS):
            noted = {row: since for row, _, since in self._noted([stamp for stamp, _ in some])}
            rows = []
            for stamp, sha256 in some:
                since = noted.get(stamp.row(), now)
                sure = clocks.is_old(stamp) or since < clocks.began_ns - YOUNG
                rows.append((stamp, sha256, 0 if sure else since))
            self._write(rows)

    def keep_linked(self, hashed: Iterable[tuple[Stamp, str]]) -> None:
        """Notes hashes of files that were known until a link to them was made, and have these stamps since."""
        for some in _chunks(hashed, _ROWS):
            self._write([(stamp, sha256, 0) for stamp, sha256 in some])

    def _write(self, noted: Sequence[tuple[Stamp, str, int]]) -> None:
        used = int(time.time())
        rows = [(*stamp.row(), sha256, unsure_since, used) for stamp, sha256, unsure_since in noted]
        # One transaction: each writes whole pages, however little changes.
        with self._lock:
            self._notes.execute("BEGIN IMMEDIATE")
            with self._notes:
                self._notes.executemany("REPLACE INTO stamps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, paths: Iterable[str]) -> None:
        """Forgets hashes that turned out wrong."""
        with self._lock:
            self._notes.executemany(
                "DELETE FROM stamps WHERE path = ?", [(os.fsencode(path),) for path in paths]
            )


def _chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
