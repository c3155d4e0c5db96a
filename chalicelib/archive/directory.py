"""The members of a ZIP, read from its central directory and checked as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import NamedTuple

from chalicelib.archive.central import Header, parse_headers
from chalicelib.archive.ending import read_central_directory
from chalicelib.archive.extras import refuse
from chalicelib.archive.names import litter
from chalicelib.archive.source import Source
from chalicelib.errors import InvalidArchive
from chalicelib.paths import path_key

GIB = 1024**3
MAX_EXPANDED = 1024 * GIB
FREE_EXPANDED = GIB
"""Bytes that an archive may expand to whatever its own size."""
MAX_RATIO = 200


class Member(NamedTuple):
    """One file of the archive.

    `path` is where it goes and obeys `paths.path_problem`, `raw_name` its name as the archive has it;
    sizes are in bytes. `header_offset` is where its local header begins, and all its bytes lie before
    `extent_end`, the next member's header or the central directory.
    """

    path: str
    raw_name: bytes
    size: int
    compressed_size: int
    crc32: int
    method: int
    flags: int
    header_offset: int
    extent_end: int


@dataclass(frozen=True, slots=True)
class Directory:
    """The files to unpack, in the order in which they lie in the archive, and how many others were left out."""

    members: tuple[Member, ...]
    left_out: int


def read_directory(source: Source) -> Directory:
    """The archive's members, from at most two ranged reads, checked against every rule that needs no content.

    Folders are dropped; what `names.litter` finds is left out and counted. What local headers and contents say
    is checked by `members.stream_member`.

    Raises `InvalidArchive`, naming the member, for anything but a plain ZIP of at most 100,000 regular
    files that are stored or deflated, do not overlap, have safe paths that differ in more than case, and
    expand to at most 1 TiB and, past 1 GiB, at most 200 times the archive's size.
    """
    central = read_central_directory(source)
    headers = sorted(parse_headers(central), key=lambda header: header.offset)
    extent_ends = _extent_ends(headers, central.offset)
    # The largest thing in memory, and no longer needed.
    del central
    left_out = litter(header.path for header in headers)
    # The folder of everything has no path, and no member can collide with it.
    kept = [header for header in headers if header.path and header.path not in left_out]
    _check_collisions(kept)
    members = tuple(
        Member(*header[:-1], extent_ends[header.offset]) for header in kept if not header.is_folder
    )
    if not members:
        raise InvalidArchive("The ZIP holds no file: put the model's files into it")
    _check_expansion(members, source.size)
    files = sum(not header.is_folder for header in headers)
    return Directory(members, left_out=files - len(members))


def _extent_ends(headers: list[Header], directory_offset: int) -> dict[int, int]:
    """Where what begins at an offset must have ended, of headers sorted by offset; refuses overlaps (zip bombs)."""
    ends = {}
    for header, following in zip_longest(headers, headers[1:]):
        end = following.offset if following else directory_offset
        if header.least_end > end:
            other = f"member {following.path!r}" if following else "central directory"
            raise refuse(header.path, f"overlaps the {other}: make the ZIP again")
        ends[header.offset] = end
    return ends


def _check_collisions(headers: Iterable[Header]) -> None:
    """Refuse two members of one path, and a file where another member needs a folder.

    With the NUL that no path holds in place of `/`, everything below a folder sorts directly after the
    folder's own name: neighbours tell. In UTF-8, keys take less memory than as text.
    """
    keyed = sorted((_sort_key(header), header.path, header.is_folder) for header in headers)
    for (key, path, is_folder), (next_key, next_path, _) in pairwise(keyed):
        if is_folder:
            continue
        if next_key == key:
            how = (
                "in it twice"
                if next_path == path
                else f"the same as {next_path!r} but for case, Unicode composition or characters that cannot be seen"
            )
            raise refuse(path, f"is {how}: rename one of them")
        if next_key.startswith(key + b"\0"):
            raise refuse(path, f"is a file where {next_path!r} needs a folder: rename one of them")


def _sort_key(header: Header) -> bytes:
    folder, slash, name = header.path.rpartition("/")
    key = _folder_key(folder) + slash + path_key(name) + "/" * header.is_folder
    return key.replace("/", "\0").encode()


@lru_cache(maxsize=64)
def _folder_key(folder: str) -> str:
    # Neighbours mostly share their folder, and the key of a long name takes microseconds.
    return path_key(folder)


def _check_expansion(members: tuple[Member, ...], archive_size: int) -> None:
    expanded = sum(member.size for member in members)
    largest = max(members, key=lambda member: member.size)
    if expanded > MAX_EXPANDED:
        raise refuse(
            largest.path,
            f"is the largest of those that expand to {expanded} bytes in all; at most {MAX_EXPANDED} are "
            "allowed: split the ZIP over versions",
        )
    if expanded > FREE_EXPANDED and expanded > MAX_RATIO * archive_size:
        raise refuse(
            largest.path,
            f"is the largest of those that expand to {expanded} bytes, over {MAX_RATIO} times the ZIP's own "
            f"{archive_size}: upload the files themselves",
        )
