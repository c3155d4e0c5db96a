"""What a person sees of a push or a pull while it runs, on stderr."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from weighthouse.cli.exits import Interrupted
from weighthouse.cli.pace import Pace, rows
from weighthouse.cli.session import console
from weighthouse.cli.text import count, duration, plain, size
from weighthouse.names import Name
from weighthouse.progress import FileProgress, OnProgress, Phase, Progress

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_VERBS: dict[Phase, str] = {
    "scanning": "Preparing",
    "hashing": "Hashing",
    "sending": "Sending",
    "publishing": "Publishing",
    "listing": "Listing",
    "checking": "Checking",
    "fetching": "Fetching",
}
_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""
_FRAMES = 8
"""How often a second the terminal is drawn: progress comes ten times a second at most."""
_STALLED = 5.0
"""Seconds without any progress after which that is said."""
_ROWS = 6
"""Files that are shown on their way."""
_LARGE = 2_000_000
"""Bytes from which on a file gets a row: smaller ones are gone before they are read."""


@contextmanager
def watch(name: Name, *, quiet: bool) -> Iterator[OnProgress | None]:
    """Gives what is to be called with progress; None when nothing is to be shown. Raises `Interrupted` for Ctrl-C."""
    try:
        with nullcontext() if quiet else _shown(name) as on_progress:
            yield on_progress
    except KeyboardInterrupt:
        raise Interrupted from None


@contextmanager
def _shown(name: Name) -> Iterator[OnProgress]:
    terminal = console(stderr=True)
    if not terminal.is_terminal or terminal.is_dumb_terminal:
        yield Lines(terminal)
        return
    from rich.live import Live

    bars = Bars(str(name))
    with Live(bars, console=terminal, transient=True, refresh_per_second=_FRAMES):
        yield bars


def told(progress: Progress, pace: Pace, now: float) -> str:
    """The figures of a progress in words: files, bytes, speed, time left."""
    if progress.phase == "publishing" and not progress.bytes_done:
        # A registry that is done within the request says nothing before.
        whole = f"{count(progress.files_total, 'file')}, {size(progress.bytes_total)}"
        return f"the registry checks {whole} · {duration(round(pace.lasted(now)))}"
    parts = []
    if progress.files_total > 1:
        parts.append(f"{progress.files_done:,} of {count(progress.files_total, 'file')}")
    if progress.bytes_total:
        parts.append(f"{size(progress.bytes_done)} of {size(progress.bytes_total)}")
    idle = pace.idle(now)
    if idle >= _STALLED and progress.phase in ("sending", "fetching"):
        parts.append(f"no progress for {duration(idle)}")
    elif (speed := pace.speed(now)) > 0:
        parts.append(f"{size(speed)}/s")
        if (left := progress.bytes_total - progress.bytes_done) > 0:
            parts.append(f"{duration(max(1, round(left / speed)))} left")
    return " · ".join(parts)


class Lines:
    """A plain line every five seconds, and from the first one on also when another phase begins."""

    def __init__(self, terminal: Console) -> None:
        self._terminal = terminal
        self._pace = Pace()
        self._next = time.monotonic() + _EVERY
        self._phase: Phase | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        self._pace.add(progress, now)
        # Once it takes so long that it is told of, what begins is told at once: it may say nothing for a while.
        begins = self._phase not in (None, progress.phase)
        if progress.phase == "done" or (now < self._next and not begins):
            return
        self._next, self._phase = now + _EVERY, progress.phase
        figures = told(progress, self._pace, now)
        self._terminal.print(": ".join(filter(None, (_VERBS[progress.phase], figures))), soft_wrap=True)


class Bars:
    """A bar for all, with its figures, and one for each large file that is on its way."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._pace = Pace()
        self._progress = Progress("scanning", 0, 0, 0, 0, 0, 0.0, ())
        self._shown: list[FileProgress] = []

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "done":
            return
        with self._lock:
            if progress.phase != self._progress.phase:
                self._shown = []
            self._progress = progress
            self._pace.add(progress, time.monotonic())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            progress, now = self._progress, time.monotonic()
            figures = told(progress, self._pace, now)
        done, total = progress.bytes_done, progress.bytes_total
        if progress.phase == "publishing" and not done:
            total = 0
        yield Text.assemble((f"{_VERBS[progress.phase]} ", "bold"), (plain(self._name), "cyan"), no_wrap=True)
        head = Table.grid(padding=(0, 1), expand=True)
        head.add_column(ratio=1)
        head.add_column(no_wrap=True, justify="right", width=5)
        head.add_row(_bar(done, total), Text(_percent(done, total), "bold"))
        yield head
        yield Text(figures or " ", no_wrap=True, overflow="ellipsis")
        yield from self._rows(progress, options)
        # Where the terminal writes ^C: in a full line it would go on in another one, and leave a rest behind.
        yield ""

    def _rows(self, progress: Progress, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        large = [file for file in progress.files if file.bytes_total >= _LARGE]
        room = max(0, min(_ROWS, options.size.height - 5))
        self._shown = rows(self._shown, large, room)
        bar = max(10, options.max_width // 4)
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(width=bar)
        grid.add_column(no_wrap=True, justify="right", width=8)
        grid.add_column(no_wrap=True, justify="right", width=5)
        for file in self._shown:
            done, total = file.bytes_done, file.bytes_total
            path = _shortened(plain(file.filename), max(8, options.max_width - bar - 18))
            grid.add_row(
                Text(path, "dim"), _bar(done, total), Text(size(total), "dim"), _percent(done, total)
            )
        yield grid


def _bar(done: int, total: int) -> RenderableType:
    from rich.progress_bar import ProgressBar

    return ProgressBar(
        total=total or None,
        completed=min(done, total),
        pulse=not total,
        complete_style="cyan",
        finished_style="green",
        pulse_style="cyan",
    )


def _percent(done: int, total: int) -> str:
    # 100 % is only what is whole.
    return f"{min(done, total) * 100 // total} %" if total else ""


def _shortened(path: str, most: int) -> str:
    """The end of a path, which is what tells files apart."""
    return path if len(path) <= most else f"…{path[1 - most :]}"
