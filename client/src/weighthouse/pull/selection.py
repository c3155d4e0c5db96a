"""Which files of a version are wanted, and in what groups they are worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from weighthouse.errors import InvalidInput

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SMALL = 1 << 20
"""Bytes of a file that is fetched in one piece and held in memory until it is known to be right."""
_GROUP_FILES = 16
_GROUP_BYTES = 4 << 20


class Wanted(NamedTuple):
    """A file that is asked for, as much of it as must be held for 100,000 files."""

    filename: str
    size: int
    """Bytes."""
    sha256: str | None
    """In hex, as the registry recorded it."""
    crc32: str | None
    """Eight lower-case hex digits."""
    page: int
    """The page of the version's files that it is on."""


def select(files: Iterable[Wanted], include: Sequence[str], exclude: Sequence[str]) -> list[Wanted]:
    """The files that match `include`, all when that is empty, and not `exclude`: patterns as in `.gitignore`.

    Raises `InvalidInput` when a pattern is none, and when there are patterns and no file is left.
    """
    if not include and not exclude:
        return list(files)
    wanted, unwanted = _patterns("include", include or ["*"]), _patterns("exclude", exclude)
    found = [
        file
        for file in files
        if wanted.match_file(name := normalize("NFC", file.filename)) and not unwanted.match_file(name)
    ]
    if not found:
        asked = [f"--include {pattern!r}" for pattern in include]
        asked += [f"--exclude {pattern!r}" for pattern in exclude]
        raise InvalidInput(
            f"No file is left by {' '.join(asked)}: see what the version has by `weighthouse files`"
        )
    return found


def _patterns(name: str, lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(normalize("NFC", line) for line in lines)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}") from error


def grouped(files: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """The files in path order, small ones several at a time, so that handing them to a thread costs little."""
    group: list[Wanted] = []
    room = _GROUP_BYTES
    for file in files:
        if file.size > SMALL:
            yield [file]
            continue
        if group and (len(group) == _GROUP_FILES or room < file.size):
            yield group
            group, room = [], _GROUP_BYTES
        group.append(file)
        room -= file.size
    if group:
        yield group
