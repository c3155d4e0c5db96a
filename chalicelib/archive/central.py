"""One header of the central directory (APPNOTE 4.3.12), and what a single member must not be."""

from stat import S_IFDIR, S_IFIFO, S_IFMT, S_IFREG
from struct import Struct
from typing import NamedTuple

from chalicelib.archive.ending import CentralDirectory
from chalicelib.archive.extras import extra_fields, refuse, widen
from chalicelib.archive.names import member_name, member_path
from chalicelib.errors import InvalidArchive

STORED = 0
DEFLATED = 8
# Encrypted, strongly encrypted, encrypted directory (4.4.4).
ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
LOCAL_HEADER_BYTES = 30

# Without the versions, the time and the internal attributes.
_HEADER = Struct("<4xxBxxHH4xLLLHHHH2xLL")
_SIGNATURE = b"PK\x01\x02"
_AES = 99
_OTHER_METHODS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64, which Windows' Explorer takes for files over 2 GB",
    12: "BZIP2",
    14: "LZMA",
    20: "Zstandard",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
}
# MS-DOS's attribute of folders (4.4.15). Some writers set no other sign.
_DOS_FOLDER = 0x10
# A mode of all ones comes from a writer that knows none.
_NO_KIND = (0, S_IFMT(0xFFFF))


class Header(NamedTuple):
    """What the central directory says of one member; a folder's path comes without its `/`, and may be empty."""

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
        system, flags, method, crc, packed, size, *rest = _HEADER.unpack_from(data, position)
        name_length, extra_length, comment_length, disk, attributes, offset = rest
        name_end = position + _HEADER.size + name_length
        extra_end = name_end + extra_length
        if extra_end + comment_length > len(data):
            raise InvalidArchive(f"The ZIP's directory is cut off at member {number}: make the ZIP again")
        raw_name = data[name_end - name_length : name_end]
        fields = extra_fields(data[name_end:extra_end], raw_name)
        if disk:
            raise refuse(raw_name, "lies in another file of a split ZIP: join them into one ZIP")
        name = member_name(raw_name, flags, system, fields)
        path, is_folder = member_path(name)
        size, packed, offset = widen((size, packed, offset), fields, raw_name)
        is_folder = is_folder or _is_marked_folder(attributes)
        header = Header(path, raw_name, size, packed, crc, method, flags, offset, is_folder)
        _check(header, name, attributes)
        headers.append(header)
        position = extra_end + comment_length
    if data.startswith(_SIGNATURE, position):
        raise InvalidArchive(
            "The ZIP's directory has more members in it than its end record says, as macOS's Finder writes it beyond "
            "65,535: make the ZIP with `zip -r` in the Terminal"
        )
    if position != len(data):
        raise InvalidArchive("The ZIP's directory has more in it than its members: make the ZIP again")
    return headers


def _is_marked_folder(attributes: int) -> bool:
    kind = S_IFMT(attributes >> 16)
    return kind == S_IFDIR or (kind in _NO_KIND and bool(attributes & _DOS_FOLDER))


def _check(header: Header, name: str, attributes: int) -> None:
    # Writers on other systems than Unix set the mode bits too, so they count whatever system is named.
    kind = S_IFMT(attributes >> 16)
    if kind == S_IFIFO and name == "-":
        raise refuse(name, "was read from a pipe and has no name: make the ZIP of the file itself")
    if kind not in (*_NO_KIND, S_IFREG, S_IFDIR):
        raise refuse(name, "is a symbolic link or another special file: put the file itself into the ZIP")
    if header.flags & ENCRYPTED_FLAGS or header.method == _AES:
        raise refuse(name, "is encrypted: make the ZIP without a password")
    if header.is_folder and header.size:
        raise refuse(name, f"is a folder, yet has {header.size} bytes of content: make the ZIP again")
    if header.method not in (STORED, DEFLATED) and not header.is_folder:
        known = f" ({_OTHER_METHODS[header.method]})" if header.method in _OTHER_METHODS else ""
        raise refuse(
            name,
            f"uses compression method {header.method}{known}: only stored and deflated are read; make the ZIP again "
            "with the method Deflate or none (7-Zip: -mm=Deflate), or push the files themselves",
        )
    if header.method == STORED and header.compressed_size != header.size:
        raise refuse(
            name,
            f"is stored, yet has the sizes {header.compressed_size} and {header.size}: make the ZIP again",
        )
