"""SHA-256 of files, computed once for each content that a file has had."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

BLOCK = 1024 * 1024
"""Bytes that are read at a time."""
_YOUNG = 2 * 10**9
"""Nanoseconds: a file that changed so shortly before it was read may change again within the same time stamp."""

Stamp = tuple[str, int, int, int]
"""Path, bytes, time of the last change in nanoseconds, inode."""


def stamp(path: str, found: os.stat_result) -> Stamp:
    """What says that a file is still the same."""
    return (path, found.st_size, found.st_mtime_ns, found.st_ino)


def sha256_of(descriptor: int, on_block: Callable[[int], None]) -> str:
    """The SHA-256 in hex of an open file from where it stands; `on_block` is called with the bytes of each block."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(BLOCK))
    while count := os.readv(descriptor, [buffer]):
        digest.update(buffer[:count])
        on_block(count)
    return digest.hexdigest()


class Hashes:
    """The hashes that are known already; threads can share it."""

    def __init__(self, notes: sqlite3.Connection) -> None:
        self._notes = notes
        self._lock = threading.Lock()

    def known(self, stamps: Iterable[Stamp]) -> dict[str, str]:
        """Path to SHA-256 of the files that have been hashed as they are."""
        found: dict[str, str] = {}
        for some in _chunks(stamps, 500):
            query = f"SELECT * FROM hashes WHERE path IN ({','.join('?' * len(some))})"  # noqa: S608 (marks only)
            by_path = {stamp[0]: stamp for stamp in some}
            with self._lock:
                rows = self._notes.execute(query, list(by_path)).fetchall()
            found |= {row[0]: row[4] for row in rows if by_path[row[0]] == row[:4]}
        return found

    def keep(self, hashed: Iterable[tuple[Stamp, str]], began_ns: int) -> None:
        """Notes hashes of files that were read from `began_ns` on, by `time.time_ns`."""
        now = int(time.time())
        rows = [(*stamp, sha256, now) for stamp, sha256 in hashed if stamp[2] < began_ns - _YOUNG]
        if not rows:
            return
        # One transaction: each writes whole pages, however little changes.
        with self._lock:
            self._notes.execute("BEGIN IMMEDIATE")
            with self._notes:
                self._notes.executemany("REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)

    def forget(self, paths: Iterable[str]) -> None:
        """Forgets hashes that turned out wrong."""
        with self._lock:
            self._notes.executemany("DELETE FROM hashes WHERE path = ?", [(path,) for path in paths])


def _chunks(items: Iterable[Stamp], size: int) -> Iterator[Sequence[Stamp]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
