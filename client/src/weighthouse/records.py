"""What pulls and pushes left at each place: the content that may be overwritten, since the registry has it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping

Placed = tuple[str, str]
"""The absolute path of a file, and the SHA-256 of its content in hex."""


Recorded = Mapping[str, Mapping[str, str | None]]
"""Path to the contents on record, each with the folder that was pulled into."""


class Records:
    """One row for each path and content. A path has two for as long as a pull is about to replace one by the other.

    The content that is to come is recorded before a file has its name, and the one before is forgotten afterwards, so
    a pull that was killed anywhere in between finds its own files again. decisions/0048 says why.
    """

    def __init__(self, notes: sqlite3.Connection) -> None:
        self._notes = notes

    def under(self, folder: str) -> Recorded:
        """Of each path inside `folder` the contents that are on record, each with the folder that was pulled into.

        That is None where a push recorded it, or a pull that found it there.
        """
        start = os.fsencode(folder).rstrip(b"/")
        rows = self._notes.execute(
            "SELECT path, sha256, folder FROM places WHERE path > ? AND path < ?",
            (start + b"/", start + b"0"),
        )
        found: dict[str, dict[str, str | None]] = {}
        for path, sha256, pulled in rows:
            found.setdefault(os.fsdecode(path), {})[sha256] = None if pulled is None else os.fsdecode(pulled)
        return found

    def expect(self, folder: str, files: Iterable[Placed]) -> None:
        """Records what a pull into `folder` is about to put at these paths, beside what is there now."""
        self._write(files, os.fsencode(folder))

    def keep(self, files: Iterable[Placed]) -> None:
        """Records that this is the content now, and nothing else; the folder that was pulled into stays."""
        files = list(files)
        self._write(files, None)
        with self._notes:
            self._notes.execute("BEGIN IMMEDIATE")
            self._notes.executemany(
                "DELETE FROM places WHERE path = ? AND sha256 <> ?",
                [(os.fsencode(path), sha256) for path, sha256 in files],
            )

    def _write(self, files: Iterable[Placed], folder: bytes | None) -> None:
        used = int(time.time())
        with self._notes:
            self._notes.execute("BEGIN IMMEDIATE")
            self._notes.executemany(
                "INSERT INTO places VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET folder = coalesce(excluded.folder, folder), used = excluded.used",
                [(os.fsencode(path), sha256, folder, used) for path, sha256 in files],
            )

    def forget(self, paths: Iterable[str]) -> None:
        """Forgets files that are removed."""
        with self._notes:
            self._notes.execute("BEGIN IMMEDIATE")
            self._notes.executemany(
                "DELETE FROM places WHERE path = ?", [(os.fsencode(path),) for path in paths]
            )
