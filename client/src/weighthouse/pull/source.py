"""The bytes of one file at the store: resumed where they broke off, by a fresh URL where one has expired."""

from __future__ import annotations

import threading
from collections.abc import Callable

from weighthouse.errors import ContentMismatch, StoreRefused
from weighthouse.patience import Patience, Transient, pause
from weighthouse.transport import Transport

_RENEWALS = 2
"""Fresh URLs in a row that may be refused before it is no matter of their age."""


class Replaced(ContentMismatch):
    """The object at the store is no longer the one of which the first bytes were."""


class Source:
    """A file at the store; threads can read different ranges of it at once."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        size: int,
        url: str | None,
        fresh: Callable[[str | None], str],
        etag: str | None = None,
    ) -> None:
        """`fresh` returns a URL in place of one that was refused, or of none; `etag` is of bytes that came before."""
        self.etag = etag
        self._transport, self._name, self._size, self._url, self._fresh = transport, name, size, url, fresh
        self._lock = threading.Lock()

    def read(self, start: int, stop: int, take: Callable[[bytes], None], patience: Patience) -> None:
        """Hands the bytes from `start` to before `stop` to `take`, in order and each once, as they come.

        Raises `Replaced`, `StoreRefused`, `Unreachable` and `Stopped`, and what `take` raises.
        """
        position, renewals = start, 0

        def attempt() -> None:
            nonlocal position, renewals
            url, began = self._url or self._renew(None), position
            try:
                received = self._transport.get(url, position, stop, self._size, self.etag)
                self._agree(received.etag)
                renewals = 0
                for block in received:
                    patience.check()
                    take(block)
                    position += len(block)
            except StoreRefused as refusal:
                if refusal.status in (412, 416):
                    raise self._replaced() from refusal
                if refusal.status != 403 or renewals == _RENEWALS:
                    raise StoreRefused(f"{self._name!r}: {refusal.detail}", refusal.status) from refusal
                renewals += 1
                self._renew(url)
            except Transient:
                if position == began:
                    raise
                # A range that gets on is not a failing one: patience is for those that don't.
                patience.wait(pause(1))

        while position < stop:
            patience.keep_trying(attempt)

    def _agree(self, etag: str | None) -> None:
        """Notes the first ETag; raises `Replaced` for another one. If-Match takes no weak ones (RFC 9110, 13.1.1)."""
        if not etag or etag.startswith("W/"):
            return
        with self._lock:
            self.etag = self.etag or etag
        if self.etag != etag:
            raise self._replaced()

    def _replaced(self) -> Replaced:
        return Replaced(f"{self._name!r} was replaced at the store while it was read: begin anew")

    def _renew(self, refused: str | None) -> str:
        with self._lock:
            if self._url is None or self._url == refused:
                self._url = self._fresh(refused)
            return self._url
