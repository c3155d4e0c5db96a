"""What need not be fetched: files that are there already, and content that the cache has."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from weighthouse.parallel import each
from weighthouse.patience import Patience
from weighthouse.progress import Meter
from weighthouse.pull.cache import Cache
from weighthouse.pull.comparing import Comparing
from weighthouse.pull.places import Places, cannot_write
from weighthouse.pull.selection import Wanted, grouped

_WORKERS = 4


class There(NamedTuple):
    """What lies at the places of files before anything is written."""

    equal: set[str]
    """The names of files that have the content that is wanted."""
    other: dict[str, str | None]
    """The SHA-256 in hex of each that has another one; None of what is no file that can be read."""


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

    def there(self, files: Sequence[Wanted], *, hashed: bool) -> There:
        """What lies at the files' places, which is read only; without `hashed` not what other content it is.

        Raises `WeighthouseError` when a place can't be reached.
        """
        found = There(set(), {})
        groups = grouped(self._existing(files))

        def look(group: list[Wanted]) -> list[tuple[str, bool, str | None]]:
            return [(file.filename, *self._look(file, hashed)) for file in group]

        with closing(each(groups, look, workers=_WORKERS, stop=self._stop)) as done:
            for _, looked in done:
                for name, equal, sha256 in looked:
                    if equal:
                        found.equal.add(name)
                    else:
                        found.other[name] = sha256
        return found

    def _existing(self, files: Sequence[Wanted]) -> Iterator[Wanted]:
        for file in files:
            self._patience.check()
            if self._places.look(file.filename):
                yield file
            elif not self._is_cached(file):
                self._meter.keep(file.size, files=1)

    def _is_cached(self, file: Wanted) -> bool:
        return self._cache is not None and self._cache.has(file)

    def _look(self, file: Wanted, hashed: bool) -> tuple[bool, str | None]:
        """Whether a file is equal, and else the hash of what is there."""
        heed = _Heed(self._meter, self._patience, file)
        target = self._places.target(file.filename)
        equal = self._comparing.is_equal(target, file, heed)
        other = None
        if hashed and not equal:
            other = self._comparing.sha256(target, lambda count: self._patience.check())
        if equal or not self._is_cached(file):
            heed.finish()
        else:
            self._meter.keep(-heed.read)
        return equal, other

    def missing(self, files: Sequence[Wanted], equal: set[str]) -> list[Wanted]:
        """Those of the files that must be fetched, in path order; the others are at their final places.

        Raises `InvalidInput` when something is in the way of a file.
        """
        others = [file for file in files if file.filename not in equal]
        for file in others:
            self._patience.check()
            self._places.there(file.filename)
        taken: set[str] = set()

        def take(group: list[Wanted]) -> list[str]:
            return [file.filename for file in group if self._take(file)]

        groups = grouped(file for file in others if self._is_cached(file))
        with closing(each(groups, take, workers=_WORKERS, stop=self._stop)) as done:
            for _, names in done:
                taken.update(names)
        return [file for file in others if file.filename not in taken]

    def _take(self, file: Wanted) -> bool:
        heed = _Heed(self._meter, self._patience, file)
        target = self._places.target(file.filename)
        try:
            taken = self._cache is not None and self._cache.take(file, target, self._comparing, heed)
        except OSError as error:
            raise cannot_write(target, error) from error
        heed.finish()
        return taken


class _Heed:
    """Counts what is read of a file: it counts once, whether it was read twice or not at all."""

    def __init__(self, meter: Meter, patience: Patience, file: Wanted) -> None:
        self._meter, self._patience, self._file = meter, patience, file
        self.read = 0

    def __call__(self, count: int) -> None:
        self.read += count
        self._patience.check()
        self._meter.move(self._file.filename, count, self._file.size)

    def finish(self) -> None:
        """The file is done with."""
        self._meter.keep(self._file.size - self.read)
        self._meter.finish(self._file.filename)
