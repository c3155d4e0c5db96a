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

    from weighthouse.hashes import Hashes


class Comparing:
    """Compares files, and remembers each one's hash for as long as its size, time stamp and inode stay; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: sqlite3.Connection | None = None
        self._hashes: Hashes | None = None
        self._opened = False

    def __enter__(self) -> Comparing:
        return self

    def __exit__(self, *_: object) -> None:
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

        mark, began = stamp(path, found), time.time_ns()
        with suppress(Error):
            if (known := hashes.known([mark]).get(path)) is not None:
                return known == file.sha256
        if not is_equal(path, file, heed):
            return False
        with suppress(Error):
            hashes.keep([(mark, file.sha256)], began)
        return True

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
