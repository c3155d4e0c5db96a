"""Valid ZIPs of many kinds, and damage to them that knows where the format's fields are (APPNOTE 4.3)."""

import io
import random
import re
import zipfile
from collections.abc import Callable
from functools import cache
from struct import pack, unpack
from zlib import crc32

from chalicelib.archive.layout import Entry, Literal, plan_archive

SIGNATURES = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"]
FIELDS: dict[bytes, list[tuple[int, int]]] = {
    b"PK\x03\x04": [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\x01\x02": [
        *[(6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2)],
        *[(32, 2), (34, 2), (38, 2), (40, 2), (42, 4)],
    ],
    b"PK\x05\x06": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    b"PK\x06\x06": [(4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)],
    b"PK\x06\x07": [(4, 4), (8, 8), (16, 4)],
    b"PK\x07\x08": [(4, 4), (8, 4), (12, 4), (8, 8), (16, 8)],
}
"""Where the fields of each record are, and their widths, in bytes."""
TWINS = [((6, 8), 2), ((8, 10), 2), ((14, 16), 4), ((18, 20), 4), ((22, 24), 4), ((26, 28), 2)]
"""Fields that the local and the central header both have: their places, and the width."""
NAMES = ((30, 26), (46, 28))
"""Where the name is in either header, and where its length."""
TELLING = [
    0,
    1,
    2,
    8,
    9,
    99,
    0x0800,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0xA1FF0000,
    0xFFFFFFFE,
    0xFFFFFFFF,
]
"""Values that mean something in one field or other, or are the last that fit."""
_RECORD = re.compile(rb"PK(?:\x03\x04|\x01\x02|\x05\x06|\x06\x06|\x06\x07|\x07\x08)")

Chance = random.Random
Damage = Callable[[Chance, bytearray], None]


class Unseekable(io.BytesIO):
    """Makes `zipfile` write data descriptors."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


@cache
def originals() -> tuple[bytes, ...]:
    """ZIPs that are fine: with and without ZIP64, descriptors, folders, litter, comments, names of all kinds."""
    found = [
        _zipped(stream(), force_zip64=wide) for stream in (io.BytesIO, Unseekable) for wide in (False, True)
    ]
    found.append(_laid_out({f"dir/{name}": data[:999] for name, data in _CONTENTS.items()}))
    found.append(_laid_out({"model.bin": b"tiny"}))
    found.append(_with_wide_end(found[-2]))
    for names in (
        ["one.bin"],
        ["f/", "f/a.bin", "f/.DS_Store", "__MACOSX/._f", "f/b.bin"],
        list("abcdefghijkl"),
    ):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.comment = b"a comment" * (len(names) == 1)
            for name in names:
                archive.writestr(name, b"" if name.endswith("/") else b"weights " * 20)
        found.append(stream.getvalue())
    # A name in code page 437 with a Unicode path (4.6.9), and one in UTF-8 that nothing declares, as macOS writes it.
    path = pack("<HHBL", 0x7075, 5 + 8, 1, crc32(b"caf\x82.txt")) + "café.tx".encode()
    found.append(_with_extra("caf!.txt", path).replace(b"caf!.txt", b"caf\x82.txt"))
    found.append(_with_extra("caf!.txt", b"").replace(b"caf!.txt", "café.tx".encode()))
    # A directory that is not read together with the end record.
    found.append(_with_extra("wide.bin", pack("<HH", 0x9999, 65_000) + bytes(65_000)))
    return tuple(found)


_CONTENTS = {
    "empty": b"",
    "tiny.txt": b"tiny",
    "é.bin": random.Random(1).randbytes(500),
    "text.json": b'{"weights": [1, 2, 3]}' * 30,
    "zeros": bytes(20_000),
}


def _zipped(stream: io.BytesIO, *, force_zip64: bool) -> bytes:
    with zipfile.ZipFile(stream, "w") as archive:
        for index, (name, content) in enumerate(_CONTENTS.items()):
            info = zipfile.ZipInfo(f"dir{index % 2}/{name}")
            info.compress_type = zipfile.ZIP_DEFLATED if index % 3 else zipfile.ZIP_STORED
            with archive.open(info, "w", force_zip64=force_zip64) as member:
                member.write(content)
    return stream.getvalue()


def _with_extra(name: str, extra: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for index in range(2):
            info = zipfile.ZipInfo(name if index else "first.bin")
            info.extra = extra if index else b""
            archive.writestr(info, b"weights")
    return stream.getvalue()


def _laid_out(files: dict[str, bytes]) -> bytes:
    layout = plan_archive(Entry(path, len(data), crc32(data)) for path, data in files.items())
    return b"".join(
        piece.data if isinstance(piece, Literal) else files[piece.path] for piece in layout.pieces
    )


def _with_wide_end(archive: bytes) -> bytes:
    """The same archive with ZIP64 end records (4.3.14, 4.3.15), which it does not need."""
    end = archive[-22:]
    counts = unpack("<HHLL", end[8:20])
    wide = pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, *counts)
    return archive[:-22] + wide + pack("<4sLQL", b"PK\x06\x07", 0, len(archive) - 22, 1) + end


def make(chance: Chance) -> bytes:
    """A damaged ZIP, now and then two in one, or noise in which a reader may find one."""
    kind = chance.random()
    if kind < 0.1:
        return _noise(chance)
    data = bytearray(chance.choice(originals()))
    if kind < 0.2:
        other = chance.choice(originals())
        place, cut = chance.randrange(len(data)), chance.randrange(len(other))
        data[place:] = other[cut:]
    else:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            if data:
                chance.choice(_DAMAGES)(chance, data)
    return bytes(data)


def _noise(chance: Chance) -> bytes:
    pieces = [
        chance.choice((chance.choice(SIGNATURES), chance.randbytes(chance.randrange(40)), bytes(22)))
        for _ in range(chance.randrange(12))
    ]
    # An end record with a directory before it, so that more is read than the end.
    before = b"".join(pieces)
    size = chance.randrange(len(before) + 1)
    count = chance.randrange(3)
    return before + pack("<4s4xHHLLH", b"PK\x05\x06", count, count, size, len(before) - size, 0)


def _number(chance: Chance, width: int, now: int) -> bytes:
    value = chance.choice(
        (now + 1, now - 1, now ^ 1 << chance.randrange(8 * width), chance.choice(TELLING), 0)
    )
    return int(value % 256**width).to_bytes(width, "little")


def _field(chance: Chance, data: bytearray) -> None:
    """Another value in a field of a header or an end record."""
    if records := list(_RECORD.finditer(data)):
        record = chance.choice(records)
        place, width = chance.choice(FIELDS[record[0]])
        start = record.start() + place
        now = int.from_bytes(data[start : start + width], "little")
        data[start : start + width] = _number(chance, width, now)


def _pair(chance: Chance, data: bytearray) -> tuple[int, int] | None:
    """Where a member's local and central header begin, as far as the order tells."""
    local = [found.start() for found in re.finditer(rb"PK\x03\x04", data)]
    central = [found.start() for found in re.finditer(rb"PK\x01\x02", data)]
    pairs = list(zip(local, central, strict=False))
    return chance.choice(pairs) if pairs else None


