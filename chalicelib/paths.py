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
# The characters with the property Bidi_Control (Unicode Standard Annex 9): "photo\u202egpj.exe" looks like a picture.
_BIDI_CONTROL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The last two of each plane and 32 more (Unicode Standard, 23.7). XML, in which S3 lists keys, cannot hold all of them.
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
_DRIVE = re.compile("[A-Za-z]:")
# The property Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode 16): what is shown as nothing.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def path_problem(path: str) -> str | None:
    """Why `path` cannot be a file's path, as words that follow the path in a sentence; None when it can.

    A path is relative and `/`-separated, has no empty, `.` or `..` segment and none that cannot be seen, no
    backslash, no control character, no bidirectional control, no noncharacter and no lone surrogate, does not
    begin with a drive letter, and takes 1 to 512 bytes in UTF-8.
    """
    if problem := key_problem(path):
        return problem
    if _DRIVE.match(path):
        return f"begins with the drive letter {path[:2]!r}: it must be relative"
    if path.isascii():
        return None
    if control := _BIDI_CONTROL.search(path):
        return f"holds the bidirectional control U+{ord(control[0]):04X}: leave it out"
    if other := _NONCHARACTER.search(path):
        return f"holds U+{ord(other[0]):04X}, which is no character: leave it out"
    if _BAD_SEGMENT.search(f"/{_INVISIBLE.sub('', path)}/"):
        return (
            "has a segment that is empty, '.' or '..' but for characters that cannot be seen: leave them out"
        )
    return None


def key_problem(path: str) -> str | None:
    """Why no file of any version has the path `path`, in words as of `path_problem`; None when one may.

    It is the rule of version 0.1: what was stored by it can still be read.
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


def sent_path(filename: str) -> str:
    """The path that a form's file name means: an absolute name, or one with a drive, is that of a client's own disk.

    Of such a name only the last segment counts; a relative one keeps its folders.

    >>> sent_path("C:\\\\models\\\\net.bin"), sent_path("/home/mira/net.bin"), sent_path("weights/net.bin")
    ('net.bin', 'net.bin', 'weights/net.bin')
    """
    drive = _DRIVE.match(filename)
    if drive or filename.startswith(("/", "\\")):
        return re.split(r"[/\\]", filename[2:] if drive else filename)[-1]
    return filename


def composed(text: str) -> str:
    """The text in the Unicode form NFC: `é` is one character in it, and two in NFD, as macOS writes it."""
    return text if text.isascii() else normalize("NFC", text)


def forms(path: str) -> list[str]:
    """The forms in which a file of this path may be stored: the one given, then composed, then decomposed."""
    if path.isascii():
        return [path]
    return list(dict.fromkeys((path, composed(path), normalize("NFD", path))))


def path_key(path: str) -> str:
    """A key that is equal for paths which differ in case, Unicode composition or invisible characters only.

    This is canonical caseless matching (Unicode Standard, definition D145) of what can be seen: file systems that
    ignore case or composition put such paths in one place, HFS+ also those with other invisible characters
    (https://developer.apple.com/library/archive/technotes/tn/tn1150.html#UnicodeSubtleties), and nobody can tell
    them apart.
    """
    if path.isascii():
        return path.lower()
    return normalize("NFD", normalize("NFD", _INVISIBLE.sub("", path)).casefold())
