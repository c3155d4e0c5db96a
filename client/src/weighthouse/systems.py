"""What systems differ in about files: how they are opened, and read and written at a place.

Windows has no `os.pread`, `os.pwrite`, `os.readv`, ``O_NOFOLLOW`` or ``O_CLOEXEC``, and translates line ends without
``O_BINARY``: https://docs.python.org/3/library/os.html#open-constants.
"""

from __future__ import annotations

import errno
import os
import threading

WINDOWS = os.name == "nt"

_ALWAYS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_HAS_PLACES = hasattr(os, "pread") and hasattr(os, "pwrite")
_seeking = threading.Lock()
"""Held from where a descriptor is set to a place until it is read or written there."""


def open_file(path: str | os.PathLike[str], flags: int, mode: int = 0o666) -> int:
    """A descriptor for bytes that no other program inherits; raises `OSError`."""
    return os.open(path, flags | _ALWAYS, mode)


def open_itself(path: str, flags: int, mode: int = 0o666) -> int:
    """The same, `OSError` with ``ELOOP`` for a symbolic link; a named pipe is not waited for."""
    if not _NO_FOLLOW and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return open_file(path, flags | _NO_FOLLOW | _NO_WAIT, mode)


def read_at(descriptor: int, count: int, start: int) -> bytes:
    """At most `count` bytes from a place on; threads can share the descriptor. Raises `OSError`."""
    if _HAS_PLACES:
        return os.pread(descriptor, count, start)
    with _seeking:
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.read(descriptor, count)


def write_at(descriptor: int, data: bytes, start: int) -> None:
    """Writes all of it; raises `OSError`. A disk that is almost full takes less at once, and says why the next time."""
    written = _write_some(descriptor, data, start)
    while written < len(data):
        written += _write_some(descriptor, data[written:], start + written)


def _write_some(descriptor: int, data: bytes, start: int) -> int:
    if _HAS_PLACES:
        return os.pwrite(descriptor, data, start)
    with _seeking:
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.write(descriptor, data)
