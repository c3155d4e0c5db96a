"""Content by its hash, shared by hard links between folders and versions."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from weighthouse.names import PART
from weighthouse.pull.comparing import Comparing
from weighthouse.pull.places import cannot_write
from weighthouse.pull.selection import Wanted

# Another device, a file system without links, as many links as it takes, or no right to make one.
_NO_LINK = (
    errno.EXDEV,
    errno.EPERM,
    errno.EMLINK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EACCES,
)


class Cache:
    """A folder with a file for each content, at ``aa/bb/`` and the rest of its SHA-256 in hex.

    An entry is compared with its hash each time before it is used, which means reading it when it has changed since
    the last time; one with other content, as changed through a link to it, is removed. Entries are whole from the
    moment they have their name, so any number of pulls can share a cache. To empty it, delete it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.abspath(folder)

    def _entry(self, sha256: str) -> str:
        return f"{self._folder}/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"

    def has(self, file: Wanted) -> bool:
        """Whether there is an entry for a file."""
        return file.sha256 is not None and os.path.lexists(self._entry(file.sha256))

    def take(self, file: Wanted, target: str, comparing: Comparing, heed: Callable[[int], None]) -> bool:
        """Puts a file at its final place from the cache, if that has it; raises `OSError`.

        `heed` is called with the count of each block that was read.
        """
        if file.sha256 is None:
            return False
        entry = self._entry(file.sha256)
        if comparing.link(entry, target, file, heed, _share):
            return True
        with suppress(FileNotFoundError):
            os.unlink(entry)
        return False

    def add(self, file: Wanted, path: str) -> None:
        """Keeps the content of a file that was verified just now; raises `WeighthouseError`."""
        if file.sha256 is None:
            return
        entry = self._entry(file.sha256)
        try:
            os.makedirs(os.path.dirname(entry), exist_ok=True)
            if not os.path.lexists(entry):
                _share(path, entry)
        except OSError as error:
            raise cannot_write(entry, error) from error


def _share(source: str, target: str) -> None:
    """Makes `target` the same file as `source`, a copy where the file system has no links; it appears whole."""
    own = f"{os.path.dirname(target)}/.{os.urandom(8).hex()}{PART}"
    try:
        try:
            os.link(source, own)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            shutil.copyfile(source, own)
        os.replace(own, target)
    finally:
        # A rename between two links to one file leaves both.
        with suppress(FileNotFoundError):
            os.unlink(own)
