"""What is sent in benchmarks of the data plane: files that look like weights, and ZIPs of them."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

MIB = 1 << 20

Hashes = dict[str, str]
"""SHA-256 in hex by path."""


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


def make_file(path: Path, size: int) -> None:
    """Writes a file that doesn't compress; no two of its blocks are alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = noise(min(size, 64 * MIB))
    with path.open("wb") as out:
        for start in range(0, size, len(block)):
            out.write((os.urandom(16) + block[16:])[: size - start])


def make_folder(folder: Path, count: int, size: int) -> None:
    """Writes `count` files of `size` bytes, no two alike."""
    for name, data in members(count, size, noise):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def hashes_of(path: Path) -> Hashes:
    """SHA-256 of every file of a folder, or of one file."""
    files = [file for file in path.rglob("*") if not file.is_dir()] if path.is_dir() else [path]
    base = path if path.is_dir() else path.parent

    def hashed(file: Path) -> tuple[str, str]:
        with file.open("rb") as content:
            return file.relative_to(base).as_posix(), hashlib.file_digest(content, "sha256").hexdigest()

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(hashed, files))


def stored_hashes(s3: Any, bucket: str, prefix: str) -> Hashes:
    """SHA-256 of every object under a prefix, by what follows it in its key."""

    def hashed(key: str) -> tuple[str, str]:
        sha256 = hashlib.sha256()
        for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(MIB):
            sha256.update(chunk)
        return key.removeprefix(prefix), sha256.hexdigest()

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with ThreadPoolExecutor(4) as pool:
        return dict(pool.map(hashed, [item["Key"] for page in pages for item in page.get("Contents", [])]))
