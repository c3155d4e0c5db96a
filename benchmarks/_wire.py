"""A wire on which bytes are counted, and which is slow or breaks: a TCP relay in front of a server on this machine.

    with Wire(store.url) as wire:
        wire.arm([(1_000_000, Break.RESET)])
        ... clients of wire.url ...
        wire.sent

It knows nothing of what it carries, so that nothing that travels is left out of the count.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from urllib.parse import urlsplit

from benchmarks._listening import Listening, Over, reset_connection

OUTAGE = 5.0
"""Seconds for which nothing gets through."""
_PIECE = 256 * 1024


class Break(StrEnum):
    """What may become of a connection in its midst."""

    RESET = "reset"
    CUT = "cut short"
    STALL = "stalled"
    """It stays open, and nothing moves on it any more."""
    OUTAGE = "network away"
    """Every connection is reset, and every new one, for a few seconds."""


class Wire(Listening):
    """Serves what `upstream` serves on a port of its own, for as long as a `with` block runs."""

    def __init__(self, upstream: str, uplink: float | None = None) -> None:
        """`upstream` is a URL, of which host and port matter; it can be set anew when the server moves.

        `uplink` is how many bytes a second clients can send, all together; as many as they like without.
        """
        super().__init__("wire", limit=_PIECE)
        self.upstream = upstream
        self._uplink, self._free_at = uplink, 0.0
        self.sent = 0
        """Bytes that came from clients."""
        self.received = 0
        """Bytes that went to clients."""
        self.broken: Counter[Break] = Counter()
        self._script: list[tuple[int, Break]] = []
        self._open: set[asyncio.Task[None]] = set()
        self._away_until = 0.0

    def arm(self, script: Iterable[tuple[int, Break]]) -> None:
        """Counts anew from nothing, and lets each break happen once so many bytes have passed, either way."""
        self.sent = self.received = 0
        self.broken.clear()
        self._script = sorted(script)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if time.monotonic() < self._away_until:
            _end(writer, reset=True)
            return
        url = urlsplit(self.upstream)
        try:
            up_reader, up_writer = await asyncio.open_connection(url.hostname, url.port, limit=_PIECE)
        except OSError:
            _end(writer, reset=True)
            return
        there = asyncio.create_task(self._carry(reader, up_writer, up=True))
        back = asyncio.create_task(self._carry(up_reader, writer, up=False))
        both = {there, back}
        self._open |= both
        reset = False
        try:
            # An HTTP connection is over when either side has ended it.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= both
            for task in both:
                task.cancel()
            for outcome in await asyncio.gather(*both, return_exceptions=True):
                # Of a connection that goes with all others the tasks are cancelled.
                away = time.monotonic() < self._away_until
                reset |= away or isinstance(outcome, OSError)
                reset |= isinstance(outcome, Over) and outcome.reset
            _end(up_writer, reset=reset)
            _end(writer, reset=reset)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        while piece := await source.read(_PIECE):
            if up:
                self.sent += len(piece)
                await self._take_turn(len(piece))
            else:
                self.received += len(piece)
            if self._script and self.sent + self.received >= self._script[0][0]:
                _, what = self._script.pop(0)
                self.broken[what] += 1
                await self._break(what, piece, sink)
            sink.write(piece)
            await sink.drain()

    async def _take_turn(self, count: int) -> None:
        """Waits until so many bytes would have been sent."""
        if self._uplink:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / self._uplink
            await asyncio.sleep(self._free_at - now)

    async def _break(self, what: Break, piece: bytes, sink: asyncio.StreamWriter) -> None:
        if what is Break.STALL:
            # Until the client has had enough of it: what it sends piles up, and what comes back is not read.
            while True:
                await asyncio.sleep(3600)
        if what is Break.OUTAGE:
            self._away_until = time.monotonic() + OUTAGE
            for task in self._open:
                task.cancel()
            await asyncio.sleep(0)
        sink.write(piece[: len(piece) // 2])
        with suppress(OSError):
            await sink.drain()
        raise Over(reset=what is not Break.CUT)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        reset_connection(writer)
    else:
        writer.close()
