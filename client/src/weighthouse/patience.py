"""Trying again: full jitter, Retry-After, and a budget that ends it."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from weighthouse.errors import WeighthouseError

T = TypeVar("T")

BUDGET = 120.0
"""Seconds for which one request is tried again."""
_FIRST = 0.2
_LONGEST = 20.0


class Transient(Exception):
    """An attempt failed in a way that may pass; `cause` is what is raised when it does not."""

    def __init__(self, cause: WeighthouseError, retry_after: float = 0.0, within: float = math.inf) -> None:
        """`within` so many seconds from the first failure on it must pass, where that is less than a budget."""
        super().__init__(str(cause))
        self.cause = cause
        self.retry_after = retry_after
        self.within = within


class Stopped(Exception):
    """Another part of the same job failed or was interrupted, so this one need not go on."""


def pause(tries: int, retry_after: float = 0.0) -> float:
    """Seconds to wait after so many tries: anything up to 0.2 s × 2^(tries - 1), at most 20 s, after `retry_after`.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return retry_after + random.uniform(0, min(_LONGEST, _FIRST * 2 ** min(tries - 1, 10)))


class Patience:
    """How long a request is tried again, and what ends it early."""

    def __init__(self, budget: float = BUDGET, stop: threading.Event | None = None) -> None:
        """`budget` is in seconds from a request's first failure on; `stop` raises `Stopped` from any wait."""
        self.budget = budget
        self._stop = stop or threading.Event()

    def check(self) -> None:
        """Raises `Stopped` once the job has been stopped."""
        if self._stop.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Waits; raises `Stopped` as soon as the job has been stopped."""
        if self._stop.wait(seconds):
            raise Stopped

    def keep_trying(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, repeated while it raises `Transient` and the budget lasts; then the last cause."""
        tries, began = 0, 0.0
        while True:
            self.check()
            try:
                return attempt()
            except Transient as failure:
                tries += 1
                now = monotonic()
                began = began or now
                left = began + min(self.budget, failure.within) - now
                if left <= 0 or failure.retry_after > left:
                    cause = failure.cause
                    if tries > 1:
                        cause.detail = f"{cause.detail} (tried {tries} times)"
                        cause.args = (cause.detail,)
                    raise cause from failure
                # The last try is at the very end of the budget: what lasts a little less must not end it.
                self.wait(min(pause(tries, failure.retry_after), left))
