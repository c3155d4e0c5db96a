"""The one rule for a file's path inside a version, and when two paths are the same place."""

import re
from unicodedata import normalize

MAX_PATH_BYTES = 512
"""Longest path in UTF-8. S3 keys have up to 1,024 bytes
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); user, model and version need the rest."""

# C0, DEL and C1, and the two separators that many programs take for the end of a line.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Searched in the path between two slashes: an expression that begins with a plain character is found ten times as fast.
_BAD_SEGMENT = re.compile(r"/(\.{0,2})/")


def path_problem(path: str) -> str | None:
    """Why `path` cannot be a file's path, as words that follow the path in a sentence; None when it can.

    A path is relative and `/`-separated, has no empty, `.` or `..` segment, no backslash, no control
    character and no lone surrogate, and takes 1 to 512 bytes in UTF-8.
    """
    if not path:
        return "is empty: name the file"
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which UTF-8 cannot express: use whole characters"
    if length > MAX_PATH_BYTES:
        return f"has {length} bytes in UTF-8: at most {MAX_PATH_BYTES} are allowed"
    if "\\" in path:
        return "holds a backslash: separate folders with '/'"
    if control := _CONTROL.search(path):
        return f"holds the control character U+{ord(control[0]):04X}: leave it out"
    if path.startswith("/"):
        return "begins with '/': it must be relative"
    if bad := _BAD_SEGMENT.search(f"/{path}/"):
        return f"has the segment {bad[1]!r}: each segment must name a file or folder"
    return None


def path_key(path: str) -> str:
    """A key that is equal for paths which differ in case or Unicode composition only.

    This is canonical caseless matching (Unicode Standard, definition D145): file systems that ignore
    case or composition put such paths in one place.
    """
    if path.isascii():
        return path.lower()
    return normalize("NFD", normalize("NFD", path).casefold())
