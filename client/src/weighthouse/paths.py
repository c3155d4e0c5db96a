"""Which paths a file of a version may have, as docs/api.md has them under "Names", and which Windows can't write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from unicodedata import normalize

from weighthouse.errors import InvalidInput
from weighthouse.systems import WINDOWS

_LONGEST = 512
"""Bytes of a path."""
_SHOWN = 10
"""Files that an error names at most."""
# C0, DEL and C1, the two separators that many programs take for the end of a line, and bidirectional controls.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(last - 1) + chr(last) for last in range(0xFFFF, 0x110000, 0x10000)) + "]"
)
_BAD_SEGMENT = re.compile(r"/(\.{0,2})/")
_DRIVE = re.compile("[A-Za-z]:")
# Default_Ignorable_Code_Point of Unicode 16: what is shown as nothing.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_WINDOWS_CHARACTER = re.compile(r'[<>:"|?*]')
_WINDOWS_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?", re.IGNORECASE)


def path_problem(path: str) -> str | None:
    """Why no file of a version may have this path, in words that follow it in a sentence; None when one may."""
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which no file system can express"
    if length > _LONGEST:
        return f"has {length} bytes, and may have {_LONGEST}"
    if "\\" in path:
        return "holds a backslash"
    if control := _CONTROL.search(path):
        return f"holds the control character U+{ord(control[0]):04X}"
    if path.startswith("/") or _DRIVE.match(path):
        return "must be relative"
    if _BAD_SEGMENT.search(f"/{path}/"):
        return "must have a name between any two slashes that is not '.' or '..'"
    if path.isascii():
        return None
    if other := _NONCHARACTER.search(path):
        return f"holds U+{ord(other[0]):04X}, which is no character"
    if _BAD_SEGMENT.search(f"/{_INVISIBLE.sub('', path)}/"):
        return "must have a name that can be seen between any two slashes"
    return None


def path_key(path: str) -> str:
    """A key that is equal for paths which differ in case, Unicode composition or invisible characters only."""
    if path.isascii():
        return path.lower()
    return normalize("NFD", normalize("NFD", _INVISIBLE.sub("", path)).casefold())


def collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that can't be in one version: of one key, or one a folder of the other; None when there are none."""
    # With the separator below every other character, what is inside a folder follows it directly.
    keyed = sorted((path_key(path).replace("/", "\0"), path) for path in paths)
    for (key, path), (next_key, next_path) in pairwise(keyed):
        if next_key == key or next_key.startswith(key + "\0"):
            return path, next_path
    return None


def windows_problem(path: str) -> str | None:
    """Why Windows can't write a path, in words that follow it in a sentence; None when it can."""
    for segment in path.split("/"):
        if found := _WINDOWS_CHARACTER.search(segment):
            return f"has the character {found[0]!r}"
        if segment.endswith((".", " ")):
            return "has a name that ends with a dot or a space"
        if device := _WINDOWS_DEVICE.fullmatch(segment):
            return f"has the name of the device {device[1].upper()}"
    return None


def some(items: Sequence[str], between: str = ", ", last: str = " and ") -> str:
    """The items in a sentence, ten of them and a count of the others where they are more."""
    more = f"{last}{len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return f"{between.join(items[:_SHOWN])}{more}"


def check_writable(paths: Iterable[str]) -> None:
    """Raises `InvalidInput` where this is Windows, and it can't write some of the paths; names them, and says why."""
    if not WINDOWS:
        return
    problems = [f"{path!r} {problem}" for path in paths if (problem := windows_problem(path))]
    if problems:
        raise InvalidInput(
            f"Windows can't write these files: {some(problems, '; ', '; and ')}. Leave them out by --exclude"
        )
