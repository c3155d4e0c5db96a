"""A file that stays where it is."""

from __future__ import annotations

import io

from weighthouse.transport import Transport


class RemoteFile(io.RawIOBase):
    """A seekable, read-only file over ranged requests; see `Client.open`."""

    def __init__(
        self, transport: Transport, user_id: str, model_id: str, path: str, version: str | None
    ) -> None:
        raise NotImplementedError
