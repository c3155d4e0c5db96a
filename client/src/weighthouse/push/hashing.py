"""The SHA-256 of everything that is pushed, before the service is asked what it has already."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from weighthouse.hashes import Clocks, Hashes, sha256_of
from weighthouse.parallel import each
from weighthouse.patience import Patience
from weighthouse.progress import Meter
from weighthouse.push.scanning import Source

_WORKERS = min(4, os.cpu_count() or 1)
_BATCH = 16 * 1024 * 1024
"""Bytes of small files that a worker takes at a time."""


def hash_all(sources: Sequence[Source], hashes: Hashes, meter: Meter) -> dict[str, str]:
    """File name to SHA-256 of every source; those that are known and unchanged are not read.

    Raises `FileChanged` when a file is not what it was when it was scanned.
    """
    known = hashes.known(source.stamp for source in sources)
    found = {source.filename: known[source.path] for source in sources if source.path in known}
    unknown = [source for source in sources if source.path not in known]
    meter.begin("hashing", len(sources), sum(source.size for source in sources))
    meter.keep(sum(source.size for source in sources if source.path in known), files=len(found))
    clocks = Clocks()
    for source in unknown:
        clocks.read(source.stamp)
    stop = threading.Event()
    patience = Patience(stop=stop)

    def work(batch: Sequence[Source]) -> list[tuple[Source, str]]:
        hashed = [(source, _hash(source, meter, patience)) for source in batch]
        hashes.keep([(source.stamp, sha256) for source, sha256 in hashed], clocks)
        return hashed

    with closing(each(_batches(unknown), work, workers=_WORKERS, stop=stop)) as done:
        for _, hashed in done:
            found |= {source.filename: sha256 for source, sha256 in hashed}
    return found


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    size = 0
    for source in sources:
        batch.append(source)
        size += source.size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash(source: Source, meter: Meter, patience: Patience) -> str:
    def on_block(count: int) -> None:
        patience.check()
        meter.move(source.filename, count, source.size)

    descriptor = source.open()
    try:
        sha256 = sha256_of(descriptor, on_block)
        source.check(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    meter.finish(source.filename)
    return sha256
