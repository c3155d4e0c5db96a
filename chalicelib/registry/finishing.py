"""The end of an upload: its files are made and checked, and the version is published or everything undone.

It runs inside a request where that is quick, and in the worker function otherwise; the story is the same.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import chain

from msgspec import structs

from chalicelib import telemetry
from chalicelib.errors import Conflict, WeighthouseError
from chalicelib.registry.arriving import PartsMissing, check_arrived, object_key, pages
from chalicelib.registry.bundles import neighbours, unbundle
from chalicelib.registry.leases import Lease, LeaseLost, Remaining, Shared
from chalicelib.registry.publishing import publish
from chalicelib.registry.undoing import undo_own
from chalicelib.registry.verifying import (
    ContentGone,
    can_be_copied,
    copied_within,
    make_file,
    named,
    put_together,
)
from chalicelib.registry.working import already_made, make_files
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import ExpectedFile, FileRecord, Upload
from chalicelib.store import keys, multipart, uploads
from chalicelib.store.parallel import Pool
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import ExpectedChunk, Standing

REQUEST_PAGES = 2_000
"""ListParts that `complete` makes within the request to see whether all has arrived; some 5 seconds."""

Maker = Callable[[Lease], list[FileRecord]]


def finish(standing: Standing, lease: Lease, make: Maker) -> VersionDocument:
    """Makes the files of an upload that was claimed under the lease's owner, and publishes them.

    What the client did wrong undoes the upload and is raised again; so is anything at all that happens to a
    form, which nobody can go on with. Anything else leaves the upload open for another run: `PartsMissing`
    for the client to send more, `OutOfTime` and failures of the stores to be tried again. `Shared` leaves it to
    several runs, one of which comes back here.
    """
    with lease:
        try:
            return publish(standing, lease, make(lease))
        except (LeaseLost, Shared):
            raise
        except PartsMissing as error:
            uploads.release(standing.upload.upload_id, lease.owner, uploads.UPLOADING, str(error))
            raise
        except Exception as error:
            _give_up(standing, lease, error)
            raise


def _give_up(standing: Standing, lease: Lease, error: Exception) -> None:
    refused = isinstance(error, WeighthouseError) and error.status < 500
    if standing.upload.kind == "form":
        # The answer of a write that published it may have been lost: then it is not ours any more.
        with suppress(LeaseLost):
            undo_own(standing, lease, uploads.ABANDONED)
    elif refused:
        telemetry.failed(error)
        undo_own(standing, lease, uploads.FAILING, str(error))
    else:
        uploads.release(standing.upload.upload_id, lease.owner, standing.state)


class NotListed(Conflict):
    """The list of an upload's files is not whole: its end has begun, or its plan died while it was being written."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(
            f"Upload {upload.upload_id} does not list all of its files: abort it, and start a new one"
        )


def expected_files(upload: Upload) -> list[ExpectedFile]:
    """All files that an upload expects in path order, and at last the bundle, where there is one; `NotListed`."""
    return [file for chunk in expected_chunks(upload) for file in chunk.files]


def expected_chunks(upload: Upload) -> list[ExpectedChunk]:
    """As `expected_files`, in the rows that hold them."""
    chunks = list(uploads.expected(upload.upload_id))
    if sum(len(chunk.files) for chunk in chunks) != (upload.files_total or 1) + upload.has_bundle:
        raise NotListed(upload)
    return chunks


def is_looked_at_here(upload: Upload, files: list[ExpectedFile]) -> bool:
    """Whether a request looks whether all of these files has arrived, and not the worker function."""
    return pages(upload, files) <= REQUEST_PAGES


def finish_sent(standing: Standing, owner: str, remaining: Remaining) -> VersionDocument:
    """Finishes an upload whose files came by presigned URLs, or by a ZIP that did."""
    upload = standing.upload

    def make(lease: Lease) -> list[FileRecord]:
        files = expected_files(upload)
        made = (
            _unpacked(standing, lease, files[0]) if upload.kind == "folder" else _made(standing, lease, files)
        )
        # The files are whole: parts that are still in progress are of a run or a request that was killed.
        multipart.abort_all(keys.version_prefix(*upload.id))
        return made

    lease = Lease(uploads.key(upload.upload_id), owner, remaining, until=standing.lease_until, resumes=True)
    return finish(standing, lease, make)


def _unpacked(standing: Standing, lease: Lease, archive: ExpectedFile) -> list[FileRecord]:
    upload = standing.upload
    key = object_key(upload, archive)
    put_together(upload, archive, key)
    # What reads ZIPs takes 6 ms to import, which only those who bring one should wait for.
    from chalicelib.registry import sharing
    from chalicelib.registry.unpacking import StoredSource, Unpacking

    unpacking = Unpacking(upload, StoredSource(key))
    lease.set_totals(unpacking.files, unpacking.size)
    sharing.share_out(standing, lease, unpacking)
    return unpacking.make(lease, unpacking.units)


def _made(standing: Standing, lease: Lease, files: list[ExpectedFile]) -> list[FileRecord]:
    upload = standing.upload
    lease.set_totals(upload.files_total, upload.bytes_total)
    done = already_made(upload, lease, (file.path for file in files))
    missing = [file for file in files if file.path not in done]
    if not is_looked_at_here(upload, files):
        check_arrived(standing, files, done, lease.check)
    alone = [[file] for file in missing if file.path and file.bundle_offset is None and file.same_as is None]
    together = [file for file in missing if file.bundle_offset is not None]
    bundle = put_together(upload, files[-1], object_key(upload, files[-1])) if together else ""

    def make(unit: list[ExpectedFile]) -> list[FileRecord]:
        if unit[0].bundle_offset is not None:
            return unbundle(upload, lease, bundle, unit)
        return [make_file(upload, lease, file) for file in unit]

    try:
        made = make_files(upload, lease, chain(alone, neighbours(together)), make)
    except ContentGone:
        gone = note_gone(upload)
        raise PartsMissing(
            f"The content of {named(gone)} was deleted meanwhile and has to be sent after all;"
            " `parts` gives the URLs, then complete the upload again"
        ) from None
    done |= {file.path: file for file in made}
    copies = (file for file in missing if file.same_as is not None)

    def copy(file: ExpectedFile) -> list[FileRecord]:
        return [copied_within(upload, lease, file, done[file.same_as or ""])]

    return [*done.values(), *make_files(upload, lease, copies, copy)]


def note_gone(upload: Upload) -> list[str]:
    """Notes the files that can't be copied inside the store any more, so that the client sends them; their paths.

    Of those with one content it sends the first.
    """
    done = uploads.finished(upload.upload_id)
    gone: list[str] = []
    first: dict[tuple[str | None, int], str] = {}
    for chunk in uploads.expected(upload.upload_id):
        copies = [file for file in chunk.files if file.copy_of is not None and file.path not in done]
        with Pool(16) as pool:
            there = pool.map(lambda file: can_be_copied(upload, file), copies)
            lost = [file.path for file, found in zip(copies, there, strict=True) if not found]
        if lost:
            for place, file in enumerate(chunk.files):
                if file.path in lost:
                    path = first.setdefault((file.sha256, file.size), file.path)
                    same_as = None if path == file.path else path
                    chunk.files[place] = structs.replace(file, copy_of=None, same_as=same_as)
                    gone += [] if same_as else [path]
            try:
                uploads.save_expected(chunk)
            except ConditionFailed:
                return note_gone(upload)
    return gone
