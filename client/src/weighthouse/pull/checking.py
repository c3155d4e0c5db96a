"""What need not be fetched: files that are there already, and content that the cache has."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import closing

from weighthouse.parallel import each
from weighthouse.patience import Patience
from weighthouse.progress import Meter
from weighthouse.pull.cache import Cache
from weighthouse.pull.comparing import Comparing
from weighthouse.pull.places import Places, cannot_write
from weighthouse.pull.selection import Wanted, grouped

_WORKERS = 4


class Checking:
    """Looks for the content of files where it may be, before anything is fetched."""

    def __init__(
        self,
        places: Places,
        cache: Cache | None,
        comparing: Comparing,
        meter: Meter,
        patience: Patience,
        stop: threading.Event,
    ) -> None:
        self._places, self._cache, self._comparing = places, cache, comparing
        self._meter, self._patience, self._stop = meter, patience, stop

    def missing(self, files: list[Wanted]) -> list[Wanted]:
        """The files that must be fetched, in path order; the others are at their final places.

        Raises `InvalidInput` when something is in the way of a file, and `WeighthouseError` when it can't be read.
        """
        settled: set[str] = set()
        groups = grouped(self._candidates(files))
        with closing(each(groups, self._settle, workers=_WORKERS, stop=self._stop)) as done:
            for _, names in done:
                settled.update(names)
        return [file for file in files if file.filename not in settled]

    def _candidates(self, files: list[Wanted]) -> Iterator[Wanted]:
        """The files that are worth a look at their content."""
        for file in files:
            self._patience.check()
            found = self._places.there(file.filename)
            same_size = found is not None and stat.S_ISREG(found.st_mode) and found.st_size == file.size
            if same_size or (self._cache and self._cache.has(file)):
                yield file
            else:
                self._meter.keep(file.size, files=1)

    def _settle(self, files: list[Wanted]) -> list[str]:
        return [file.filename for file in files if self._is_settled(file)]

    def _is_settled(self, file: Wanted) -> bool:
        read = 0

        def heed(count: int) -> None:
            nonlocal read
            read += count
            self._patience.check()
            self._meter.move(file.filename, count, file.size)

        target = self._places.target(file.filename)
        settled = self._comparing.is_equal(target, file, heed)
        if not settled and self._cache:
            try:
                settled = self._cache.take(file, target, self._comparing, heed)
            except OSError as error:
                raise cannot_write(target, error) from error
        # It counts once, whether it was read twice or not at all.
        self._meter.keep(file.size - read)
        self._meter.finish(file.filename)
        return settled
