"""Runs the client in a process that lacks what Python lacks on Windows, where open files can't be renamed or removed.

Called with the address of a registry, and a folder in which `net` is what is pushed; what is pulled becomes `copy`.
"""

import os
import sys
import types

MODULES = ("fcntl", "pwd", "grp", "termios", "resource", "readline")
NAMES = (
    *(
        "pread",
        "pwrite",
        "preadv",
        "pwritev",
        "readv",
        "writev",
        "fork",
        "register_at_fork",
        "getuid",
        "geteuid",
    ),
    *("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_DIRECTORY", "O_TMPFILE", "fchmod", "chown", "sendfile"),
)


def _lack():
    import fcntl

    locked = set()

    def locking(descriptor, mode, count):
        assert (os.lseek(descriptor, 0, os.SEEK_CUR), count) == (0, 1)
        if mode == 0:
            if descriptor not in locked:
                raise PermissionError(13, "Permission denied")
            locked.remove(descriptor)
            return fcntl.flock(descriptor, fcntl.LOCK_UN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None
        return locked.add(descriptor)

    for name in MODULES:
        sys.modules[name] = None
    for name in NAMES:
        delattr(os, name)
    os.supports_dir_fd = os.supports_fd = set()
    # It takes a module of this name for Windows itself.
    import subprocess  # noqa: F401

    sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_UNLCK=0, LK_NBLCK=2)


def _is_open(path):
    for descriptor in range(3, 256):
        try:
            if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                return True
        except OSError:
            continue
    return False


def _hold_open_files():
    def held(function):
        def refusing(*paths, **more):
            if any(_is_open(path) for path in paths):
                raise PermissionError(13, "The process cannot access the file", str(paths[0]))
            return function(*paths, **more)

        return refusing

    for name in ("replace", "rename", "unlink", "remove"):
        setattr(os, name, held(getattr(os, name)))


class _Entry:
    """What a folder says of a file: not which one it is."""

    def __init__(self, entry):
        self._entry, self.name, self.path = entry, entry.name, entry.path
        self.is_file, self.is_dir, self.is_symlink = entry.is_file, entry.is_dir, entry.is_symlink

    def stat(self, **more):
        found = list(self._entry.stat(**more))
        found[1] = found[2] = 0
        return os.stat_result(found)


def _import_all():
    import pkgutil
    from importlib import import_module

    import weighthouse

    names = [found.name for found in pkgutil.walk_packages(weighthouse.__path__, "weighthouse.")]
    assert len(names) > 50
    for name in names:
        if not name.endswith("__main__"):
            import_module(name)


def _use(url, folder):
    from pathlib import Path

    from weighthouse import Client, InvalidInput
    from weighthouse.notes import open_notes
    from weighthouse.push.journal import Journal

    scandir = os.scandir
    os.scandir = lambda path: [_Entry(entry) for entry in scandir(path)]
    with Client(url) as client:
        client.push(Path(folder) / "net", "u", "m")
        os.scandir = scandir
        copy = Path(folder) / "copy"
        for _ in range(2):
            client.pull("u", "m", directory=copy, cache=Path(folder) / "cache")
    journal = Journal(open_notes(), "push")
    with journal.alone():
        try:
            with journal.alone():
                raise AssertionError("a push runs twice")
        except InvalidInput:
            pass
    with journal.alone():
        pass


if __name__ == "__main__":
    _lack()
    _hold_open_files()
    _import_all()
    _use(*sys.argv[1:])
