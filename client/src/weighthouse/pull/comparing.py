"""Whether files that are there have the content of a version's: by what is remembered of them, or by reading them."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from weighthouse.pull.selection import Wanted
from weighthouse.pull.verifying import is_equal

if TYPE_CHECKING:
    import sqlite3

    from weighthouse.hashes import Hashes, Stamp

_FRESH = 500
"""Hashes that are noted at once."""
_LARGE = 64 << 20
"""Bytes of a file that takes so long to read that its hash is noted at once, whatever comes after."""


class Comparing:
    """Compares files, and remembers each one's hash for as long as its size, time stamp and inode stay; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = time.time_ns()
        self._fresh: list[tuple[Stamp, str]] = []
        self._notes: sqlite3.Connection | None = None
        self._hashes: Hashes | None = None
        self._opened = False

    def __enter__(self) -> Comparing:
        return self

    def __exit__(self, *_: object) -> None:
        self._keep()
        if self._notes is not None:
            self._notes.close()

    def is_equal(self, path: str, file: Wanted, heed: Callable[[int], None]) -> bool:
        """As `verifying.is_equal`, without reading what has been read before."""
        try:
            found = os.lstat(path)
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            return False
        if file.sha256 is None or (hashes := self._remembered()) is None:
            return is_equal(path, file, heed)
        from sqlite3 import Error

        from weighthouse.hashes import stamp

        mark = stamp(path, found)
        with suppress(Error):
            if (known := hashes.known([mark]).get(path)) is not None:
                return known == file.sha256
        if not is_equal(path, file, heed):
            return False
        self._fresh.append((mark, file.sha256))
        if len(self._fresh) >= _FRESH or file.size > _LARGE:
            self._keep()
        return True

    def _keep(self) -> None:
        from sqlite3 import Error

        with self._lock:
            fresh, self._fresh = self._fresh, []
        if self._hashes is not None:
            with suppress(Error):
                self._hashes.keep(fresh, self._began)

    def _remembered(self) -> Hashes | None:
        """What is remembered; None where there is no place for it, as in a container that may only be read."""
        from sqlite3 import Error

        from weighthouse.hashes import Hashes
        from weighthouse.notes import open_notes

        with self._lock:
            if not self._opened:
                self._opened = True
                with suppress(OSError, Error):
                    self._notes = open_notes()
                    self._hashes = Hashes(self._notes)
            return self._hashes