def _twins(chance: Chance, data: bytearray) -> None:
    """The same new value in both headers of a member: nothing contradicts it but the content."""
    if pair := _pair(chance, data):
        places, width = chance.choice(TWINS)
        start = pair[0] + places[0]
        value = _number(chance, width, int.from_bytes(data[start : start + width], "little"))
        for header, place in zip(pair, places, strict=True):
            data[header + place : header + place + width] = value


def _name(chance: Chance, data: bytearray) -> None:
    """The same new character in both names of a member, at their beginning, end or somewhere."""
    if pair := _pair(chance, data):
        character = chance.choice(b"/\\.:ABab\0\n\x7f\x82\xc3\xff")
        where = chance.choice((0, 1, -1, -2, chance.randrange(12)))
        for header, (place, length_place) in zip(pair, NAMES, strict=True):
            length = int.from_bytes(data[header + length_place : header + length_place + 2], "little")
            start = header + place + (where if where >= 0 else length + where)
            data[start : start + 1] = bytes([character])


def _flip(chance: Chance, data: bytearray) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _near(chance: Chance, data: bytearray) -> int:
    """A place within a header, mostly."""
    records = [found.start() for found in _RECORD.finditer(data)]
    place = chance.choice(records) + chance.randrange(90) if records else len(data)
    return place if place < len(data) else chance.randrange(len(data))


def _byte(chance: Chance, data: bytearray) -> None:
    data[_near(chance, data)] = chance.randrange(256)


def _cut(chance: Chance, data: bytearray) -> None:
    place = _near(chance, data)
    del data[place : place + chance.choice((1, 2, 4, 22, 100))]


def _truncate(chance: Chance, data: bytearray) -> None:
    if chance.random() < 0.8:
        del data[chance.randrange(len(data)) :]
    else:
        del data[: chance.randrange(len(data))]


def _insert(chance: Chance, data: bytearray) -> None:
    place = _near(chance, data)
    data[place:place] = chance.choice((b"\0", chance.choice(SIGNATURES), chance.randbytes(9)))


def _repeat(chance: Chance, data: bytearray) -> None:
    """A piece of the archive again, in place of another or between."""
    start, place = _near(chance, data), _near(chance, data)
    piece = data[start : start + chance.randrange(1, 120)]
    data[place : place + chance.choice((0, len(piece)))] = piece


_DAMAGES: list[Damage] = [
    *[_field, _field, _twins, _twins, _name, _name],
    *[_flip, _byte, _cut, _truncate, _insert, _repeat],
]
