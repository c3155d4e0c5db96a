"""How fast it goes, and which files have a row: the arithmetic of what is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from weighthouse.progress import FileProgress, Phase, Progress

_WINDOW = 10.0
"""Seconds over which a speed is the mean: long enough to be read, short enough to be true."""
_FIRST = 0.5
"""Seconds after which a speed says something."""


class Pace:
    """The speed of late, from the progress that came and when; times in seconds of one clock."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._began = self._moved_at = 0.0

    def add(self, progress: Progress, now: float) -> None:
        """Notes a progress that came at `now`; a new phase begins from nothing."""
        if progress.phase != self._phase:
            self._phase = progress.phase
            self._samples.clear()
            self._began, self._moved_at = now - progress.seconds, now
            self._samples.append((self._began, 0))
        if progress.bytes_moved != self._samples[-1][1]:
            self._moved_at = now
        self._samples.append((now, progress.bytes_moved))
        while len(self._samples) > 2 and self._samples[1][0] < now - _WINDOW:
            self._samples.popleft()

    def speed(self, now: float) -> float:
        """Bytes a second over the last ten seconds, less when nothing came since; 0 when it is too early to say."""
        if not self._samples:
            return 0.0
        since, before = self._samples[0]
        seconds = now - since
        return (self._samples[-1][1] - before) / seconds if seconds >= _FIRST else 0.0

    def lasted(self, now: float) -> float:
        """Seconds since the phase began."""
        return now - self._began

    def idle(self, now: float) -> float:
        """Seconds since bytes moved."""
        return now - self._moved_at if self._samples else 0.0


def rows(shown: Sequence[FileProgress], active: Sequence[FileProgress], room: int) -> list[FileProgress]:
    """The files to show, in their rows: one that goes on keeps its row, one that is done stays until another needs it.

    So nothing jumps, and nothing that is still to be read disappears.
    """
    by_name = {file.filename: file for file in active}
    kept = [by_name.pop(file.filename, replace(file, bytes_done=file.bytes_total)) for file in shown[:room]]
    waiting = list(by_name.values())
    on_their_way = {file.filename for file in active}
    for row, file in enumerate(kept):
        if file.filename not in on_their_way and waiting:
            kept[row] = waiting.pop(0)
    return kept + waiting[: room - len(kept)]
