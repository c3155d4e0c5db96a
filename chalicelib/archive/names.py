"""What a member is called: the bytes of its name as text (APPNOTE 4.4.17, appendix D), and the text as a path.

A name is never guessed: bytes that may mean several texts are refused.
"""

import re
from collections.abc import Iterable, Mapping
from struct import Struct
from struct import error as struct_error
from zlib import crc32

from chalicelib.archive.extras import UNICODE_PATH, refuse
from chalicelib.paths import path_key, path_problem

UTF8_FLAG = 0x0800
APPLE_DOUBLE = "._"

# The systems that have names in UTF-8: Unix and macOS (4.4.2.2).
_UTF8_SYSTEMS = (3, 19)
# So many characters are not valid UTF-8 by chance in a code page of Windows or MS-DOS. One or two may be: in code page
# 866 the Russian word for a volume has the bytes of an arrow.
_SURE = 3
_UNICODE_PATH = Struct("<BL")
_HERE = re.compile(r"\A(?:\./)+")
_OLD_TOOLS = (
    ", which Windows PowerShell 5, .NET before 4.6.1 and other old tools don't: make the ZIP again with Windows' "
    "Explorer, `tar -a -cf`, 7-Zip or PowerShell 7"
)
# In lower case, as Windows' names differ in case from version to version.
_LITTER = (".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")


def member_name(raw: bytes, flags: int, system: int, fields: Mapping[int, bytes]) -> str:
    """The name that these bytes are, of a member that `system` made (4.4.2.2).

    Raises `InvalidArchive` when they are in a code page that nothing names, or contradict the Unicode path.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        if flags & UTF8_FLAG:
            raise refuse(raw, "has a name that is declared as UTF-8 and is not: rename it") from None
        name = None
    field = fields.get(UNICODE_PATH)
    if field is not None:
        return _unicode_path(raw, name if flags & UTF8_FLAG else None, field)
    if raw.endswith(b"/"):
        # A folder is dropped, so its name only has to be safe. Java's zipfs flags all names but those of folders.
        return raw.decode("cp437") if name is None else name
    sure = flags & UTF8_FLAG or raw.isascii() or system in _UTF8_SYSTEMS
    if name is None or not (sure or sum(not letter.isascii() for letter in name) >= _SURE):
        raise refuse(
            raw,
            "has a name in a code page that the ZIP does not tell: make the ZIP again with names in UTF-8 (7-Zip: "
            "-mcu=on; PowerShell 7 and `python -m zipfile -c` do so by themselves), or rename it in plain ASCII",
        )
    return name


def _unicode_path(raw: bytes, declared: str | None, field: bytes) -> str:
    """What Info-ZIP's field says in place of a name in a local character set (4.6.9).

    One that was made for another name, or that contradicts a name declared as UTF-8, is refused: programs would
    unpack different paths.
    """
    try:
        version, checksum = _UNICODE_PATH.unpack(field[: _UNICODE_PATH.size])
        name = field[_UNICODE_PATH.size :].decode()
    except (ValueError, struct_error):
        raise refuse(raw, "has a damaged Unicode path: make the ZIP again") from None
    if version != 1 or checksum != crc32(raw) or declared not in (None, name):
        raise refuse(raw, f"has a second name, {name!r}, that does not belong to it: make the ZIP again")
    return name


def member_path(name: str) -> tuple[str, bool]:
    """The path of the member of this name, and whether the name is a folder's, which ends with `/`.

    `./` in front says nothing and is dropped. The path of the folder of everything, `/` or `./`, is empty.
    Raises `InvalidArchive` when it cannot be a path.
    """
    path = _HERE.sub("", name)
    if path in ("", ".", "/") and name:
        return "", True
    is_folder = path.endswith("/")
    path = path.removesuffix("/")
    # macOS keeps a folder's own icon in a file whose name ends with a carriage return: litter, and no danger.
    checked = path.removesuffix("\r") if _is_litter(path.rpartition("/")[2]) else path
    if problem := path_problem(checked):
        raise refuse(name, problem + _OLD_TOOLS * ("backslash" in problem))
    return path, is_folder


def litter(paths: Iterable[str]) -> set[str]:
    """The paths, of all in an archive, of what an operating system put beside the user's files.

    An AppleDouble file, where macOS keeps what other file systems have no place for, is known by its name: that of
    a file or folder beside it with `._` in front (https://www.rfc-editor.org/rfc/rfc1740). Alone it may be anybody's.
    """
    paths = list(paths)
    found, doubles = set(), []
    for path in paths:
        name = path.rpartition("/")[2]
        if path.startswith("__MACOSX/") or _is_litter(name):
            found.add(path)
        elif name.startswith(APPLE_DOUBLE):
            doubles.append(path)
    if doubles:
        there = _with_folders(paths)
        found.update(path for path in doubles if _belongs_to(path) in there)
    return found


def _is_litter(name: str) -> bool:
    # Of the folder itself, or of litter, which may have been left out already.
    return name == "._." or name.removeprefix(APPLE_DOUBLE).lower() in _LITTER


def _belongs_to(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return path_key(folder + slash + name.removeprefix(APPLE_DOUBLE))


def _with_folders(paths: Iterable[str]) -> set[str]:
    """The keys of the paths, and of the folders that they are in."""
    there: set[str] = set()
    for path in paths:
        key = path_key(path)
        while key and key not in there:
            there.add(key)
            key = key.rpartition("/")[0]
    return there
