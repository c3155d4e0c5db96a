"""ZIPs that may lie: every field of every header can be overridden."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STORED, DEFLATED = 0, 8
ALL_ONES = 0xFFFFFFFF


def deflate(content: bytes, level: int = 9) -> bytes:
    squeezer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return squeezer.compress(content) + squeezer.flush()


def extra(field_id: int, data: bytes) -> bytes:
    return struct.pack("<HH", field_id, len(data)) + data


def zip64(*values: int) -> bytes:
    return extra(1, struct.pack(f"<{len(values)}Q", *values))


def unicode_path(name: bytes, raw_name: bytes) -> bytes:
    return extra(0x7075, struct.pack("<BL", 1, zlib.crc32(raw_name)) + name)


@dataclass(frozen=True)
class Fake:
    """A member; `local` and `central` hold the header fields that lie, `data` what lies in the archive."""

    name: bytes = b"a.bin"
    content: bytes = b"content"
    method: int = STORED
    flags: int = 0x0800
    mode: int = 0o100644
    attributes: int = 0
    host: int = 3
    extra: bytes = b""
    local_extra: bytes = b""
    data: bytes | None = None
    trailer: bytes = b""
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)

    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflate(self.content) if self.method == DEFLATED else self.content

    def truth(self) -> dict[str, Any]:
        return {
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(self.packed()),
            "size": len(self.content),
            "name": self.name,
        }

    def local_header(self) -> bytes:
        said: dict[str, Any] = {"signature": b"PK\x03\x04", **self.truth(), **self.local}
        return (
            struct.pack(
                "<4sHHHHHLLLHH",
                said["signature"],
                20,
                said["flags"],
                said["method"],
                0,
                33,
                said["crc"],
                said["packed"],
                said["size"],
                said.get("name_length", len(said["name"])),
                said.get("extra_length", len(self.local_extra)),
            )
            + said["name"]
            + self.local_extra
        )

    def central_header(self, offset: int) -> bytes:
        said: dict[str, Any] = {
            "signature": b"PK\x01\x02",
            "disk": 0,
            "offset": offset,
            **self.truth(),
            **self.central,
        }
        return (
            struct.pack(
                "<4sBBHHHHHLLLHHHHHLL",
                said["signature"],
                20,
                self.host,
                20,
                said["flags"],
                said["method"],
                0,
                33,
                said["crc"],
                said["packed"],
                said["size"],
                said.get("name_length", len(said["name"])),
                said.get("extra_length", len(self.extra)),
                0,
                said["disk"],
                0,
                self.mode << 16 | self.attributes,
                said["offset"],
            )
            + said["name"]
            + self.extra
        )


def build(
    members: Sequence[Fake],
    *,
    before: bytes = b"",
    gap: bytes = b"",
    comment: bytes = b"",
    after: bytes = b"",
    end: Mapping[str, Any] | None = None,
    end64: Mapping[str, Any] | None = None,
    locator: Mapping[str, Any] | None = None,
) -> bytes:
    """The archive; `before` is counted in the offsets. With `end64` (perhaps empty) it has ZIP64 end records."""
    body = bytearray(before)
    headers = []
    for member in members:
        headers.append(member.central_header(len(body)))
        body += member.local_header() + member.packed() + member.trailer
    body += gap
    return (
        bytes(body)
        + finish(headers, len(body), comment=comment, end=end, end64=end64, locator=locator)
        + after
    )


def finish(
    headers: Sequence[bytes],
    offset: int,
    *,
    comment: bytes = b"",
    end: Mapping[str, Any] | None = None,
    end64: Mapping[str, Any] | None = None,
    locator: Mapping[str, Any] | None = None,
) -> bytes:
    """The central directory of these headers, at `offset`, and the end records."""
    directory = b"".join(headers)
    truth = {
        "disk": 0,
        "first_disk": 0,
        "here": len(headers),
        "entries": len(headers),
        "size": len(directory),
        "offset": offset,
    }
    records = b""
    if end64 is not None:
        said = {"signature": b"PK\x06\x06", "remainder": 44, **truth, **end64}
        records += struct.pack(
            "<4sQHHLLQQQQ",
            said["signature"],
            said["remainder"],
            45,
            45,
            *(said[key] for key in truth),
        )
        place = {"disk": 0, "position": offset + len(directory), "disks": 1, **(locator or {})}
        records += struct.pack("<4sLQL", b"PK\x06\x07", place["disk"], place["position"], place["disks"])
    said = {**truth, "comment_length": len(comment), **(end or {})}
    records += struct.pack("<4sHHHHLLH", b"PK\x05\x06", *said.values())
    return directory + records + comment


@dataclass
class Recorded:
    """A source that streams in small chunks and records the reads."""

    data: bytes
    chunk: int = 7
    size: int = -1
    reads: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 0:
            self.size = len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of an archive whose end `data` is, where `size` says that it is longer."""
        self.reads.append((offset, length))
        start = offset - (self.size - len(self.data))
        assert 0 <= start <= start + length <= len(self.data)
        return self.data[start : start + length]

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        for start in range(offset, offset + length, self.chunk):
            yield self.read(start, min(self.chunk, offset + length - start))
