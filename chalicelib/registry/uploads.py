"""Upload sessions: plan, part URLs, what has arrived, complete, state, abort."""

import re
from contextlib import suppress

from chalicelib import telemetry
from chalicelib.errors import Conflict, InvalidRequest, NotFound, StoreBusy
from chalicelib.registry import access, clock, documents, versions
from chalicelib.registry.arriving import check_arrived, check_begun
from chalicelib.registry.callers import Caller
from chalicelib.registry.finishing import NotListed, expected_files, finish_sent, is_looked_at_here
from chalicelib.registry.leases import DUE_AGAIN, LEASE, LeaseLost, OutOfTime, for_seconds, new_owner
from chalicelib.registry.publishing import tidy
from chalicelib.registry.undoing import undo
from chalicelib.registry.verifying import put_together
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import ExpectedFile
from chalicelib.schema.uploads import UploadState
from chalicelib.settings import GIB, settings
from chalicelib.store import keys, objects, shares, uploads
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import Standing

REQUEST_FILES = 2_000
"""Files that `complete` checks and publishes within a request; more are left to the worker function."""
REQUEST_SECONDS = 15.0
"""Seconds after which the rest of fewer is left to it as well."""
REQUEST_COPIES = 4 * GIB
"""Bytes that it has copied inside the store within a request."""
RETRY_AFTER = 2
"""Seconds after which a client is told to ask for the state again."""
_ID = "[0-9a-f]{32}"


def check_new_id(upload_id: str | None) -> str | None:
    """The id that a client wants its upload to have; `InvalidRequest` when it can't be one."""
    if upload_id is not None and not re.fullmatch(_ID, upload_id):
        raise InvalidRequest(
            f"upload_id is {upload_id[:80]!r}: it must be 32 digits from 0-9 and a-f, chosen at random"
        )
    return upload_id


def find(upload_id: str) -> Standing:
    """An upload by its id; `NotFound`, also once it was given up."""
    standing = _known(upload_id)
    if standing.state == uploads.ABANDONED:
        raise _unknown(upload_id)
    return standing


def find_own(caller: Caller, upload_id: str) -> Standing:
    """An upload of the caller's by its id; `NotFound` as `find`, and where it is another user's."""
    return _of_caller(caller, find(upload_id))


def _of_caller(caller: Caller, standing: Standing) -> Standing:
    if not access.owns(caller, standing.upload.metadata.user_id):
        raise _unknown(standing.upload.upload_id)
    return standing


def _known(upload_id: str) -> Standing:
    # Only an id of ours can be one; anything else need not be looked up, and might be no possible key.
    standing = uploads.find(upload_id) if re.fullmatch(_ID, upload_id) else None
    if standing is None:
        raise _unknown(upload_id)
    telemetry.note(**standing.upload.names)
    return standing


def _unknown(upload_id: str) -> NotFound:
    return NotFound(f"There is no upload {upload_id[:80]!r}; it was aborted, or ended over a week ago")


def current_state(standing: Standing) -> str:
    """The state that clients see: an upload whose time is over has expired, even before the sweep comes by.

    One whose `complete` died within its request is back to `uploading`: completing it again resumes it. One whose
    plan died before the list of its files was whole has expired.
    """
    now = clock.now()
    handed_over = standing.due_at != standing.upload.expires_at
    state = standing.state
    if state == uploads.VERIFYING and not handed_over and standing.lease_until < now:
        state = uploads.UPLOADING
    if state == uploads.PLANNING:
        state = uploads.EXPIRED if standing.is_left(now) else uploads.UPLOADING
    if state == uploads.UPLOADING and standing.upload.expires_at <= now:
        state = uploads.EXPIRED
    if state == uploads.FAILING and not standing.is_left(now):
        # It has failed once nothing of it is left: whoever reads that can start anew at once.
        return uploads.UNPACKING if standing.upload.kind == "folder" else uploads.VERIFYING
    return uploads.ENDINGS.get(state, state) or uploads.EXPIRED


def state_document(standing: Standing) -> UploadState:
    """Where an upload stands, as clients see it."""
    user_id, model_id, version = standing.upload.id
    state = current_state(standing)
    ready = state == uploads.READY
    files_done, bytes_done = _progress(standing)
    return UploadState(
        upload_id=standing.upload.upload_id,
        state=state,  # type: ignore[arg-type]
        user_id=user_id,
        model_id=model_id,
        version=version,
        expires_at=clock.timestamp(standing.upload.expires_at),
        files_done=files_done,
        files_total=standing.files_total,
        bytes_done=bytes_done,
        bytes_total=standing.bytes_total,
        detail=standing.detail,
        url=f"/ai-models/{user_id}/{model_id}?version={version}" if ready else None,
    )


def _progress(standing: Standing) -> tuple[int, int]:
    """Files and bytes that are done; one Query more while several runs unpack an archive."""
    if standing.shares == 0 or standing.state != uploads.UNPACKING:
        return standing.files_done, standing.bytes_done
    parts = list(shares.of(standing.upload.upload_id))
    return sum(part.files_done for part in parts), sum(part.bytes_done for part in parts)


def state(caller: Caller, upload_id: str) -> UploadState:
    """Where an upload stands; `NotFound`."""
    return state_document(find_own(caller, upload_id))


