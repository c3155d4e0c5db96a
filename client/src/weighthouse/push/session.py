"""An upload as its service sees it: planned, going on, completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weighthouse.answers import PLAN, PUBLISHED, STATE, read
from weighthouse.documents import Version
from weighthouse.errors import (
    Conflict,
    InvalidAnswer,
    InvalidRequest,
    NotFound,
    TooLarge,
    Unavailable,
    WeighthouseError,
)
from weighthouse.patience import Patience
from weighthouse.progress import Meter
from weighthouse.push.journal import PushedFile
from weighthouse.push.layout import Layout
from weighthouse.transport import Transport

Answer = Mapping[str, Any]

OVER = frozenset({"failed", "expired", "unknown"})
"""States from which an upload doesn't come back; `unknown` is what the service says nothing of any more."""

_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 2.0
"""Seconds between two questions for the state."""
_STUCK = 3600.0
"""Seconds without any progress after which nobody checks an upload any more: its worker is called again every five
minutes (docs/operating.md), and says how far it is after each file."""


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
        self._patience = Patience()
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
        read(answer, PLAN)
        return answer

    def state(self) -> str:
        """`uploading`, `verifying`, `ready`, `failed`, `expired` or `unknown`."""
        try:
            return str(self._read()["state"])
        except NotFound:
            return "unknown"

    def _read(self) -> Answer:
        answer: Answer = read(self._transport.ask("GET", self._address), STATE)
        return answer

    def layout(self, plan: Answer | None, sizes: Mapping[str, int]) -> Layout:
        """How it is cut: from the plan when that names all files, else by what has arrived.

        Raises `Ended` when the upload is not of the files with these names, or takes no parts, and `InvalidAnswer` when
        it is not cut as files of these sizes are.
        """
        is_whole = plan is not None and len(plan["files"]) == plan["files_total"]
        layout = Layout.of([plan]) if plan and is_whole else self._arrived(len(sizes))
        if layout.names != sizes.keys():
            # Its making was cut off.
            raise Ended(Conflict("The upload does not know all of its files; push again", 409))
        if not layout.fits(sizes):
            raise InvalidAnswer("The service cuts the upload otherwise than its files are: tell its operator")
        return layout

    def _arrived(self, files: int) -> Layout:
        try:
            return Layout.of(self._transport.pages(f"{self._address}/parts", "files", query={}, most=files))
        except (Conflict, NotFound) as error:
            raise Ended(error) from error

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
        if isinstance(answer, Mapping) and "state" in answer:
            answer = self._checked(read(answer, STATE), meter)
        return Version.of(answer) if answer else None

    def _checked(self, answer: Answer, meter: Meter) -> Answer | None:
        """The version's document, once the worker has checked the upload; None when parts are missing."""
        wait, told, idle = _SHORTEST_WAIT, 0, 0.0
        while answer["state"] != "ready":
            if answer["state"] == "uploading":
                return None
            if answer["state"] in OVER:
                cause = InvalidRequest(answer.get("detail") or f"The upload is {answer['state']}", 400)
                raise Ended(cause, content_differs=True)
            if idle >= _STUCK:
                raise Unavailable("The registry has stopped checking the upload; push again to wait on", 202)
            meter.keep(answer["bytes_done"] - told)
            told = answer["bytes_done"]
            self._patience.wait(wait)
            before, answer = answer, self._asked_again()
            idle = idle + wait if answer == before else 0.0
            wait = min(2 * wait, _LONGEST_WAIT)
        read(answer, PUBLISHED)
        address = f"/ai-models/{answer['user_id']}/{answer['model_id']}"
        document: Answer = self._transport.ask("GET", address, query={"version": answer["version"]})
        return document

    def _asked_again(self) -> Answer:
        try:
            return self._read()
        except NotFound as error:
            raise Ended(error) from error
