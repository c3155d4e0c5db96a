"""A million damaged ZIPs through the reader: each is refused in so many words, or read correctly.

    python -m benchmarks.fuzz_archives [--inputs N] [--seed N] [--input N]

What is read must have the CRC-32 and size that the ZIP says, in whatever chunks it comes, and be what ISA-L, zlib and
Python's zipfile read, where they read it. Anything else is a finding: another exception, more
than a second, more than 64 MiB. A finding is told by its number; `--input` reads that one again, with its traceback.
"""

import argparse
import io
import random
import resource
import signal
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from types import FrameType
from typing import Any

from benchmarks._damage import make
from benchmarks._report import machine, progress, table, verdict
from chalicelib.archive import members as reader
from chalicelib.archive.directory import Member, read_directory
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive
from chalicelib.paths import path_problem

INPUTS = 1_000_000
PROCESSES = 2
BATCH = 5_000
SECONDS = 1.0
"""Of the processor, for one input."""
GROWTH_MIB = 64
"""Memory that one process may need more than after its first inputs."""
WARM = 500
MIB = 1024 * 1024
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
ENGINES = [zlib, *([import_module("isal.isal_zlib")] if find_spec("isal") else [])]
CHUNKS = (MIB, 1, 7, 300)
"""Bytes in which a source streams, by the input's number."""


class Wrong(Exception):
    """The reader gave something else than what the archive holds."""


@dataclass(frozen=True, slots=True)
class Chunked(BytesSource):
    """An archive in memory that streams in chunks of `chunk` bytes."""

    chunk: int = MIB

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        for start in range(offset, offset + length, self.chunk):
            yield self.read(start, min(self.chunk, offset + length - start))


def examine(data: bytes, chunk: int = MIB) -> str:
    """What became of the archive: `refused`, `partly` read, or `read`.

    Raises `Wrong` when what was read is not what the archive holds, and whatever the reader raises that is
    not `InvalidArchive`.
    """
    try:
        members = read_directory(Chunked(data)).members
    except InvalidArchive:
        return "refused"
    contents = [_content(Chunked(data, chunk=chunk), member) for member in members]
    _compare(data, members, contents)
    if all(content is None for content in contents):
        return "refused"
    return "partly" if None in contents else "read"


def _content(source: Chunked, member: Member) -> bytes | None:
    """The member's content, None when it is refused."""
    if path_problem(member.path):
        raise Wrong(f"{member.path!r} is no path")
    # ISA-L reads some sets of codes that zlib calls incomplete, so one may read what the other refuses.
    read = [content for engine in ENGINES if (content := _streamed(source, member, engine)) is not None]
    if any((len(content), zlib.crc32(content)) != (member.size, member.crc32) for content in read):
        raise Wrong(f"{member.path!r} has another size or CRC-32")
    if len(set(read)) > 1:
        raise Wrong(f"{member.path!r}: ISA-L and zlib read different contents")
    return read[0] if read else None


def _streamed(source: Chunked, member: Member, engine: Any) -> bytes | None:
    reader.engine = engine
    content = bytearray()
    try:
        for piece in reader.stream_member(source, member):
            content += piece
            if len(content) > member.size:
                raise Wrong(f"{member.path!r} is longer than declared")
    except InvalidArchive:
        return None
    return bytes(content)


def _compare(data: bytes, members: tuple[Member, ...], contents: list[bytes | None]) -> None:
    """What zipfile finds at the same place must have the same name and content, where it can read it at all."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # zipfile has many words for refusal
        return
    with archive:
        found = {info.header_offset: info for info in archive.infolist()}
        for member, content in zip(members, contents, strict=True):
            info = found.get(member.header_offset)
            if info is None:
                raise Wrong(f"zipfile knows nothing at {member.header_offset}")
            code = "utf-8" if info.flag_bits & 0x0800 else "cp437"
            if info.orig_filename.encode(code) != member.raw_name:
                raise Wrong(f"zipfile calls {member.path!r} {info.orig_filename!r}")
            if content is None:
                continue
            try:
                theirs = archive.read(info)
            except Exception:  # as above
                continue
            if theirs != content:
                raise Wrong(f"zipfile reads something else in {member.path!r}")


def examined(seed: int, number: int) -> str:
    """What became of an input of this run."""
    return examine(make(random.Random(f"{seed}:{number}")), CHUNKS[number % len(CHUNKS)])


def batch(seed: int, first: int, count: int) -> tuple[Counter[str], list[str]]:
    """What became of these inputs, and what was found wrong."""
    signal.signal(signal.SIGPROF, _too_slow)
    ends: Counter[str] = Counter()
    findings: list[str] = []
    for number in range(first, first + count):
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            ends[examined(seed, number)] += 1
        except Exception as error:
            ends["wrong"] += 1
            findings.append(f"input {number}: {type(error).__name__}: {error}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if grown := _growth():
            findings.append(f"input {number}: the process grew by {grown} MiB")
    return ends, findings


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"over {SECONDS} s")


_peaks: list[int] = []
"""MiB that this process has taken: while it gets warm, and then whenever it outgrew what it took before."""


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT // MIB


def _growth() -> int:
    """The MiB by which this process has just outgrown itself, when that is too many."""
    peak = _peak()
    warm = len(_peaks) >= WARM
    if warm and peak - _peaks[-1] <= GROWTH_MIB:
        return 0
    _peaks.append(peak)
    return _peaks[-1] - _peaks[-2] if warm else 0


def main() -> int:
    """Tries them, prints, and gives the exit status: 1 when there is a finding."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_archives", description=__doc__)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--input", type=int, help="read one again, with its traceback")
    asked = parser.parse_args()
    if asked.input is not None:
        print(examined(asked.seed, asked.input))
        return 0
    ends: Counter[str] = Counter()
    findings: list[str] = []
    begun = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        firsts = range(0, asked.inputs, BATCH)
        counts = [min(BATCH, asked.inputs - first) for first in firsts]
        for found, wrong in pool.map(batch, [asked.seed] * len(firsts), firsts, counts):
            ends += found
            findings += wrong
            progress(f"{ends.total():,} of {asked.inputs:,}, {len(findings)} findings")
    progress("")
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{asked.inputs:,} damaged ZIPs (seed {asked.seed}), on {machine()}\n")
    print(table(["became", "inputs"], [[end, f"{count:,}"] for end, count in ends.most_common()]))
    print(f"\n{seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of the processor")
    return verdict(findings)


if __name__ == "__main__":
    sys.exit(main())
