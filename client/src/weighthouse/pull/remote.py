"""A file that stays where it is."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

from weighthouse.documents import File, Version, read
from weighthouse.errors import NotFound
from weighthouse.patience import Patience
from weighthouse.pull.blocks import Blocks
from weighthouse.pull.source import Source
from weighthouse.transport import Transport


class RemoteFile(io.RawIOBase):
    """A seekable, read-only file over ranged requests; see `Client.open`.

    It fetches blocks of 256 KiB, up to 8 MiB at once when it is read in order, and holds the last 16 MiB. Threads
    can share it as they can share any file: with one position. What is read is not compared with a hash, which is one
    of the whole; that the object is replaced meanwhile is noticed, and raises `ContentMismatch`.
    """

    mode = "rb"

    def __init__(
        self, transport: Transport, user_id: str, model_id: str, path: str, version: str | None
    ) -> None:
        """Raises `NotFound`."""
        super().__init__()
        self._transport, self._model = transport, f"/ai-models/{user_id}/{model_id}"
        found = Version.of(transport.ask("GET", self._model, query={"version": version}))
        self.version = found.version
        """The version that it is of."""
        self.file = self._find(found, path)
        """What the registry says of it."""
        self._source = Source(transport, path, self._locate(), lambda refused: self._locate())
        self._blocks = Blocks(self.size, self._fetch)
        self._position = 0
        self._lock = threading.RLock()

    def _find(self, version: Version, path: str) -> File:
        for file in version.files:
            if file.filename == path:
                return file
        if version.files_total > len(version.files):
            for page in self._transport.pages(f"{self._model}/files", query={"version": version.version}):
                for entry in page["files"]:
                    if entry["filename"] == path:
                        return read(File, entry)
        name = f"{version.user_id}/{version.model_id}:{version.version}"
        raise NotFound(f"{name} has no file {path!r}: see what it has by `weighthouse files`", 404)

    def _locate(self) -> str:
        query = {"version": self.version, "filename": self.file.filename}
        return self._transport.locate(f"{self._model}/download", query=query)

    def _fetch(self, start: int, stop: int) -> bytes:
        received: list[bytes] = []
        self._source.read(start, stop, received.append, Patience())
        return b"".join(received)

    @property
    def name(self) -> str:
        """The path inside the version."""
        return self.file.filename

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.file_size

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves to a position in bytes from the start, from here or from the end; gives it from the start."""
        self._check_open()
        with self._lock:
            bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}
            if whence not in bases:
                raise ValueError(f"whence is {whence}; it must be 0, 1 or 2")
            if bases[whence] + offset < 0:
                raise ValueError(f"{self.name!r} has no position {bases[whence] + offset}")
            self._position = bases[whence] + offset
            return self._position

    def tell(self) -> int:
        """The position in bytes from the start."""
        self._check_open()
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fills a buffer from here on; gives how many bytes there were: fewer only at the end.

        Raises `ContentMismatch`, `StoreRefused` and `Unreachable`.
        """
        self._check_open()
        with self._lock, memoryview(buffer).cast("B") as view:
            count = self._blocks.read_into(view, self._position)
            self._position += count
            return count

    def readall(self) -> bytes:
        """All bytes from here on."""
        self._check_open()
        with self._lock:
            rest = bytearray(max(self.size - self._position, 0))
            self.readinto(rest)
            return bytes(rest)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self.name!r} is closed")

    def __repr__(self) -> str:
        return f"<RemoteFile {self.name!r} of {self._model.removeprefix('/ai-models/')}:{self.version}>"
