"""What is sent in benchmarks of the data plane: files that look like weights, and ZIPs of them."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

Hashes = dict[str, str]


def noise(size: int) -> bytes:
    """Bytes that don't compress."""
    return os.urandom(size)


def weights(size: int) -> bytes:
    """32-bit floats of which the lower half is zero, as bfloat16 gives them: they deflate to some 40 %."""
    few = bytes(0x3C + (byte & 7) for byte in range(256))
    data = bytearray(size)
    data[2::4] = os.urandom(len(data[2::4]))
    data[3::4] = os.urandom(len(data[3::4])).translate(few)
    return bytes(data)


def make_zip(
    path: Path, count: int, size: int, make: Callable[[int], bytes], compression: int = zipfile.ZIP_STORED
) -> Hashes:
    """Writes a ZIP of `count` members of `size` bytes; SHA-256 of each by name."""
    hashes: Hashes = {}
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        for name, data in members(count, size, make):
            archive.writestr(name, data)
            hashes[name] = hashlib.sha256(data).hexdigest()
    return hashes


def members(count: int, size: int, make: Callable[[int], bytes]) -> Iterator[tuple[str, bytes]]:
    """Names and contents, no two alike; making all of them anew would take longer than what is measured."""
    data = make(size)
    for index in range(count):
        yield f"layer-{index // 1_000:02d}/{index:06d}.bin", index.to_bytes(8, "little") + data[8:]
