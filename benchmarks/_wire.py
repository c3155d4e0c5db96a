"""A wire on which bytes are counted, and which breaks: a TCP relay in front of a server on this machine.

    with Wire(store.url) as wire:
        wire.arm([(1_000_000, Break.RESET)])
        ... clients of wire.url ...
        wire.sent

It knows nothing of what it carries, so that nothing that travels is left out of the count.
"""

import asyncio
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from urllib.parse import urlsplit

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


class _Broken(Exception):
    """This connection ends here: with `reset` as if its peer had crashed."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Wire:
    """Serves what `upstream` serves on a port of its own, for as long as a `with` block runs."""

    def __init__(self, upstream: str) -> None:
        """`upstream` is a URL, of which host and port matter; it can be set anew when the server moves."""
        self.upstream = upstream
        self.sent = 0
        """Bytes that came from clients."""
        self.received = 0
        """Bytes that went to clients."""
        self.broken: Counter[Break] = Counter()
        self._script: list[tuple[int, Break]] = []
        self._open: set[asyncio.Task[None]] = set()
        self._away_until = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def arm(self, script: Iterable[tuple[int, Break]]) -> None:
        """Counts anew from nothing, and lets each break happen once so many bytes have passed, either way."""
        self.sent = self.received = 0
        self.broken.clear()
        self._script = sorted(script)

    def __enter__(self) -> "Wire":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._serve, sock=self._listener, limit=_PIECE)
        server = self._loop.run_until_complete(serving)
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

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
                reset |= isinstance(outcome, _Broken) and outcome.reset
            _end(up_writer, reset=reset)
            _end(writer, reset=reset)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        while piece := await source.read(_PIECE):
            if up:
                self.sent += len(piece)
            else:
                self.received += len(piece)
            if self._script and self.sent + self.received >= self._script[0][0]:
                _, what = self._script.pop(0)
                self.broken[what] += 1
                await self._break(what, piece, sink)
            sink.write(piece)
            await sink.drain()

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
        raise _Broken(reset=what is not Break.CUT)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        # Closing without waiting for what was sent is what makes it a reset.
        peer = writer.get_extra_info("socket")
        with suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
