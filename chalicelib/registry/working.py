"""Work on the files of an upload: several at a time, noted as they finish, so that another run can go on."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from chalicelib.registry.leases import Lease
from chalicelib.schema.records import FILES_PER_ROW, FileRecord, Upload
from chalicelib.store import uploads

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
    waiting = iter(units)
    running: set[Future[list[FileRecord]]] = set()
    error: BaseException | None = None

    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            while error is None and len(running) < 2 * THREADS and (unit := next(waiting, None)) is not None:
                running.add(pool.submit(make, unit))
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                if (failure := future.exception()) is not None:
                    error = error or failure
                    continue
                files = future.result()
                made += files
                unnoted += files
                lease.advance(len(files), 0)
            late = time.monotonic() - noted_at > NOTE_EVERY
            if lease.resumes and (len(unnoted) >= FILES_PER_ROW or (unnoted and late)):
                uploads.save_finished(upload, unnoted)
                unnoted, noted_at = [], time.monotonic()

    if unnoted and lease.resumes and (error is not None or note_all):
        uploads.save_finished(upload, unnoted)
    if error is not None:
        raise error
    return made
