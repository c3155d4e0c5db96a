"""Work on one upload or deletion by one owner at a time, that survives its owner.

A lease is short and renewed while the work goes on; when its owner is killed it lapses within a minute and
another may go on with what is missing.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from uuid import uuid4

from chalicelib.registry import clock
from chalicelib.store import leases, table
from chalicelib.store.table import Key

LEASE = 60
"""Seconds after which work that shows no sign of life may be taken over."""
RENEWAL = 15
"""Seconds between signs of life."""
RESERVE = 45.0
"""Seconds before a function's deadline at which work is handed to another run."""
DUE_AGAIN = 5 * 60
"""Seconds after which work that was handed to the worker function is looked at again."""

Remaining = Callable[[], float]
"""Gives the seconds that a run has left."""


class LeaseLost(Exception):
    """Another owner has taken the work over: stop, and leave everything as it is."""


class Shared(Exception):
    """The work goes on in several runs at once, of which the last will end it."""


class OutOfTime(Exception):
    """The function's time is nearly over: what is done is noted, the rest is for another run."""


def new_owner() -> str:
    """A name for one run of work."""
    return uuid4().hex


def for_seconds(seconds: float) -> Remaining:
    """What a run is given that is to begin no more work after so many seconds, in a request for instance."""
    end = time.monotonic() + seconds + RESERVE
    return lambda: end - time.monotonic()


class Lease:
    """Keeps a row that was claimed under `owner` while the `with` block runs, and counts its progress."""

    def __init__(
        self,
        key: Key,
        owner: str,
        remaining: Remaining,
        *,
        until: int,
        resumes: bool = False,
        within: "Lease | None" = None,
    ) -> None:
        """The row was claimed `until` then, in seconds since the epoch.

        `remaining` says how many seconds this run has; `resumes` says that an earlier run may have begun.
        A lease `within` another is lost with that one.
        """
        self.owner = owner
        self._key = key
        self.resumes = resumes
        self._remaining = remaining
        self._within = within
        self._progress: dict[str, int] = {}
        self.totals = 0, 0
        self._held_until = until
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=copy_context().run, args=(self._keep,), daemon=True)

    def __enter__(self) -> "Lease":
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join()

    def _keep(self) -> None:
        while not self._over.wait(RENEWAL):
            until = clock.now() + LEASE
            try:
                leases.renew(self._key, self.owner, until=until, progress=self.progress)
            except table.ConditionFailed:
                self._held_until = 0
                return
            except Exception:  # noqa: S112 - a store that is out of reach may come back before the lease ends
                continue
            self._held_until = until

    @property
    def progress(self) -> dict[str, int]:
        """What was counted so far, by the names that it is noted under."""
        with self._lock:
            return dict(self._progress)

    def set_totals(self, files: int, size: int) -> None:
        """Says how many files there are to make, and how many bytes they have; what is published is to have as many."""
        self.totals = files, size
        with self._lock:
            self._progress |= {"files_total": files, "bytes_total": size}

    def advance(self, files: int, size: int) -> None:
        """Counts files and bytes that are done."""
        with self._lock:
            self._progress["files_done"] = self._progress.get("files_done", 0) + files
            self._progress["bytes_done"] = self._progress.get("bytes_done", 0) + size

    def advance_bytes(self, size: int) -> None:
        """Counts bytes of a file that is being made."""
        self.advance(0, size)

    def check_held(self) -> None:
        """Raises `LeaseLost` when another may have taken over; to be called before each write."""
        if self._within:
            self._within.check_held()
        if clock.now() >= self._held_until:
            raise LeaseLost(self._key)

    def check(self) -> None:
        """Raises `LeaseLost`, or `OutOfTime` when no more work may be begun; to be called before each unit of it."""
        self.check_held()
        if self._remaining() < RESERVE:
            raise OutOfTime(self._key)
