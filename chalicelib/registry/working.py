"""Work on the files of an upload: several at a time, noted as they finish, so that another run can go on."""

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TypeVar

from chalicelib.registry.leases import Lease
from chalicelib.schema.records import FILES_PER_ROW, FileRecord, Upload
from chalicelib.store import uploads
from chalicelib.store.parallel import for_each

THREADS = 16
NOTE_EVERY = 10.0
"""Seconds after which finished files are noted even if they do not fill a row."""


Unit = TypeVar("Unit")


def already_made(upload: Upload, lease: Lease, paths: Iterable[str]) -> dict[str, FileRecord]:
    """The files among these paths that an earlier run noted as finished, by path; they count as progress."""
    finished = uploads.finished(upload.upload_id) if lease.resumes else {}
    done = {path: finished[path] for path in paths if path in finished}
    lease.advance(len(done), sum(file.size for file in done.values()))
    return done


def make_files(
    upload: Upload,
    lease: Lease,
    units: Iterable[Unit],
    make: Callable[[Unit], list[FileRecord]],
    *,
    note_all: bool = False,
) -> list[FileRecord]:
    """The files that `make` gives for the units of work, sixteen at a time.

    They are noted as they finish, for another run to go on, unless no other run can. The last ones are only with
    `note_all`: this run is about to publish them otherwise.
    Raises the first error that `make` raised, after the files in the making have ended and were noted.
    """
    made: list[FileRecord] = []
    unnoted: list[FileRecord] = []
    noted_at = time.monotonic()
    lock = Lock()

    def make_one(unit: Unit) -> None:
        nonlocal noted_at
        files = make(unit)
        lease.advance(len(files), 0)
        with lock:
            made.extend(files)
            unnoted.extend(files)
            late = time.monotonic() - noted_at > NOTE_EVERY
            if lease.resumes and (len(unnoted) >= FILES_PER_ROW or (unnoted and late)):
                note()
                noted_at = time.monotonic()

    def note() -> None:
        lease.check_held()
        uploads.save_finished(upload, unnoted)
        unnoted.clear()

    try:
        for_each(units, make_one, THREADS)
    except BaseException:
        if unnoted and lease.resumes:
            note()
        raise
    if unnoted and lease.resumes and note_all:
        note()
    return made
