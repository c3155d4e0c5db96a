"""One member's content, checked while it streams."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from struct import Struct
from typing import Any

from chalicelib.archive.central import (
    DEFLATED,
    ENCRYPTED_FLAGS,
    LOCAL_HEADER_BYTES,
)
from chalicelib.archive.directory import Member
from chalicelib.archive.extras import UINT32, extra_fields, refuse, widen
from chalicelib.archive.names import UTF8_FLAG
from chalicelib.archive.source import Source
from chalicelib.checksums import crc32
from chalicelib.paths import path_key, path_problem

OUTPUT_CHUNK = 1024 * 1024
"""Most bytes that inflating yields at a time."""

_LOCAL = Struct("<4sHHHHHLLLHH")
_SIGNATURE = b"PK\x03\x04"
_DESCRIPTOR_FLAG = 0x0008
# A data descriptor: perhaps a signature, the CRC-32, the sizes in 32 or 64 bits (4.3.9).
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_DESCRIPTOR = Struct("<LLL")
_WIDE_DESCRIPTOR = Struct("<LQQ")
_COMPARED_FLAGS = ENCRYPTED_FLAGS | UTF8_FLAG
# Bytes read beyond a header's name, so that the extra field seldom takes a second read.
_USUAL_EXTRA = 512


def _inflate_module() -> Any:
    """ISA-L's zlib, which inflates twice as fast, where it is installed."""
    try:
        return import_module("isal.isal_zlib")
    except ImportError:
        return import_module("zlib")


engine = _inflate_module()


def content_offset(source: Source, member: Member) -> int:
    """Where the member's `compressed_size` bytes of content begin, from one or two reads of its local header.

    A third one reads the data descriptor, where the header leaves what it says to that.

    Raises `InvalidArchive` when the local header or the descriptor contradicts the central directory, or
    the header pushes the content out of the member's extent.
    """
    name_end = LOCAL_HEADER_BYTES + len(member.raw_name)
    extent = member.extent_end - member.header_offset
    header = source.read(member.header_offset, min(name_end + _USUAL_EXTRA, extent))
    name_length: int
    extra_length: int
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(
        header
    )
    if signature != _SIGNATURE:
        raise refuse(member.path, "is not where the ZIP's directory says: make the ZIP again")
    if name_length != len(member.raw_name) or header[LOCAL_HEADER_BYTES:name_end] != member.raw_name:
        raise refuse(member.path, "has another name in its own header: make the ZIP again")
    if method != member.method or (flags ^ member.flags) & _COMPARED_FLAGS:
        raise refuse(member.path, "has another method or other flags in its own header: make the ZIP again")
    start = name_end + extra_length
    if start + member.compressed_size > extent:
        raise refuse(member.path, "runs into what follows it in the ZIP: make the ZIP again")
    if UINT32 in (size, packed):
        if start > len(header):
            header = source.read(member.header_offset, start)
        size, packed = widen((size, packed), extra_fields(header[name_end:start], member.path), member.path)
    found = (crc, packed, size)
    expected = (member.crc32, member.compressed_size, member.size)
    if found != expected:
        deferred = flags & _DESCRIPTOR_FLAG and all(
            value in (0, sure) for value, sure in zip(found, expected, strict=True)
        )
        if not deferred:
            raise refuse(member.path, "has another size or CRC-32 in its own header: make the ZIP again")
        _check_descriptor(source, member, member.header_offset + start + member.compressed_size)
    return member.header_offset + start


def _check_descriptor(source: Source, member: Member, offset: int) -> None:
    most = len(_DESCRIPTOR_SIGNATURE) + _WIDE_DESCRIPTOR.size
    found = source.read(offset, min(most, member.extent_end - offset))
    sizes = member.compressed_size, member.size
    narrow = _DESCRIPTOR.pack(member.crc32, *(size & UINT32 for size in sizes))
    wide = _WIDE_DESCRIPTOR.pack(member.crc32, *sizes)
    # Nothing says which of the four forms it has.
    bare = narrow, wide
    signed = _DESCRIPTOR_SIGNATURE + narrow, _DESCRIPTOR_SIGNATURE + wide
    if not found.startswith(bare + signed):
        raise refuse(member.path, "has another size or CRC-32 in its data descriptor: make the ZIP again")


def stream_member(source: Source, member: Member) -> Iterator[bytes]:
    """The member's content in chunks of bounded size, never more than its declared size in all.

    Only when the last chunk has been taken without an error is the content known to be whole: the CRC-32
    is compared at the end. Inflated chunks have at most 1 MiB, stored ones are the source's own.

    Raises `InvalidArchive`, naming the member, when its local header contradicts the central directory, or
    its content differs from the declared sizes or CRC-32, or does not end where it must.
    """
    offset = content_offset(source, member)
    chunks: Iterable[bytes] = source.stream(offset, member.compressed_size)
    if member.method == DEFLATED:
        chunks = _inflated(chunks, member)
    crc = total = 0
    for chunk in chunks:
        total += len(chunk)
        crc = crc32(chunk, crc)
        yield chunk
    if total != member.size:
        raise refuse(
            member.path, f"has {total} bytes instead of the declared {member.size}: make the ZIP again"
        )
    if crc != member.crc32:
        raise refuse(member.path, "does not match its CRC-32: it was damaged, make the ZIP again")


def _inflated(chunks: Iterable[bytes], member: Member) -> Iterator[bytes]:
    inflater = engine.decompressobj(wbits=-15)
    left = member.size
    for chunk in chunks:
        if inflater.eof and chunk:
            raise refuse(member.path, "has bytes after its compressed content: make the ZIP again")
        pending = chunk
        while not inflater.eof:
            # One byte more than is left shows a member that is larger than declared.
            most = min(OUTPUT_CHUNK, left + 1)
            try:
                output = inflater.decompress(pending, most)
            except engine.error:
                raise refuse(
                    member.path, "is damaged: its content cannot be inflated, make the ZIP again"
                ) from None
            left -= len(output)
            if left < 0:
                raise refuse(
                    member.path, f"holds more than the declared {member.size} bytes: make the ZIP again"
                )
            if output:
                yield output
            pending = inflater.unconsumed_tail
            if not pending and len(output) < most:
                break
        if inflater.unused_data:
            raise refuse(member.path, "has bytes after its compressed content: make the ZIP again")
    if not inflater.eof:
        raise refuse(member.path, "is cut off within its compressed content: make the ZIP again")


def flatten(members: Iterable[Member]) -> tuple[Member, ...]:
    """The members with their base names as paths, for `preserve_structure=false`.

    Raises `InvalidArchive` naming two members whose base names are equal, but for case perhaps, or one whose base
    name cannot be a path: inside a folder it may begin with a drive letter.
    """
    taken: dict[str, Member] = {}
    for member in members:
        base = member.path.rpartition("/")[2]
        if problem := path_problem(base):
            raise refuse(member.path, f"has the base name {base!r}, which {problem}")
        first = taken.setdefault(path_key(base), member)
        if first is not member:
            raise refuse(
                member.path,
                f"has the same base name as {first.path!r}: rename one of them or send preserve_structure=true",
            )
    return tuple(member._replace(path=member.path.rpartition("/")[2]) for member in taken.values())
