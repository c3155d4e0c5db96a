"""Whether files that are there have the content of a version's: by what is remembered of them, or by reading them."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from weighthouse.hashes import Clocks, Hashes, Stamp, stamp
from weighthouse.pull.selection import Wanted
from weighthouse.pull.verifying import read

if TYPE_CHECKING:
    import sqlite3

    from weighthouse.records import Records

_FRESH = 500
"""Hashes that are noted at once."""
_LARGE = 64 << 20
"""Bytes of a file that takes so long to read that its hash is noted at once, whatever comes after."""


class _Equal(NamedTuple):
    """A file that is equal."""

    stamp: Stamp
    sure: bool
    """Whether any change of the file would change its stamp."""


def _same_content(before: Stamp, after: Stamp) -> bool:
    """Whether nothing but links to a file was changed between the two."""
    return before._replace(ctime_ns=0) == after._replace(ctime_ns=0)


class Comparing:
    """Compares files, and remembers each one's hash for as long as its stamp stays; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clocks = Clocks()
        self._fresh: list[tuple[Stamp, str]] = []
        self._linked: list[tuple[Stamp, str]] = []
        self._notes: sqlite3.Connection | None = None
        self._hashes: Hashes | None = None
        self._opened = False
        self._others: dict[str, tuple[Stamp, str]] = {}

    def __enter__(self) -> Comparing:
        return self

    def __exit__(self, *_: object) -> None:
        self.keep()
        if self._notes is not None:
            self._notes.close()

    def is_equal(self, path: str, file: Wanted, heed: Callable[[int], None]) -> bool:
        """As `verifying.is_equal`, without reading what has been read before."""
        return self._compare(path, file, heed) is not None

    def link(
        self,
        path: str,
        target: str,
        file: Wanted,
        heed: Callable[[int], None],
        share: Callable[[str, str], None],
    ) -> bool:
        """Has `share` make `target` of the file at `path`, if that is equal, and still is afterwards.

        A link moves the time of the inode's last change, and nothing else: what was remembered of `path` is then
        remembered of both. Raises what `share` raises.
        """
        found = self._compare(path, file, heed)
        if found is None:
            return False
        share(path, target)
        try:
            after = [stamp(each, os.lstat(each)) for each in (path, target)]
        except OSError:
            return False
        if not _same_content(found.stamp, after[0]):
            return False
        if found.sure and file.sha256 and after[0].inode == after[1].inode:
            self._linked += [(each, file.sha256) for each in after]
        return True

    def sha256(self, path: str, heed: Callable[[int], None]) -> str | None:
        """The SHA-256 in hex of the file at `path`; None where there is none, or it can't be read."""
        try:
            mark = stamp(path, os.lstat(path))
        except OSError:
            return None
        if (known := self._known(mark)) is not None:
            return known
        other, sha256 = self._others.pop(path, (None, None))
        if other == mark:
            return sha256
        digest = read(path, heed, lambda found: None)
        return digest.sha256 if digest else None

    def records(self) -> Records | None:
        """What is on record of places; None where it can't be read."""
        from weighthouse.records import Records

        self._remembered()
        return Records(self._notes) if self._notes is not None else None

    def _compare(self, path: str, file: Wanted, heed: Callable[[int], None]) -> _Equal | None:
        try:
            found = os.lstat(path)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            return None
        mark = stamp(path, found)
        if file.sha256 and (known := self._known(mark)) is not None:
            return _Equal(mark, sure=True) if known == file.sha256 else None
        looked: list[Stamp] = []

        def look(found: os.stat_result) -> None:
            looked.append(stamp(path, found))
            self._clocks.read(looked[0])

        if file.sha256 is None and file.crc32 is None:
            return None
        digest = read(path, heed, look, size=file.size)
        if digest is None or not _same_content(looked[0], looked[-1]):
            return None
        if digest.problem(file):
            self._others[path] = (looked[0], digest.sha256)
            return None
        if looked[0] != looked[-1] or file.sha256 is None:
            # Another pull has made a link to it meanwhile, or there is no hash to remember.
            return _Equal(looked[0], sure=False)
        self._fresh.append((looked[0], file.sha256))
        if len(self._fresh) >= _FRESH or file.size > _LARGE:
            self.keep()
        return _Equal(looked[0], sure=self._clocks.is_old(looked[0]))

    def _known(self, mark: Stamp) -> str | None:
        from sqlite3 import Error

        if (hashes := self._remembered()) is None:
            return None
        with suppress(Error):
            return hashes.known([mark]).get(mark.path)
        return None

    def keep(self) -> None:
        """Notes what was found out, for the next run."""
        from sqlite3 import Error

        with self._lock:
            fresh, self._fresh = self._fresh, []
            linked, self._linked = self._linked, []
        if self._hashes is not None:
            with suppress(Error):
                self._hashes.keep(fresh, self._clocks)
                self._hashes.keep_linked(linked)

    def _remembered(self) -> Hashes | None:
        """What is remembered; None where there is no place for it, as in a container that may only be read."""
        from sqlite3 import Error

        from weighthouse.notes import open_notes

        with self._lock:
            if not self._opened:
                self._opened = True
                with suppress(OSError, Error):
                    self._notes = open_notes()
                    self._hashes = Hashes(self._notes)
            return self._hashes
