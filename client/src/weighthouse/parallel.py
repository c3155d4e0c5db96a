"""Several things at once, stopped together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from weighthouse.patience import Stopped

T = TypeVar("T")
R = TypeVar("R")

_LOOK = 0.5
"""Seconds after which the waiting thread looks up, so that Ctrl-C is noticed."""
_ENDING = 2.0
"""Seconds for which workers are waited for once they have been told to stop."""


def each(
    items: Iterable[T], work: Callable[[T], R], *, workers: int, stop: threading.Event
) -> Generator[tuple[T, R], None, None]:
    """Each item with what `work` gives for it, as they are done; `items` is read as workers become free.

    The first error, also Ctrl-C or one of the caller's, sets `stop`, which `work` has to heed; it is raised
    once the workers have ended, or two seconds later: one that waits for an answer then ends when it comes.
    """
    pending: dict[Future[R], T] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="weighthouse")
    try:
        for item in items:
            pending[pool.submit(work, item)] = item
            if len(pending) < 2 * workers:
                continue
            yield from _done(pending)
        while pending:
            yield from _done(pending)
    except BaseException:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        # One that was cancelled before it began is never reported as done.
        wait([future for future in pending if not future.cancelled()], timeout=_ENDING)
        raise
    pool.shutdown()


def _done(pending: dict[Future[R], T]) -> Iterator[tuple[T, R]]:
    done, _ = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
    failures = [error for future in done if (error := future.exception()) is not None]
    if failures:
        # Of several failures at once, those that only followed another's are not the cause.
        raise next((error for error in failures if not isinstance(error, Stopped)), failures[0])
    for future in done:
        yield pending.pop(future), future.result()
