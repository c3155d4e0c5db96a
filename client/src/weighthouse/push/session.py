"""An upload as its service sees it: planned, going on, completed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from weighthouse.documents import Version
from weighthouse.errors import Conflict, InvalidRequest, NotFound, TooLarge, WeighthouseError
from weighthouse.progress import Meter
from weighthouse.push.journal import PushedFile
from weighthouse.push.layout import Layout
from weighthouse.transport import Transport

Answer = Mapping[str, Any]

OVER = frozenset({"failed", "expired", "unknown"})
"""States from which an upload doesn't come back; `unknown` is what the service says nothing of any more."""

_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 2.0
"""Seconds between two questions for the state."""


class Ended(Exception):
    """An upload is over without a version, and another may fare better; if none does, `cause` is why."""

    def __init__(self, cause: WeighthouseError, *, content_differs: bool = False) -> None:
        """`content_differs` says that the bytes may not be those that were hashed."""
        super().__init__(str(cause))
        self.cause = cause
        self.content_differs = content_differs


class Session:
    """One upload, of an id that this client chose."""

    def __init__(self, transport: Transport, upload_id: str) -> None:
        self._transport = transport
        self.upload_id = upload_id
        self._address = f"/ai-models/uploads/{upload_id}"

    def plan(self, fields: Answer, files: Sequence[PushedFile]) -> Answer:
        """Has the version reserved, and gives the plan; raises `Conflict`, also when this upload exists."""
        declared = [
            {"filename": filename, "file_size": size, "file_hash": sha256} for filename, size, sha256 in files
        ]
        body = {**fields, "files": declared, "bundle": True, "upload_id": self.upload_id}
        try:
            answer: Answer = self._transport.ask("POST", "/ai-models/upload/files", body=body)
        except TooLarge as error:
            raise TooLarge(
                f"{error.detail}: {len(files):,} files are too many for one request to this service; "
                "push fewer, or upload them as one ZIP",
                error.status,
                error.request_id,
            ) from error
        return answer

    def state(self) -> str:
        """`uploading`, `verifying`, `ready`, `failed`, `expired` or `unknown`."""
        try:
            return str(self._read()["state"])
        except NotFound:
            return "unknown"

    def _read(self) -> Answer:
        answer: Answer = self._transport.ask("GET", self._address)
        return answer

    def layout(self, plan: Answer | None, names: set[str]) -> Layout:
        """How it is cut: from the plan when that names all files, else by what has arrived.

        Raises `Ended` when the upload is not of the files with these names, or takes no parts.
        """
        if plan and len(plan["files"]) == plan["files_total"]:
            return Layout.of([plan])
        try:
            pages = self._transport.pages(f"{self._address}/parts", "files", query={}, most=len(names))
            layout = Layout.of(pages)
        except (Conflict, NotFound) as error:
            raise Ended(error) from error
        if layout.names != names:
            # Its making was cut off.
            raise Ended(Conflict("The upload does not know all of its files; push again", 409))
        return layout

    def complete(self, meter: Meter) -> Version | None:
        """The version, once it is published; None when parts are missing.

        Raises `Ended` when the upload fails, or is over for another reason.
        """
        try:
            answer = self._transport.ask("POST", f"{self._address}/complete")
        except (InvalidRequest, Conflict, NotFound) as error:
            if self.state() == "uploading":
                return None
            raise Ended(error, content_differs=isinstance(error, InvalidRequest)) from error
        wait, told = _SHORTEST_WAIT, 0
        while "state" in answer:
            if answer["state"] == "ready":
                address = f"/ai-models/{answer['user_id']}/{answer['model_id']}"
                answer = self._transport.ask("GET", address, query={"version": answer["version"]})
                break
            if answer["state"] == "uploading":
                return None
            if answer["state"] in OVER:
                cause = InvalidRequest(answer["detail"] or f"The upload is {answer['state']}", 400)
                raise Ended(cause, content_differs=True)
            meter.keep(answer["bytes_done"] - told)
            told = answer["bytes_done"]
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            answer = self._read()
        return Version.of(answer)
