"""How far a push or a pull is, for those who watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Phase = Literal["scanning", "hashing", "sending", "publishing", "listing", "checking", "fetching", "done"]

_EVERY = 0.1
"""Seconds between two calls of a callback."""


@dataclass(frozen=True)
class FileProgress:
    """A file that is on its way right now; sizes in bytes."""

    filename: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True)
class Progress:
    """How far it is; sizes in bytes."""

    phase: Phase
    files_done: int
    files_total: int
    bytes_done: int
    """Of `bytes_total`, with what had not to travel."""
    bytes_total: int
    bytes_moved: int
    """What travelled or was read in this phase by this run: what a speed is computed from."""
    seconds: float
    """How long this phase has lasted."""
    files: tuple[FileProgress, ...]
    """The files on their way."""

    @property
    def bytes_per_second(self) -> float:
        """The mean speed of this phase so far."""
        return self.bytes_moved / self.seconds if self.seconds > 0 else 0.0


OnProgress = Callable[[Progress], None]


class Meter:
    """Counts what worker threads do, and calls back at most ten times a second, from one thread at a time."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        """`on_progress` is called from worker threads; what it raises ends the job."""
        self._call = on_progress
        self._lock = threading.Lock()
        self._active: dict[str, list[int]] = {}
        self._before: Mapping[str, int] = {}
        self._next = 0.0
        self._reset("scanning", 0, 0)

    def _reset(self, phase: Phase, files_total: int, bytes_total: int) -> None:
        self._phase: Phase = phase
        self._files_total, self._bytes_total = files_total, bytes_total
        self._files_done = self._bytes_done = self._bytes_moved = 0
        self._began = time.monotonic()
        self._active.clear()
        self._before = {}

    def begin(self, phase: Phase, files_total: int = 0, bytes_total: int = 0) -> None:
        """Starts a phase from nothing."""
        with self._lock:
            self._reset(phase, files_total, bytes_total)
            self._report(always=True)

    def keep(
        self,
        count: int,
        files: int = 0,
        filename: str | None = None,
        total: int = 0,
        before: Mapping[str, int] | None = None,
    ) -> None:
        """Counts bytes, and whole files, that need not be sent; `filename` begins with them, of `total` bytes.

        `before` says how many of the bytes are of which file: each counts them from its first byte in transit on.
        """
        with self._lock:
            self._bytes_done += count
            self._files_done += files
            self._before = before or self._before
            if filename is not None:
                self._active.setdefault(filename, [0, total])[0] += count
            self._report()

    def move(self, filename: str | None, count: int, total: int) -> None:
        """Counts bytes of a file of `total` bytes as travelled; a negative count takes back what must go again."""
        with self._lock:
            self._bytes_done += count
            self._bytes_moved += count
            if filename is not None:
                done = self._active.setdefault(filename, [self._before.get(filename, 0), total])
                done[0] += count
            self._report()

    def finish(self, filename: str | None = None, files: int = 1) -> None:
        """Counts files as done; `filename` is no longer on its way."""
        with self._lock:
            self._files_done += files
            if filename is not None:
                self._active.pop(filename, None)
            self._report()

    def _report(self, *, always: bool = False) -> None:
        if self._call is None or (not always and time.monotonic() < self._next):
            return
        now = time.monotonic()
        self._next = now + _EVERY
        files = tuple(FileProgress(name, done, total) for name, (done, total) in self._active.items())
        self._call(
            Progress(
                self._phase,
                self._files_done,
                self._files_total,
                self._bytes_done,
                self._bytes_total,
                self._bytes_moved,
                now - self._began,
                files,
            )
        )
