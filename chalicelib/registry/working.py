"""Work on the files of an upload: several at a time, noted as they finish, so that another run can go on."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from chalicelib.registry.leases import Lease
from chalicelib.schema.records import FILES_PER_ROW, FileRecord, Upload
from chalicelib.store import uploads

THREADS = 8
NOTE_EVERY = 10.0
"""Seconds after which finished files are noted even if they do not fill a row."""


class HasPath(Protocol):
    """Anything that becomes the file at `path`."""

    @property
    def path(self) -> str:
        """The path inside the version."""


Item = TypeVar("Item", bound=HasPath)


def make_files(
    upload: Upload, lease: Lease, items: Sequence[Item], make: Callable[[Item], FileRecord]
) -> list[FileRecord]:
    """The files that `make` gives for `items`, eight at a time; those noted by an earlier run are not made again.

    Nothing is noted of work that no other run can resume.
    Raises the first error that `make` raised, after the files in the making have ended and were noted.
    """
    done = uploads.finished(upload.upload_id) if lease.resumes else {}
    lease.advance(len(done), sum(file.size for file in done.values()))
    unnoted: list[FileRecord] = []
    noted_at = time.monotonic()
    waiting = iter([item for item in items if item.path not in done])
    running: set[Future[FileRecord]] = set()
    error: BaseException | None = None

    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            while error is None and len(running) < 2 * THREADS and (item := next(waiting, None)) is not None:
                running.add(pool.submit(make, item))
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                if (failure := future.exception()) is not None:
                    error = error or failure
                    continue
                file = future.result()
                done[file.path] = file
                unnoted.append(file)
                lease.advance(1, file.size)
            late = time.monotonic() - noted_at > NOTE_EVERY
            if lease.resumes and (len(unnoted) >= FILES_PER_ROW or (unnoted and late)):
                uploads.save_finished(upload, unnoted)
                unnoted, noted_at = [], time.monotonic()

    if error is not None:
        if lease.resumes and unnoted:
            uploads.save_finished(upload, unnoted)
        raise error
    return list(done.values())
