"""Where the files of a version go: names from a service are not trusted, nor is what lies in the folder already."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from weighthouse.errors import InvalidInput, WeighthouseError
from weighthouse.locking import lock, release, release_removed
from weighthouse.names import PART
from weighthouse.paths import check_writable, collision, path_key, path_problem
from weighthouse.patience import Patience
from weighthouse.systems import open_itself

_LONGEST = 255
"""Bytes of a name, on all file systems in common use."""
_GIT = {".git", "git~1"}
"""Names of the folder in which git keeps its settings and hooks; the second is its short one on Windows."""
_LOOK = 0.1
"""Seconds between two looks at a lock that another pull holds."""


def check_paths(paths: Sequence[str]) -> None:
    """Raises `InvalidInput` for paths that could lead out of the folder, that pull needs for itself, that no folder
    holds together, and that Windows can't write where this is Windows.
    """
    for path in paths:
        if problem := path_problem(path):
            raise InvalidInput(f"The version has a file {path!r} that is not fetched: it {problem}")
        if any(segment.endswith(PART) for segment in path_key(path).split("/")):
            raise InvalidInput(
                f"The version has a file {path!r}, and names that end with {PART} are those of files in transit: "
                "leave it out by --exclude"
            )
        if not _GIT.isdisjoint(path_key(path).split("/")):
            raise InvalidInput(
                f"The version has a file {path!r}, and git runs what is in such a folder: leave it out by --exclude"
            )
    if pair := collision(paths):
        raise InvalidInput(
            f"The version has the files {pair[0]!r} and {pair[1]!r}, which are one, or one in the other, on some "
            "systems: leave one out by --exclude"
        )
    check_writable(paths)


def part_of(path: str) -> str:
    """The path of a file while it is on its way: hidden, beside its final place.

    >>> part_of("onnx/model.onnx")
    'onnx/.model.onnx.weighthouse-part'
    """
    folder, slash, name = path.rpartition("/")
    room = _LONGEST - len(PART) - 1
    encoded = name.encode()
    if len(encoded) > room:
        digest = sha256(encoded).hexdigest()[:16]
        name = encoded[: room - len(digest) - 1].decode(errors="ignore") + f"-{digest}"
    return f"{folder}{slash}.{name}{PART}"


def cannot_write(path: str, error: OSError) -> WeighthouseError:
    """The error for a file that the system refused to write: the disk is full, it may not be written, …"""
    return WeighthouseError(f"{path!r} can't be written: {error.strerror or error}")


class Places:
    """The folder that the files of a version go to.

    Nothing is written through a symbolic link inside it: one in the place of a folder is refused, one in the place
    of a file is replaced.
    """

    def __init__(self, directory: Path) -> None:
        """Makes the folder where there is none; raises `InvalidInput` when something else has its name."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise InvalidInput(f"{str(directory)!r} is not a folder: name another one") from None
        except OSError as error:
            raise cannot_write(str(directory), error) from error
        self.root = os.path.realpath(directory)
        """Its path, by which what is pulled is on record whatever way leads to it."""
        self._known = {""}

    def target(self, path: str) -> str:
        """The final place of a file."""
        return f"{self.root.rstrip('/')}/{path}"

    def prepare(self, path: str) -> str:
        """The final place of a file, with all folders above it; raises `InvalidInput` when something is in the way."""
        folder = path.rpartition("/")[0]
        if folder not in self._known:
            self._make(folder)
        return self.target(path)

    def _make(self, folder: str) -> None:
        above = folder.rpartition("/")[0]
        if above not in self._known:
            self._make(above)
        place = self.target(folder)
        try:
            os.mkdir(place)
        except FileExistsError:
            mode = os.lstat(place).st_mode
            if stat.S_ISLNK(mode):
                raise InvalidInput(
                    f"{place!r} is a symbolic link, and files would be written through it: remove it"
                ) from None
            if not stat.S_ISDIR(mode):
                raise InvalidInput(f"{place!r} is a file where a folder must go: remove it") from None
        except OSError as error:
            raise cannot_write(place, error) from error
        self._known.add(folder)

    def look(self, path: str) -> os.stat_result | None:
        """What lies at the final place of a file, without making anything; None also where something is in the way."""
        folder = path.rpartition("/")[0]
        try:
            if not self._is_folder(folder):
                return None
            found = os.lstat(self.target(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise cannot_write(self.target(path), error) from error
        return None if stat.S_ISDIR(found.st_mode) else found

    def _is_folder(self, folder: str) -> bool:
        """Whether it is a folder, and so is all above it up to the root: no links."""
        if folder in self._known:
            return True
        if not self._is_folder(folder.rpartition("/")[0]):
            return False
        if stat.S_ISDIR(os.lstat(self.target(folder)).st_mode):
            self._known.add(folder)
            return True
        return False

    def remove(self, path: str) -> None:
        """Removes a file, and the folders above it that it leaves empty."""
        try:
            os.unlink(self.target(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise cannot_write(self.target(path), error) from error
        with suppress(OSError):
            while path := path.rpartition("/")[0]:
                os.rmdir(self.target(path))
                self._known.discard(path)

    def there(self, path: str) -> os.stat_result | None:
        """What lies at the final place of a file; raises `InvalidInput` when it can't be replaced by a file."""
        try:
            found = os.lstat(self.prepare(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise cannot_write(self.target(path), error) from error
        if stat.S_ISDIR(found.st_mode):
            raise InvalidInput(f"{self.target(path)!r} is a folder where a file must go: remove it")
        return found


def open_locked(path: str, patience: Patience) -> tuple[int, bool]:
    """The file at `path`, made where there is none, as a descriptor that nobody else has locked.

    Also whether another process had it meanwhile. It is locked until it is released, at the latest when the process
    ends. Raises `OSError`, and `Stopped`.
    """
    waited = False
    while True:
        try:
            descriptor = open_itself(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            os.unlink(path)
            continue
        try:
            lock(descriptor)
            is_another = os.fstat(descriptor).st_nlink > 1
            # Whoever had it may have given it its final name, or removed it.
            if not is_another and _is_at(descriptor, path):
                return descriptor, waited
        except BlockingIOError:
            os.close(descriptor)
            patience.wait(_LOOK)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            if is_another:
                # It is another file, too, and that is not ours to write to.
                release_removed(descriptor, path)
            else:
                release(descriptor)
        waited = True


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
