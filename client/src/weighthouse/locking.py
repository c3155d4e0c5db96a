"""Locks on open files, which keep other processes and threads away until they are released."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

# Some network file systems have no locks; there, two commands at once are the caller's to avoid.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
_TRIES, _PAUSE = 20, 0.1
"""How often, and seconds between, a file is renamed that another program has open: a virus scanner, or a pull that
looks whether it is locked."""

try:
    import fcntl
except ImportError:
    # Windows: https://learn.microsoft.com/en-us/cpp/c-runtime-library/reference/locking
    _OPEN_FILES_MOVE = False
    _msvcrt: Any = import_module("msvcrt")

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            _msvcrt.locking(descriptor, _msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        _msvcrt.locking(descriptor, _msvcrt.LK_UNLCK, 1)

else:
    _OPEN_FILES_MOVE = True

    def _lock(descriptor: int) -> None:
        _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        _flock(descriptor, fcntl.LOCK_UN)

    def _flock(descriptor: int, operation: int) -> None:
        try:
            fcntl.flock(descriptor, operation)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise


def lock(descriptor: int) -> None:
    """Locks an open file; raises `BlockingIOError` when it is locked already."""
    _lock(descriptor)


def release(descriptor: int) -> None:
    """Unlocks a file that is locked, and closes it.

    Closing alone would leave it locked for as long as a process lives that was forked meanwhile: it has the
    descriptor, too.
    """
    try:
        _unlock(descriptor)
    finally:
        os.close(descriptor)


def release_as(descriptor: int, path: str, target: str) -> None:
    """Renames the locked file at `path` and releases it, in any case; raises `OSError`.

    Windows renames no file that is open: there it is closed before, and another program may open it in between.
    """
    if _OPEN_FILES_MOVE:
        try:
            os.replace(path, target)
        finally:
            release(descriptor)
        return
    release(descriptor)
    for _ in range(_TRIES - 1):
        with suppress(PermissionError):
            os.replace(path, target)
            return
        time.sleep(_PAUSE)
    os.replace(path, target)


def release_removed(descriptor: int, path: str) -> None:
    """Removes the locked file at `path` and releases it, in any case; raises `OSError`.

    On Windows one that another process opens meanwhile stays, and is that one's.
    """
    if _OPEN_FILES_MOVE:
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)
        finally:
            release(descriptor)
        return
    release(descriptor)
    with suppress(FileNotFoundError, PermissionError):
        os.unlink(path)
