"""Something that is read from elsewhere, and kept, because it rarely changes: keys and secrets."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from chalicelib.errors import StoreBusy
from chalicelib.registry import clock

log = logging.getLogger(__name__)

HOUR = 3_600
"""Seconds for which what was read is used without a question."""
DAY = 86_400
"""Seconds for which it is still used while its source is out of reach."""
AFTER_FAILURE = 5
"""Seconds before the next attempt while there is nothing to go on with."""

Value = TypeVar("Value")


class Unreadable(Exception):
    """The source is out of reach, or what it gives is of no use; the text says so in the log."""


class Kept(Generic[Value]):
    """What `read` gives. It is asked at most once in `pause` seconds, however many threads want something new.

    `read` raises `Unreadable`; `what` names what it gives, as "the issuer's keys".
    """

    def __init__(self, what: str, read: Callable[[], Value], pause: int) -> None:
        self._what, self._read, self._pause = what, read, pause
        self._lock = threading.Lock()
        self._held: tuple[Value, int] | None = None
        """The value, and when it was read."""
        self._tried = 0

    def get(self, max_age: int = HOUR) -> Value:
        """The value, read anew if it is older than `max_age` seconds and the last attempt long enough ago.

        Raises `StoreBusy` when it could not be read for a day, or never yet.
        """
        held = self._held
        if held is not None and clock.now() - held[1] < max_age:
            return held[0]
        with self._lock:
            return self._get_anew(clock.now())

    def _get_anew(self, now: int) -> Value:
        # Whoever waited for the lock meanwhile finds that another has just tried.
        if now - self._tried >= (self._pause if self._held else AFTER_FAILURE):
            self._tried = now
            try:
                self._held = self._read(), now
            except Unreadable as error:
                log.warning("Can't read %s: %s", self._what, error)
        if self._held is None or now - self._held[1] >= DAY:
            busy = StoreBusy(
                f"Tokens can't be checked: {self._what} can't be read at present; try again soon"
            )
            busy.retry_after = AFTER_FAILURE
            raise busy
        return self._held[0]
