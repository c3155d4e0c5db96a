"""Which uploads have been begun and not finished, so that the same command goes on with them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from weighthouse.errors import InvalidInput
from weighthouse.locking import lock, release, release_removed
from weighthouse.settings import state_folder
from weighthouse.systems import open_file

PushedFile = tuple[str, int, str]
"""Path inside the version, bytes, SHA-256 in hex."""


class Begun(NamedTuple):
    """An upload that was begun."""

    upload_id: str
    fingerprint: str
    """Of what is uploaded: see `fingerprint`."""


def fingerprint(metadata: Mapping[str, Any], files: Sequence[PushedFile]) -> str:
    """Tells two versions apart."""
    content = json.dumps([metadata, files], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


class Journal:
    """The journal of one push: from where to where."""

    def __init__(self, notes: sqlite3.Connection, *push: str) -> None:
        """`push` is what must be the same for two commands to be the same."""
        self._notes = notes
        self._key = hashlib.sha256("\0".join(push).encode(errors="surrogateescape")).hexdigest()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from the same push; `InvalidInput` when one is at it."""
        folder = state_folder() / "running"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = str(folder / self._key)
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock(descriptor)
        except BaseException as error:
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            raise InvalidInput("The same push is running already; wait for it, or stop it") from None
        try:
            yield
        except BaseException:
            release(descriptor)
            raise
        release_removed(descriptor, path)

    def read(self) -> Begun | None:
        """The upload that was begun, if there is one."""
        row = self._notes.execute(
            "SELECT upload_id, fingerprint FROM uploads WHERE key = ?", (self._key,)
        ).fetchone()
        return Begun(*row) if row else None

    def write(self, begun: Begun) -> None:
        """Notes an upload, before the service is asked for it."""
        row = (self._key, *begun, int(time.time()))
        self._notes.execute("REPLACE INTO uploads VALUES (?, ?, ?, ?)", row)

    def clear(self) -> None:
        """Forgets the upload: it is finished, or given up."""
        self._notes.execute("DELETE FROM uploads WHERE key = ?", (self._key,))
