"""Which files a push is about."""

from __future__ import annotations

import os
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from unicodedata import normalize

from weighthouse.errors import FileChanged, InvalidInput
from weighthouse.hashes import Stamp, stamp
from weighthouse.names import PART
from weighthouse.paths import collision, path_problem, some
from weighthouse.push.leftovers import is_leftover, is_leftover_file
from weighthouse.systems import open_file

IGNORE_FILE = ".weighthouseignore"
"""Patterns as in `.gitignore`, at the top of a folder, of what is not pushed; the file itself never is."""


@dataclass
class Dropped:
    """What is in a folder and not pushed, though no pattern of its owner says so; paths in it."""

    empty_folders: list[str] = field(default_factory=list)
    """Those without anything to push, the innermost."""
    leftovers: list[str] = field(default_factory=list)
    """What other tools left."""

    def notes(self) -> list[str]:
        """What a person should know of it, in sentences."""
        told = []
        if self.empty_folders:
            told.append(f"A version has no empty folders; left out: {some(sorted(self.empty_folders))}")
        if self.leftovers:
            told.append(f"Left out, as other tools made it: {some(sorted(self.leftovers))}")
        return told


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
            descriptor = open_file(self.path, os.O_RDONLY)
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


def scan(path: Path, dropped: Dropped | None = None) -> list[Source]:
    """The file, or all files of the folder but those left out, in path order; those go to `dropped`.

    Links are followed. Names are in the Unicode form NFC, whatever form the file system has them in. Raises
    `InvalidInput` for what can't be pushed: nothing there, no file in it, something that is neither file nor folder, a
    link that leads nowhere, a name that the registry doesn't take.
    """
    dropped = dropped or Dropped()
    try:
        found = path.stat()
    except OSError as error:
        raise InvalidInput(f"{path} can't be pushed: {error.strerror}") from error
    if stat.S_ISREG(found.st_mode):
        sources = [_source(_composed(path.name), str(path.resolve()), found)]
    elif stat.S_ISDIR(found.st_mode):
        top = str(path.resolve())
        walk = _Walk(_ignored(path), dropped)
        walk.into(top, "", (top,))
        sources = sorted(walk.sources, key=lambda source: source.filename)
    else:
        raise InvalidInput(f"{path} is neither a file nor a folder")
    if not sources:
        raise InvalidInput(". ".join([f"{path} has no file to push", *dropped.notes()]))
    _check_apart(sources)
    return sources


def _composed(name: str) -> str:
    # macOS may have decomposed it; any other name that looks so is as good.
    return name if name.isascii() else normalize("NFC", name)


def _check_apart(sources: Sequence[Source]) -> None:
    pair = collision([source.filename for source in sources])
    if pair is None:
        return
    if pair[0] == pair[1]:
        same = [ascii(source.path) for source in sources if source.filename == pair[0]]
        raise InvalidInput(
            f"{' and '.join(same)} have one name in two Unicode forms; rename one, or leave it out"
        )
    raise InvalidInput(
        f"{pair[0]!r} and {pair[1]!r} can't be in one version: they differ only in case, Unicode composition or "
        "characters that can't be seen; rename one, or leave it out"
    )


def _ignored(folder: Path) -> Ignored | None:
    try:
        content = (folder / IGNORE_FILE).read_bytes()
        # As Windows' editors and shells write it.
        encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        lines = normalize("NFC", content.decode(encoding)).splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{folder / IGNORE_FILE} can't be read: {error}") from error
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidInput(f"{folder / IGNORE_FILE}: {error}") from error


class _Walk:
    """A walk through a folder that collects its files."""

    def __init__(self, ignored: Ignored | None, dropped: Dropped) -> None:
        self._ignored, self._dropped = ignored, dropped
        self.sources: list[Source] = []

    def into(self, folder: str, prefix: str, above: tuple[str, ...]) -> None:
        """Collects what is below a folder; `above` are the real paths on the way to it, none of which a link may
        lead to.
        """
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise unreadable(folder, error) from error
        name = os.path.basename(folder)
        kept = [entry for entry in entries if not self._is_left_out(entry, name, prefix)]
        if prefix and not kept:
            self._dropped.empty_folders.append(prefix)
        for entry in kept:
            self._take(entry, prefix + _composed(entry.name), above)

    def _is_left_out(self, entry: os.DirEntry[str], folder: str, prefix: str) -> bool:
        if entry.name == IGNORE_FILE or entry.name.lower().endswith(PART):
            return True
        left = is_leftover(entry.name, folder)
        if not left and (entry.name.startswith("._") or entry.name.endswith(".lock")):
            with suppress(OSError):
                left = entry.is_file() and is_leftover_file(entry.path, entry.stat().st_size)
        filename = prefix + _composed(entry.name)
        if left and not self._is_ignored(filename) and not self._is_ignored(filename + "/"):
            self._dropped.leftovers.append(filename)
        return left

    def _is_ignored(self, filename: str) -> bool:
        return self._ignored is not None and self._ignored.match_file(filename)

    def _take(self, entry: os.DirEntry[str], filename: str, above: tuple[str, ...]) -> None:
        try:
            # On Windows an entry of a folder does not say which file it is.
            found = os.stat(entry.path)
        except OSError as error:
            if self._is_ignored(filename):
                return
            raise unreadable(entry.path, error) from error
        is_folder = stat.S_ISDIR(found.st_mode)
        if self._is_ignored(filename + "/" * is_folder):
            return
        if is_folder:
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if real in above:
                raise InvalidInput(
                    f"{entry.path} is a link to a folder that it lies in; leave it out with {IGNORE_FILE}"
                )
            self.into(entry.path, filename + "/", (*above, real))
        elif stat.S_ISREG(found.st_mode):
            self.sources.append(_source(filename, entry.path, found))
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
