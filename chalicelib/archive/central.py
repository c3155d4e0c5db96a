"""One header of the central directory (APPNOTE 4.3.12), and what a single member must not be."""

from stat import S_IFDIR, S_IFMT, S_IFREG
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple
from zlib import crc32

from chalicelib.archive.ending import CentralDirectory
from chalicelib.archive.extras import UNICODE_PATH, extra_fields, refuse, widen
from chalicelib.errors import InvalidArchive
from chalicelib.paths import path_problem

STORED = 0
DEFLATED = 8
UTF8_FLAG = 0x0800
# Encrypted, strongly encrypted, encrypted directory (4.4.4).
ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
LOCAL_HEADER_BYTES = 30

# Without the versions, the time and the internal attributes.
_HEADER = Struct("<4x4xHH4xLLLHHHH2xLL")
_SIGNATURE = b"PK\x01\x02"
_AES = 99
_UNICODE_PATH = Struct("<BL")


class Header(NamedTuple):
    """What the central directory says of one member; a folder's path comes without its `/`."""

    path: str
    raw_name: bytes
    size: int
    compressed_size: int
    crc32: int
    method: int
    flags: int
    offset: int
    is_folder: bool

    @property
    def least_end(self) -> int:
        """The offset before which the member cannot end."""
        return self.offset + LOCAL_HEADER_BYTES + len(self.raw_name) + self.compressed_size


def parse_headers(directory: CentralDirectory) -> list[Header]:
    """Every header of the directory, each member checked by itself.

    Raises `InvalidArchive` when the directory is damaged or a member is refused for its own sake: its
    path, kind, encryption, method, or sizes that cannot be.
    """
    data = directory.data
    headers = []
    position = 0
    for number in range(1, directory.entries + 1):
        if position + _HEADER.size > len(data) or not data.startswith(_SIGNATURE, position):
            raise InvalidArchive(f"The ZIP's directory is damaged at member {number}: make the ZIP again")
        flags, method, crc, packed, size, *rest = _HEADER.unpack_from(data, position)
        name_length, extra_length, comment_length, disk, attributes, offset = rest
        name_end = position + _HEADER.size + name_length
        extra_end = name_end + extra_length
        if extra_end + comment_length > len(data):
            raise InvalidArchive(f"The ZIP's directory is cut off at member {number}: make the ZIP again")
        raw_name = data[name_end - name_length : name_end]
        fields = extra_fields(data[name_end:extra_end], raw_name)
        if disk:
            raise refuse(raw_name, "lies in another file of a split ZIP: join them into one ZIP")
        path, is_folder = _path(_name(raw_name, flags, fields))
        size, packed, offset = widen((size, packed, offset), fields, raw_name)
        header = Header(path, raw_name, size, packed, crc, method, flags, offset, is_folder)
        _check(header, attributes >> 16)
        headers.append(header)
        position = extra_end + comment_length
    if position != len(data):
        raise InvalidArchive("The ZIP's directory has more in it than its members: make the ZIP again")
    return headers


def _name(raw: bytes, flags: int, fields: dict[int, bytes]) -> str:
    """The member's name: UTF-8 where that is declared or fits, else code page 437 (4.4.4 bit 11, appendix D).

    Info-ZIP's Unicode path (4.6.9) replaces a name in a local character set. One that was made for another
    name, or that contradicts a name declared as UTF-8, is refused: programs would unpack different paths.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        if flags & UTF8_FLAG:
            raise refuse(raw, "has a name that is declared as UTF-8 and is not: rename it") from None
        name = raw.decode("cp437")
    field = fields.get(UNICODE_PATH)
    if field is None:
        return name
    try:
        version, checksum = _UNICODE_PATH.unpack(field[: _UNICODE_PATH.size])
        unicode_name = field[_UNICODE_PATH.size :].decode()
    except (ValueError, struct_error):
        raise refuse(raw, "has a damaged Unicode path: make the ZIP again") from None
    if version != 1 or checksum != crc32(raw) or (flags & UTF8_FLAG and unicode_name != name):
        raise refuse(
            raw, f"has a second name, {unicode_name!r}, that does not belong to it: make the ZIP again"
        )
    return unicode_name


def _path(name: str) -> tuple[str, bool]:
    """The member's path and whether it is a folder's, which ends with `/`."""
    is_folder = name.endswith("/") and name != "/"
    path = name[:-1] if is_folder else name
    if problem := path_problem(path):
        raise refuse(name, problem)
    return path, is_folder


def _check(header: Header, mode: int) -> None:
    name = header.path
    # Writers on other systems than Unix set the mode bits too, so they count whatever system is named.
    kind = S_IFMT(mode)
    if kind not in (0, S_IFREG, S_IFDIR) or (kind == S_IFDIR and not header.is_folder):
        raise refuse(name, "is a symbolic link or another special file: put the file itself into the ZIP")
    if header.flags & ENCRYPTED_FLAGS or header.method == _AES:
        raise refuse(name, "is encrypted: make the ZIP without a password")
    if header.method not in (STORED, DEFLATED):
        raise refuse(name, f"uses compression method {header.method}: only stored and deflated are read")
    if header.method == STORED and header.compressed_size != header.size:
        raise refuse(
            name,
            f"is stored, yet has the sizes {header.compressed_size} and {header.size}: make the ZIP again",
        )
    if header.is_folder and header.size:
        raise refuse(name, f"is a folder, yet has {header.size} bytes of content: rename it without the '/'")
