"""One push from end to end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Error
from typing import Any
from uuid import uuid4

from weighthouse.documents import Version
from weighthouse.errors import Conflict, FileChanged, NotFound, ServiceError, StoreRefused, Unavailable
from weighthouse.hashes import Hashes
from weighthouse.metadata import checked
from weighthouse.model_file import MODEL_FILE, read_model_file
from weighthouse.notes import open_notes
from weighthouse.progress import Meter, OnProgress
from weighthouse.push.existing import existing
from weighthouse.push.hashing import hash_all
from weighthouse.push.journal import Begun, Journal, PushedFile, fingerprint
from weighthouse.push.layout import Layout
from weighthouse.push.scanning import Dropped, Source, scan
from weighthouse.push.sending import Sending
from weighthouse.push.session import OVER, Answer, Ended, Session
from weighthouse.records import Records
from weighthouse.transport import Transport

_TRIES = 3
"""How often a push starts anew because a file changed, or because its upload has ended."""
_ROUNDS = 3
"""How often an upload is completed whose parts turn out to be missing."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What a push did; sizes in bytes."""

    version: Version
    """As it is published."""
    existed: bool
    """Whether the version was there before with the same content, so that nothing was to be done."""
    files_total: int
    bytes_total: int
    files_sent: int
    """The files of which something travelled."""
    bytes_sent: int
    """What travelled in this run, with what had to be sent again."""
    seconds: float
    notes: tuple[str, ...] = ()
    """What was left out, and what else may not be expected, in sentences."""


def push(
    transport: Transport,
    path: Path,
    user_id: str,
    model_id: str,
    version: str,
    metadata: Mapping[str, Any],
    model_file: Path | None,
    on_progress: OnProgress | None,
) -> Pushed:
    """Sends a file or a folder as a version; see `Client.push`."""
    began = time.monotonic()
    named = {"user_id": user_id, "model_id": model_id, "version": version}
    written, notes = _metadata(path, model_file)
    fields = {"name": model_id, **written, **checked(metadata, "metadata")}
    with closing(open_notes()) as kept:
        journal = Journal(kept, transport.url, user_id, model_id, version, str(path.resolve()))
        with journal.alone():
            pushing = _Pushing(transport, Hashes(kept), journal, {**named, **fields}, Meter(on_progress))
            sources, document = pushing.push(path)
            journal.clear()
        # What the registry has now, a pull may replace.
        with suppress(Error):
            Records(kept).keep((source.path, pushing.hashed[source.filename]) for source in sources)
    return Pushed(
        version=document,
        existed=pushing.existed,
        files_total=len(sources),
        bytes_total=sum(source.size for source in sources),
        files_sent=len(pushing.sent),
        bytes_sent=pushing.bytes_sent,
        seconds=time.monotonic() - began,
        notes=(*notes, *pushing.dropped.notes()),
    )


def _metadata(path: Path, model_file: Path | None) -> tuple[dict[str, Any], list[str]]:
    """What a YAML file says of the version: the one that is named, else `model.yaml` in the folder; and a note."""
    if model_file is not None:
        return read_model_file(model_file) or {}, []
    if not (path / MODEL_FILE).is_file():
        return {}, []
    found = read_model_file(path / MODEL_FILE, given=False)
    if found is None:
        return {}, [f"{MODEL_FILE} is another tool's: it is pushed as it is, and not read"]
    return found, []


class _Pushing:
    """One push: from files to a version, by as many uploads as it takes."""

    def __init__(
        self, transport: Transport, hashes: Hashes, journal: Journal, fields: Mapping[str, Any], meter: Meter
    ) -> None:
        self._transport, self._hashes, self._journal = transport, hashes, journal
        self._fields, self._meter = fields, meter
        self.existed = False
        self.dropped = Dropped()
        self.hashed: dict[str, str] = {}
        """SHA-256 by file name."""
        self.sent: set[str] = set()
        self.bytes_sent = 0

    def push(self, path: Path) -> tuple[list[Source], Version]:
        """The files, and the version that they became."""
        for attempt in range(1, _TRIES + 1):
            self._meter.begin("scanning")
            self.dropped = Dropped()
            sources = scan(path, self.dropped)
            try:
                version = self._once(sources)
                self._meter.begin("done", len(sources), sum(source.size for source in sources))
                return sources, version
            except (FileChanged, Ended) as error:
                self._give_up()
                if isinstance(error, Ended) and error.content_differs:
                    self._hashes.forget(source.path for source in sources)
                if attempt == _TRIES:
                    raise (error.cause if isinstance(error, Ended) else error) from None
        raise AssertionError("unreachable")

    def _once(self, sources: list[Source]) -> Version:
        self.hashed = hash_all(sources, self._hashes, self._meter)
        files = [(source.filename, source.size, self.hashed[source.filename]) for source in sources]
        upload = self._begun(files)
        plan: Answer | None = None
        if upload is None:
            # It may be there just as it is to be, made by this very command.
            if version := existing(self._transport, self._fields, files):
                self.existed = True
                return version
            upload, plan = self._plan(files)
        for _ in range(_ROUNDS):
            if plan or upload.state() == "uploading":
                self._send(upload, upload.layout(plan, {name: size for name, size, _ in files}), sources)
            self._meter.begin("publishing", len(files), sum(size for _, size, _ in files))
            if version := upload.complete(self._meter):
                return version
            plan = None
        raise StoreRefused("Parts of the upload do not stay in the store; push again later", 404)

    def _begun(self, files: Sequence[PushedFile]) -> Session | None:
        """The upload to go on with, if there is one; one of other content is given up."""
        begun = self._journal.read()
        if begun and begun.fingerprint != fingerprint(self._fields, files):
            self._give_up()
        elif begun and (upload := Session(self._transport, begun.upload_id)).state() not in OVER:
            return upload
        return None

    def _plan(self, files: Sequence[PushedFile]) -> tuple[Session, Answer | None]:
        """A new upload with its plan, when that has arrived; `Conflict` when the version is taken."""
        upload = Session(self._transport, uuid4().hex)
        self._journal.write(Begun(upload.upload_id, fingerprint(self._fields, files)))
        try:
            return upload, upload.plan(self._fields, files)
        except ServiceError as error:
            # When an answer was lost and the plan asked for again, it is this very upload that is in the way.
            if isinstance(error, Conflict) and upload.state() not in OVER:
                return upload, None
            if not isinstance(error, Unavailable):
                self._journal.clear()
            raise

    def _send(self, upload: Session, layout: Layout, sources: list[Source]) -> None:
        by_name = {source.filename: source for source in sources}
        sending = Sending(self._transport, upload.upload_id, layout, by_name, self._meter)
        try:
            sending.send()
        except (Conflict, NotFound, StoreRefused) as error:
            # Also a store may have lost an upload that the service knows.
            if getattr(error, "status", 0) == 404 or upload.state() in OVER:
                raise Ended(error) from error
            raise
        finally:
            self.sent |= sending.sent
            self.bytes_sent += sending.bytes_sent

    def _give_up(self) -> None:
        """Aborts the upload that was begun, if there is one, so that it leaves nothing behind."""
        if begun := self._journal.read():
            with suppress(NotFound, Conflict):
                self._transport.ask("DELETE", f"/ai-models/uploads/{begun.upload_id}")
            self._journal.clear()
