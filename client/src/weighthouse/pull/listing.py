"""The files of a version, and their URLs, page by page."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from weighthouse.answers import PAGE_OF_URLS, PULLED_FILE, read
from weighthouse.patience import Patience
from weighthouse.pull.selection import Wanted
from weighthouse.transport import PAGE, Transport

_KEPT = 2
"""Pages of which the URLs are held."""


class Listing:
    """The files of one version; threads can ask for their URLs.

    URLs live for 15 minutes (docs/api.md, "Downloads"), so they are asked for a page at a time, when the first of
    its files is due.
    """

    def __init__(
        self, transport: Transport, user_id: str, model_id: str, version: str, patience: Patience
    ) -> None:
        self._transport, self._patience = transport, patience
        self._model = f"/ai-models/{user_id}/{model_id}"
        self._version = version
        self._tokens: list[str | None] = []
        self._urls: dict[int, dict[str, str]] = {}
        self._lock = threading.Lock()

    def files(self) -> Iterator[Wanted]:
        """Every file in path order; raises `NotFound`."""
        token: str | None = None
        query = {"version": self._version}
        pages = self._transport.pages(f"{self._model}/files", "files", query=query, patience=self._patience)
        for page in pages:
            number = len(self._tokens)
            self._tokens.append(token)
            for file in page["files"]:
                read(file, PULLED_FILE)
                yield Wanted(
                    file["filename"], file["file_size"], file.get("file_hash"), file.get("crc32"), number
                )
            token = page["next_token"]

    def url(self, file: Wanted) -> str:
        """A presigned URL of a file, valid for 15 minutes or a little less."""
        with self._lock:
            return self._known(file) or self._ask(file)

    def fresh(self, file: Wanted, refused: str | None) -> str:
        """A URL in place of one that was refused."""
        with self._lock:
            url = self._known(file)
            return url if url and url != refused else self._ask(file)

    def _known(self, file: Wanted) -> str | None:
        return self._urls.get(file.page, {}).get(file.filename)

    def _ask(self, file: Wanted) -> str:
        # The page that the file was listed on, by the token that gave it.
        token = self._tokens[file.page]
        query = {"version": self._version, "limit": PAGE, "urls": "true", "next_token": token}
        answer = self._transport.ask("GET", f"{self._model}/files", query=query, patience=self._patience)
        page = read(answer, PAGE_OF_URLS)
        self._urls.pop(file.page, None)
        while len(self._urls) >= _KEPT:
            del self._urls[next(iter(self._urls))]
        self._urls[file.page] = {entry["filename"]: entry["url"] for entry in page["files"]}
        # With URLs a page of long names may end early, since an answer has at most 5 MB.
        return self._known(file) or self._transport.locate(
            f"{self._model}/download",
            query={"version": self._version, "filename": file.filename},
            patience=self._patience,
        )
