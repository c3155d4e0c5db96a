"""What stands in front of a server on this machine: a port of its own, served from a thread of its own."""

import asyncio
import socket
import struct
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self


class Over(Exception):
    """A connection ends here: with `reset` as if its peer had crashed."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Ends a connection at once, as a peer that crashed."""
    # Closing without waiting for what was sent is what makes it a reset.
    with suppress(OSError):
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Listening(ABC):
    """Serves connections for as long as a `with` block runs."""

    def __init__(self, name: str, *, limit: int) -> None:
        """`name` is the thread's; `limit` the bytes of a connection that are held before they are read."""
        self._limit = limit
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._serve, sock=self._listener, limit=self._limit)
        server = self._loop.run_until_complete(serving)
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
