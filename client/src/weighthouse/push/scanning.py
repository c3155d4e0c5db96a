"""Which files a push is about."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighthouse.errors import FileChanged, InvalidInput
from weighthouse.hashes import Stamp, stamp
from weighthouse.names import PART
from weighthouse.paths import collision, path_problem

IGNORE_FILE = ".weighthouseignore"
"""Patterns as in `.gitignore`, at the top of a folder, of what is not pushed; the file itself never is."""
SKIPPED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", IGNORE_FILE}
)
"""What is nobody's model, wherever it lies."""


@dataclass(frozen=True)
class Source:
    """A file to push, as it was when it was looked at."""

    filename: str
    """The path inside the version."""
    stamp: Stamp

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.stamp.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp.size

    def check(self, found: os.stat_result) -> None:
        """Raises `FileChanged` when the file is not what it was."""
        if stamp(self.path, found) != self.stamp:
            raise FileChanged(
                f"{self.path} changed while it was pushed; push again once nothing writes to it"
            )

    def open(self) -> int:
        """A descriptor for reading it; raises `FileChanged`, also when it is gone."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise FileChanged(f"{self.path} was removed while it was pushed") from error
        except OSError as error:
            raise unreadable(self.path, error) from error
        try:
            self.check(os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def unreadable(path: str, error: OSError) -> InvalidInput:
    """The error for a file or folder that can't be read."""
    return InvalidInput(
        f"{path} can't be read: {error.strerror}; leave it out with {IGNORE_FILE}, or mend it"
    )


class Ignored(Protocol):
    """The patterns of what is not pushed."""

    def match_file(self, file: str) -> bool:
        """Whether a path, with a slash at the end for a folder, is left out."""


def scan(path: Path) -> list[Source]:
    """The file, or all files of the folder but those left out, in path order.

    Links are followed. Raises `InvalidInput` for what can't be pushed: nothing there, no file in it, something
    that is neither file nor folder, a link that leads nowhere, a name that the registry doesn't take.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise InvalidInput(f"{path} can't be pushed: {error.strerror}") from error
    if stat.S_ISREG(found.st_mode):
        sources = [_source(path.name, str(path.resolve()), found)]
    elif stat.S_ISDIR(found.st_mode):
        top = str(path.resolve())
        sources = sorted(_walk(top, "", _ignored(path), (top,)), key=lambda source: source.filename)
    else:
        raise InvalidInput(f"{path} is neither a file nor a folder")
    if not sources:
        raise InvalidInput(f"{path} has no file to push")
    if pair := collision([source.filename for source in sources]):
        raise InvalidInput(
            f"{pair[0]!r} and {pair[1]!r} can't be in one version: they differ only in case, Unicode composition or "
            "characters that can't be seen; rename one, or leave it out"
        )
    return sources


def _ignored(folder: Path) -> Ignored | None:
    try:
        lines = (folder / IGNORE_FILE).read_text().splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{folder / IGNORE_FILE} can't be read: {error}") from error
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidInput(f"{folder / IGNORE_FILE}: {error}") from error


def _walk(folder: str, prefix: str, ignored: Ignored | None, above: tuple[str, ...]) -> Iterator[Source]:
    """The files below a folder; `above` are the real paths on the way to it, none of which a link may lead to."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise unreadable(folder, error) from error
    for entry in entries:
        filename = prefix + entry.name
        if entry.name in SKIPPED or entry.name.lower().endswith(PART):
            continue
        try:
            found = entry.stat()
        except OSError as error:
            if ignored and ignored.match_file(filename):
                continue
            raise unreadable(entry.path, error) from error
        is_folder = stat.S_ISDIR(found.st_mode)
        if ignored and ignored.match_file(filename + "/" * is_folder):
            continue
        if is_folder:
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if real in above:
                raise InvalidInput(
                    f"{entry.path} is a link to a folder that it lies in; leave it out with {IGNORE_FILE}"
                )
            yield from _walk(entry.path, filename + "/", ignored, (*above, real))
        elif stat.S_ISREG(found.st_mode):
            yield _source(filename, entry.path, found)
        else:
            raise InvalidInput(
                f"{entry.path} is neither a file nor a folder; leave it out with {IGNORE_FILE}"
            )


def _source(filename: str, path: str, found: os.stat_result) -> Source:
    if problem := path_problem(filename):
        raise InvalidInput(
            f"{filename!r} can't be a file of a version: it {problem}; rename it, or leave it out"
        )
    return Source(filename, stamp(path, found))
