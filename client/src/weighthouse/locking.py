"""Locks on open files, which keep other processes and threads away until they are released."""

from __future__ import annotations

import errno
import fcntl
import os

# Some network file systems have no locks; there, two commands at once are the caller's to avoid.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


def lock(descriptor: int) -> None:
    """Locks an open file; raises `BlockingIOError` when it is locked already."""
    _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def release(descriptor: int) -> None:
    """Unlocks a file and closes it.

    Closing alone would leave it locked for as long as a process lives that was forked meanwhile: it has the
    descriptor, too.
    """
    try:
        _flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _flock(descriptor: int, operation: int) -> None:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
