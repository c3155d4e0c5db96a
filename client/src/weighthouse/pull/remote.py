"""A file that stays where it is."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from weighthouse.documents import File, Version
from weighthouse.errors import NotFound
from weighthouse.forking import begin_anew_in_children
from weighthouse.patience import Patience
from weighthouse.pull.blocks import Blocks
from weighthouse.pull.source import Source

if TYPE_CHECKING:
    from weighthouse.client import Client


class RemoteFile(io.RawIOBase):
    """A seekable, read-only file over ranged requests; see `Client.open`.

    It fetches blocks of 256 KiB, up to 8 MiB at once when it is read in order, and holds the last 16 MiB. Threads
    can share it as they can share any file: with one position. A forked process, and one that it is pickled for,
    continue from this position with one of their own. What is read is not compared with a hash, which is one of the
    whole; that the object is replaced meanwhile is noticed, and raises `ContentMismatch`.
    """

    mode = "rb"

    def __init__(self, client: Client, user_id: str, model_id: str, path: str, version: str | None) -> None:
        """Raises `NotFound`."""
        super().__init__()
        self._client, self._model = client, f"/ai-models/{user_id}/{model_id}"
        found = Version.of(client.transport.ask("GET", self._model, query={"version": version}))
        self.version = found.version
        """The version that it is of."""
        self.file = self._find(found, path)
        """What the registry says of it."""
        self._position = 0
        self._begin(None)
        begin_anew_in_children(self)

    def _begin(self, etag: str | None) -> None:
        """Starts without anything read, of the object with this ETag when one is known."""
        self._lock = threading.RLock()
        self._blocks = Blocks(self.size, self._fetch)
        transport = self._client.transport
        self._source = Source(transport, self.name, self.size, None, lambda _: self._locate(), etag)

    def begin_anew(self) -> None:
        """Forgets what was read in the process that this one was forked from, and which threads were reading."""
        self._begin(self._source.etag)

    def __getstate__(self) -> dict[str, Any]:
        """What it is of and where it stands, with the object's ETag: another object is not the same file."""
        self._check_open()
        with self._lock:
            kept = ("_client", "_model", "version", "file", "_position")
            return {**{name: self.__dict__[name] for name in kept}, "etag": self._source.etag}

    def __setstate__(self, state: dict[str, Any]) -> None:
        etag = state.pop("etag")
        self.__dict__.update(state)
        self._begin(etag)
        begin_anew_in_children(self)

    def _find(self, version: Version, path: str) -> File:
        composed = normalize("NFC", path)
        for file in version.files:
            if normalize("NFC", file.filename) == composed:
                return file
        if version.files_total > len(version.files):
            query = {"version": version.version}
            for page in self._client.transport.pages(f"{self._model}/files", "files", query=query):
                for entry in page["files"]:
                    file = File.of(entry)
                    if normalize("NFC", file.filename) == composed:
                        return file
        name = f"{version.user_id}/{version.model_id}:{version.version}"
        raise NotFound(f"{name} has no file {path!r}: see what it has by `weighthouse files`", 404)

    def _locate(self) -> str:
        query = {"version": self.version, "filename": self.file.filename}
        return self._client.transport.locate(f"{self._model}/download", query=query)

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