def require_open(standing: Standing) -> None:
    """Raises `Conflict` when an upload has ended or takes no more parts, `StoreBusy` when it does not take any yet."""
    state = current_state(standing)
    if standing.state == uploads.PLANNING and state == uploads.UPLOADING:
        raise StoreBusy(
            f"The list of the files of upload {standing.upload.upload_id} is still being written;"
            " try again in a moment"
        )
    if state == uploads.UPLOADING:
        return
    why = {
        uploads.READY: "it is published already",
        uploads.FAILED: f"it failed: {standing.detail}",
        uploads.EXPIRED: "it has expired; start a new upload",
    }.get(state, f"it is {state}")
    raise Conflict(f"Upload {standing.upload.upload_id} takes no more parts: {why}")


def complete(caller: Caller, upload_id: str) -> VersionDocument | UploadState:
    """Checks what has arrived and publishes it: the version's document, or the state where that goes on.

    Repeating it is harmless. Raises `PartsMissing` and `HashMismatch`, `Conflict` when the upload failed or expired.
    """
    standing = find_own(caller, upload_id)
    if (settled := _settled(standing)) is not None:
        return settled
    try:
        files = expected_files(standing.upload)
    except NotListed:
        # Its end has begun meanwhile: the list of its files goes first.
        if (settled := _settled(find(upload_id))) is not None:
            return settled
        raise
    check_begun(standing.upload, files)
    if is_looked_at_here(standing.upload, files):
        check_arrived(standing, files)
    try:
        if standing.upload.kind == "folder":
            return _unpack(standing, files[0])
        return _finish_here(standing) if _quick(files) else _verify_later(standing)
    except (ConditionFailed, LeaseLost):
        return _as_it_stands(upload_id)


def _settled(standing: Standing) -> VersionDocument | UploadState | None:
    """What completing an upload gives that is complete already; None for an open one, `Conflict` for one that ended."""
    if standing.state == uploads.READY:
        return documents.full_document(versions.record(*standing.upload.id))
    if current_state(standing) in (uploads.VERIFYING, uploads.UNPACKING):
        return state_document(standing)
    require_open(standing)
    return None


def _as_it_stands(upload_id: str) -> VersionDocument | UploadState:
    """What completing an upload gives when somebody else was faster."""
    standing = find(upload_id)
    return _settled(standing) or state_document(standing)


def _quick(files: list[ExpectedFile]) -> bool:
    files = [file for file in files if file.path]
    to_read = sum(file.size for file in files if not file.is_copied)
    to_copy = sum(file.size for file in files if file.is_copied)
    return (
        len(files) <= REQUEST_FILES
        and to_read <= settings().request_verify_limit
        and to_copy <= REQUEST_COPIES
    )


def _hand_over(standing: Standing, to: str) -> UploadState:
    now = clock.now()
    return state_document(uploads.move(standing, to, due_at=now + DUE_AGAIN, now=now))


def _unpack(standing: Standing, archive: ExpectedFile) -> VersionDocument | UploadState:
    upload_id = standing.upload.upload_id
    state = _hand_over(standing, uploads.UNPACKING)
    try:
        # The ZIP lands in the bucket with this, which calls the worker function.
        put_together(standing.upload, archive, keys.archive_key(upload_id))
    except InvalidRequest:
        # The worker function may have ended, and removed the ZIP, before the store's answer came.
        if find(upload_id).state == uploads.UNPACKING:
            raise
        return _as_it_stands(upload_id)
    return state


def _verify_later(standing: Standing) -> UploadState:
    state = _hand_over(standing, uploads.VERIFYING)
    objects.call_worker("verify", standing.upload.upload_id)
    return state


def _finish_here(standing: Standing) -> VersionDocument | UploadState:
    owner, now = new_owner(), clock.now()
    claimed = uploads.claim_here(standing, owner, now=now, lease_until=now + LEASE)
    try:
        return finish_sent(claimed, owner, for_seconds(REQUEST_SECONDS))
    except OutOfTime:
        return _verify_later(claimed)


def abort(caller: Caller, upload_id: str) -> None:
    """Gives an upload up: parts and reservation are gone. `Conflict` while it is being published or is ready.

    Of very many files the worker function removes the last; the upload itself is gone at once.
    """
    give_up(_of_caller(caller, _known(upload_id)))


def give_up(standing: Standing, *, held_by: str = "") -> None:
    """As `abort`, for any user's upload, also one that is worked on under `held_by`."""
    upload_id = standing.upload.upload_id
    if standing.state == uploads.READY:
        raise Conflict(f"Upload {upload_id} is published already; delete the version instead")
    if standing.state in (uploads.FAILED, uploads.EXPIRED):
        tidy(standing)
        uploads.forget(standing)
        return
    if standing.state == uploads.ABANDONED and not standing.is_left(clock.now()):
        raise _unknown(upload_id)
    try:
        undo(standing, uploads.ABANDONED, held_by=held_by)
    except (ConditionFailed, LeaseLost):
        raise Conflict(f"Upload {upload_id} is being worked on right now; ask for its state") from None


def expire(standing: Standing) -> None:
    """Ends an upload that nobody works on as expired and undoes it; nothing happens when somebody does.

    One that is being undone already comes to the end that it was to come to. One whose plan died goes without a
    trace: its client was told of none.
    """
    state, detail = uploads.EXPIRING, "It was not completed in time"
    if standing.state in uploads.ENDINGS:
        state, detail = standing.state, standing.detail or ""
    elif standing.state == uploads.PLANNING:
        state = uploads.ABANDONED
    with suppress(ConditionFailed, LeaseLost):
        undo(standing, state, detail)
