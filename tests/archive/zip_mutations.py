"""Damage to valid ZIPs: whatever it does, reading ends in `InvalidArchive` or in the right contents.

`python tests/archive/zip_mutations.py 200000 [seed]` tries that many in one go.
"""

import io
import random
import sys
import zipfile
from collections.abc import Callable
from zlib import crc32

from ziplies import Fake, build, unicode_path, zip64

from chalicelib.archive.directory import read_directory
from chalicelib.archive.members import stream_member
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive
from chalicelib.paths import path_problem

INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
SIGNATURES = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"]
CONTENTS = [b"", b"tiny", bytes(5_000), b"weights " * 300, random.Random(1).randbytes(2_000)]


class Unseekable(io.BytesIO):
    """Makes `zipfile` write data descriptors."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def valid_archives() -> list[bytes]:
    archives = []
    for target in (io.BytesIO, Unseekable):
        for force_zip64 in (False, True):
            stream = target()
            with zipfile.ZipFile(stream, "w") as archive:
                for index, content in enumerate(CONTENTS):
                    info = zipfile.ZipInfo(f"dir{index % 2}/file é{index}.bin")
                    info.compress_type = zipfile.ZIP_DEFLATED if index % 2 else zipfile.ZIP_STORED
                    with archive.open(info, "w", force_zip64=force_zip64) as member:
                        member.write(content)
            archives.append(stream.getvalue())
    ones = {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}
    fakes = [
        Fake(b"a/wide", b"1234", extra=zip64(4, 4), local_extra=zip64(4, 4), central=ones, local=ones),
        Fake(b"\x82", b"tiny", flags=0, extra=unicode_path("é".encode(), b"\x82")),
        Fake(b"folder/", b""),
        Fake(b"z", b"weights " * 300, method=8),
    ]
    archives += [build(fakes, end64={}), build(fakes, comment=b"a comment")]
    return archives


def mutate(chance: random.Random, data: bytes) -> bytes:
    """The archive after one to three changes, most of them where headers are."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        chance.choice(MUTATIONS)(chance, changed)
    return bytes(changed)


def _place(chance: random.Random, data: bytearray) -> int:
    if chance.random() < 0.7:
        found = bytes(data).find(chance.choice(SIGNATURES), chance.randrange(len(data)))
        if found >= 0:
            return min(len(data) - 1, found + chance.randrange(64))
    return chance.randrange(len(data))


def _flip(chance: random.Random, data: bytearray) -> None:
    data[_place(chance, data)] ^= 1 << chance.randrange(8)


def _replace(chance: random.Random, data: bytearray) -> None:
    data[_place(chance, data)] = chance.randrange(256)


def _number(chance: random.Random, data: bytearray) -> None:
    width = chance.choice((2, 4, 8))
    value = (chance.choice(INTERESTING) + chance.choice((0, 0, -1, 1))) % 256**width
    place = min(_place(chance, data), max(0, len(data) - width))
    data[place : place + width] = value.to_bytes(width, "little")


def _cut(chance: random.Random, data: bytearray) -> None:
    place = _place(chance, data)
    if len(data) > 200:
        del data[place : place + chance.choice((1, 4, 22, 100))]


def _insert(chance: random.Random, data: bytearray) -> None:
    place = _place(chance, data)
    data[place:place] = chance.choice((b"\0", chance.choice(SIGNATURES), chance.randbytes(9)))


def _repeat(chance: random.Random, data: bytearray) -> None:
    start = _place(chance, data)
    piece = data[start : start + chance.randrange(1, 120)]
    place = _place(chance, data)
    data[place : place + chance.choice((0, len(piece)))] = piece


MUTATIONS: list[Callable[[random.Random, bytearray], None]] = [
    _flip,
    _replace,
    _number,
    _number,
    _cut,
    _insert,
    _repeat,
]


def is_refused(data: bytes) -> bool:
    """Whether the archive, or a member of it, is refused; fails on a wrong content or another exception."""
    source = BytesSource(data)
    try:
        members = read_directory(source).members
    except InvalidArchive:
        return True
    refused = False
    known = {b"1234", *CONTENTS}
    for member in members:
        assert path_problem(member.path) is None
        content = b""
        try:
            for chunk in stream_member(source, member):
                content += chunk
                assert len(content) <= member.size
        except InvalidArchive:
            refused = True
        else:
            assert (len(content), crc32(content)) == (member.size, member.crc32)
            assert content in known
    return refused


if __name__ == "__main__":
    total, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    archives = valid_archives()
    refusals = sum(
        is_refused(mutate(random.Random(f"{seed}:{n}"), archives[n % len(archives)])) for n in range(total)
    )
    print(f"{total} inputs: {refusals} refused, {total - refusals} read")
