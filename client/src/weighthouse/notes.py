"""What the client remembers between two runs: one SQLite file in the state folder."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress

from weighthouse.settings import not_kept, state_folder

_KEPT = 90 * 86_400
"""Seconds after which what nobody asked for is forgotten."""
_PLACES_KEPT = 730 * 86_400
"""The same for what was pulled: without a record a file is taken for an edited one."""
_TABLES = """
DROP TABLE IF EXISTS hashes; -- of clients that took less for an unchanged file
CREATE TABLE IF NOT EXISTS stamps (
    path BLOB PRIMARY KEY, device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
    sha256 TEXT, unsure_since INTEGER, used INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    key TEXT PRIMARY KEY, upload_id TEXT, fingerprint TEXT, used INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    path BLOB, sha256 TEXT, folder BLOB, used INTEGER, PRIMARY KEY (path, sha256)
) WITHOUT ROWID;
"""


def open_notes() -> sqlite3.Connection:
    """The notes, which several processes may have open; what can't be read is begun anew.

    Where they can't be written they are in memory, and a warning says so.
    """
    path = state_folder() / "notes.sqlite3"
    try:
        return _open(str(path))
    except sqlite3.OperationalError as error:
        not_kept(f"{path}: {error}")
        return _open(":memory:")
    except sqlite3.DatabaseError:
        with suppress(FileNotFoundError):
            path.unlink()
        return _open(str(path))


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # A note may be lost with the power, but not with the process.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_TABLES)
        before = int(time.time()) - _KEPT
        connection.execute("DELETE FROM stamps WHERE used < ?", (before,))
        connection.execute("DELETE FROM uploads WHERE used < ?", (before,))
        connection.execute("DELETE FROM places WHERE used < ?", (int(time.time()) - _PLACES_KEPT,))
    except BaseException:
        connection.close()
        raise
    return connection
