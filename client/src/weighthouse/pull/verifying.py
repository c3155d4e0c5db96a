"""Whether content is what the registry recorded."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Callable

from weighthouse.pull.selection import Wanted
from weighthouse.systems import open_itself

_BLOCK = 1 << 20


class Digest:
    """SHA-256 and CRC-32 of bytes as they come in order."""

    def __init__(self) -> None:
        self._sha256, self._crc32 = hashlib.sha256(), 0

    def add(self, data: bytes) -> None:
        """Takes the next bytes; other threads can run meanwhile."""
        self._sha256.update(data)
        self._crc32 = zlib.crc32(data, self._crc32)

    @property
    def sha256(self) -> str:
        """In hex, of what was added so far."""
        return self._sha256.hexdigest()

    def problem(self, file: Wanted) -> str | None:
        """How the content differs from what was recorded of `file`; None when it doesn't, as far as that is known."""
        sha256, crc32 = self._sha256.hexdigest(), f"{self._crc32:08x}"
        if file.sha256 is not None and sha256 != file.sha256:
            return f"has SHA-256 {sha256}, and the registry recorded {file.sha256}"
        if file.crc32 is not None and crc32 != file.crc32:
            return f"has CRC-32 {crc32}, and the registry recorded {file.crc32}"
        return None


def is_equal(path: str, file: Wanted, heed: Callable[[int], None]) -> bool:
    """Whether the file at `path` has the content of `file`: its size and SHA-256, or CRC-32 where that is all there is.

    Never where nothing is known, and not when it can't be read. `heed` is called with the count of each block.
    """
    if file.sha256 is None and file.crc32 is None:
        return False
    digest = read(path, heed, lambda found: None, size=file.size)
    return digest is not None and digest.problem(file) is None


def read(
    path: str,
    heed: Callable[[int], None],
    look: Callable[[os.stat_result], None],
    *,
    size: int | None = None,
) -> Digest | None:
    """The digest of the file at `path`; None where there is none that can be read, or it has not this size.

    `look` is called with what is said of the open file, before and after it is read.
    """
    digest = Digest()
    try:
        descriptor = open_itself(path, os.O_RDONLY)
        with open(descriptor, "rb", 0) as opened:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or size not in (None, found.st_size):
                return None
            look(found)
            while block := opened.read(_BLOCK):
                digest.add(block)
                heed(len(block))
            look(os.fstat(descriptor))
    except OSError:
        return None
    return digest
