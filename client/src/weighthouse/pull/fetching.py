"""Fetching what is missing: many files at once, large ones by several ranges at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from weighthouse.errors import ContentMismatch
from weighthouse.locking import release, release_as, release_removed
from weighthouse.parallel import each
from weighthouse.patience import Patience
from weighthouse.progress import Meter
from weighthouse.pull.cache import Cache
from weighthouse.pull.listing import Listing
from weighthouse.pull.partial import Partial, empty
from weighthouse.pull.places import Places, cannot_write, open_locked, part_of
from weighthouse.pull.selection import SMALL, Wanted, grouped
from weighthouse.pull.source import Source
from weighthouse.pull.verifying import Digest, is_equal
from weighthouse.systems import write_at
from weighthouse.transport import Transport

_WORKERS = min(8, 3 + (os.cpu_count() or 1))
"""Threads. Enough to have the store always busy; more than the cores can run only wait for each other."""


class _GivenUp(Exception):
    """Another thread has found that the file on its way must be begun anew."""


class _Small(NamedTuple):
    """Files to fetch whole, each from its URL."""

    files: list[tuple[Wanted, str]]


class _Range(NamedTuple):
    """A range of a large file to fetch. Of one that has arrived whole, nothing is: it is digested."""

    partial: Partial
    number: int


class Fetching:
    """Fetches files to their final places; nothing has its final name before it was verified."""

    def __init__(
        self,
        transport: Transport,
        listing: Listing,
        places: Places,
        cache: Cache | None,
        meter: Meter,
        patience: Patience,
        stop: threading.Event,
    ) -> None:
        self._transport, self._listing, self._places, self._cache = transport, listing, places, cache
        self._meter, self._patience, self._stop = meter, patience, stop
        self._open: set[Partial] = set()
        self._again: list[Wanted] = []
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self.files_fetched = 0
        """Of which something travelled."""
        self.bytes_fetched = 0
        """What travelled, with what had to be fetched again."""
        self.found: dict[str, str] = {}
        """The SHA-256 in hex of fetched files of which the registry recorded none."""

    def run(self, files: list[Wanted]) -> None:
        """Fetches the files; raises `ContentMismatch` when a file's content is wrong again and again.

        Raises `WeighthouseError` with the file's name when it can't be written.
        """
        while files:
            try:
                units = self._units(files)
                with closing(each(units, self._do, workers=_WORKERS, stop=self._stop)) as done:
                    for _ in done:
                        pass
            finally:
                for partial in self._open:
                    partial.close()
                self._open.clear()
            files, self._again = self._again, []

    def _units(self, files: list[Wanted]) -> Iterator[_Small | _Range]:
        """What a thread does at a time; made when one is free, so that URLs are fresh and few files are open."""
        for group in grouped(files):
            if group[0].size <= SMALL:
                yield _Small([(file, self._listing.url(file)) for file in group])
            elif partial := self._begin(group[0]):
                # What arrived in an earlier run is digested while the rest is fetched.
                if partial.ranges.is_finished(0):
                    yield _Range(partial, 0)
                for number in partial.ranges.unfinished():
                    yield _Range(partial, number)

    def _begin(self, file: Wanted) -> Partial | None:
        """The file on its way; None when another pull has fetched it meanwhile."""
        target = self._places.prepare(file.filename)
        path = self._places.target(part_of(file.filename))
        try:
            descriptor, waited = open_locked(path, self._patience)
            try:
                is_there = waited and is_equal(target, file, lambda _: self._patience.check())
                partial = None if is_there else Partial(file, path, descriptor)
            except BaseException:
                release(descriptor)
                raise
            if partial is None:
                release_removed(descriptor, path)
                self._meter.keep(file.size, files=1)
                return None
        except OSError as error:
            raise cannot_write(target, error) from error
        partial.source = self._source(file, self._listing.url(file), partial.etag)
        self._open.add(partial)
        self._meter.keep(partial.ranges.arrived, filename=file.filename, total=file.size)
        return partial

    def _source(self, file: Wanted, url: str, etag: str | None = None) -> Source:
        def fresh(refused: str | None) -> str:
            return self._listing.fresh(file, refused)

        return Source(self._transport, file.filename, file.size, url, fresh, etag)

    def _do(self, unit: _Small | _Range) -> None:
        if isinstance(unit, _Small):
            for file, url in unit.files:
                self._fetch_small(file, url)
            return
        try:
            self._fetch_range(*unit)
        except ContentMismatch as error:
            self._give_up(unit.partial, error)
        except _GivenUp:
            pass
        except OSError as error:
            raise cannot_write(self._places.target(unit.partial.file.filename), error) from error

    def _moved(self, file: Wanted, count: int) -> None:
        with self._lock:
            self.bytes_fetched += count
        self._meter.move(file.filename, count, file.size)

    def _fetch_range(self, partial: Partial, number: int) -> None:
        file = partial.file
        if partial.broken:
            return

        def take(block: bytes) -> None:
            if partial.broken:
                raise _GivenUp
            partial.write(number, block)
            self._moved(file, len(block))

        partial.await_digest(number, self._patience)
        partial.source.read(*partial.ranges.missing(number), take, self._patience)
        if not partial.digest(self._patience):
            return
        if problem := partial.problem():
            raise ContentMismatch(f"{file.filename!r} {problem}, also when it is fetched anew")
        self._note(file, partial.sha256)
        target = self._places.target(file.filename)
        partial.move(target)
        self._open.discard(partial)
        self._finish(file, target, travelled=partial.moved)

    def _give_up(self, partial: Partial, error: ContentMismatch) -> None:
        """Has a file begun anew, once."""
        with self._lock:
            if partial.broken:
                return
            partial.discard()
            if partial.file.filename in self._failed:
                raise error
            self._failed.add(partial.file.filename)
            self._again.append(partial.file)
        self._meter.move(partial.file.filename, -partial.ranges.arrived, partial.file.size)

    def _fetch_small(self, file: Wanted, url: str) -> None:
        try:
            content = self._receive(file, url)
        except ContentMismatch:
            content = self._receive(file, url)
        target = self._places.prepare(file.filename)
        try:
            self._write(self._places.target(part_of(file.filename)), target, content)
            self._finish(file, target, travelled=bool(content))
        except OSError as error:
            raise cannot_write(target, error) from error

    def _receive(self, file: Wanted, url: str) -> bytes:
        """The content of a small file; raises `ContentMismatch`."""
        blocks: list[bytes] = []

        def take(block: bytes) -> None:
            blocks.append(block)
            self._moved(file, len(block))

        try:
            self._source(file, url).read(0, file.size, take, self._patience)
            digest = Digest()
            for block in blocks:
                digest.add(block)
            if problem := digest.problem(file):
                raise ContentMismatch(f"{file.filename!r} {problem}, also when it is fetched anew")
            self._note(file, digest.sha256)
        except ContentMismatch:
            self._meter.move(file.filename, -sum(map(len, blocks)), file.size)
            raise
        return b"".join(blocks)

    def _note(self, file: Wanted, sha256: str) -> None:
        if file.sha256 is None:
            with self._lock:
                self.found[file.filename] = sha256

    def _write(self, path: str, target: str, content: bytes) -> None:
        descriptor, _ = open_locked(path, self._patience)
        try:
            empty(descriptor)
            write_at(descriptor, content, 0)
        except BaseException:
            release(descriptor)
            raise
        release_as(descriptor, path, target)

    def _finish(self, file: Wanted, target: str, *, travelled: bool) -> None:
        if self._cache:
            self._cache.add(file, target)
        with self._lock:
            self.files_fetched += travelled
        self._meter.finish(file.filename)
