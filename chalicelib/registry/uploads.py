"""Upload sessions: plan, part URLs, what has arrived, complete, state, abort."""

import math
import re
from concurrent.futures import ThreadPoolExecutor

from chalicelib.errors import Conflict, NotFound
from chalicelib.registry import clock, versions
from chalicelib.registry.finishing import expected_files, finish_sent
from chalicelib.registry.leases import LEASE, Lease, LeaseLost, new_owner
from chalicelib.registry.publishing import discard, tidy
from chalicelib.registry.verifying import missing_parts, object_key, put_together, refuse_missing
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import ExpectedFile
from chalicelib.schema.uploads import UploadState
from chalicelib.settings import settings
from chalicelib.store import keys, multipart, objects, uploads
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import Standing

REQUEST_FILES = 300
"""Files that `complete` checks and publishes within a request; more are left to the worker function."""
RETRY_AFTER = 2
"""Seconds after which a client is told to ask for the state again."""
DUE_AGAIN = 15 * 60
"""Seconds after which work that was handed to the worker function is looked at again."""


def find(upload_id: str) -> Standing:
    """An upload by its id; `NotFound`."""
    # Only an id of ours can be one; anything else need not be looked up, and might be no possible key.
    standing = uploads.find(upload_id) if re.fullmatch("[0-9a-f]{32}", upload_id) else None
    if standing is None:
        raise NotFound(f"There is no upload {upload_id[:80]!r}; it was aborted, or ended over a week ago")
    return standing


def current_state(standing: Standing) -> str:
    """The state that clients see: an upload whose time is over has expired, even before the sweep comes by.

    One whose `complete` died within its request is back to `uploading`: completing it again goes on.
    """
    now = clock.now()
    handed_over = standing.due_at != standing.upload.expires_at
    state = standing.state
    if state == uploads.VERIFYING and not handed_over and standing.lease_until < now:
        state = uploads.UPLOADING
    if state in (uploads.UPLOADING, uploads.ENDING) and standing.upload.expires_at <= now:
        state = uploads.EXPIRED
    if state == uploads.ENDING:
        # It has failed once nothing of it is left: whoever reads that can start anew at once.
        undoing = uploads.UNPACKING if standing.upload.kind == "folder" else uploads.VERIFYING
        state = uploads.FAILED if standing.lease_until < now else undoing
    return state


def state_document(standing: Standing) -> UploadState:
    """Where an upload stands, as clients see it."""
    user_id, model_id, version = standing.upload.id
    state = current_state(standing)
    ready = state == uploads.READY
    return UploadState(
        upload_id=standing.upload.upload_id,
        state=state,  # type: ignore[arg-type]
        user_id=user_id,
        model_id=model_id,
        version=version,
        expires_at=clock.timestamp(standing.upload.expires_at),
        files_done=standing.files_done,
        files_total=standing.files_total,
        bytes_done=standing.bytes_done,
        bytes_total=standing.bytes_total,
        detail=standing.detail,
        url=f"/ai-models/{user_id}/{model_id}?version={version}" if ready else None,
    )


def state(upload_id: str) -> UploadState:
    """Where an upload stands; `NotFound`."""
    return state_document(find(upload_id))


def require_open(standing: Standing) -> None:
    """Raises `Conflict` when an upload has ended, or is past taking more parts."""
    state = current_state(standing)
    if state == uploads.UPLOADING:
        return
    why = {
        uploads.READY: "it is published already",
        uploads.FAILED: f"it failed: {standing.detail}",
        uploads.EXPIRED: "it has expired; start a new upload",
    }.get(state, f"it is {state}")
    raise Conflict(f"Upload {standing.upload.upload_id} takes no more parts: {why}")


def complete(upload_id: str) -> VersionDocument | UploadState:
    """Checks what has arrived and publishes it: the version's document, or the state where that goes on.

    Repeating it is harmless. Raises `PartsMissing` and `HashMismatch`, `Conflict` when the upload failed or expired.
    """
    standing = find(upload_id)
    if (settled := _settled(standing)) is not None:
        return settled
    files = expected_files(upload_id)
    if not files:
        # Its end has begun meanwhile: the list of its files goes first.
        return _as_it_stands(upload_id)
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
        return versions.get(*standing.upload.id)
    if current_state(standing) in (uploads.VERIFYING, uploads.UNPACKING):
        return state_document(standing)
    require_open(standing)
    return None


def _as_it_stands(upload_id: str) -> VersionDocument | UploadState:
    """What completing an upload gives when somebody else was faster."""
    standing = find(upload_id)
    return _settled(standing) or state_document(standing)


def check_arrived(standing: Standing, files: list[ExpectedFile]) -> None:
    """Raises `PartsMissing` unless every part of every file is there in full. One ListParts a file."""
    upload = standing.upload

    def problems(file: ExpectedFile) -> list[str]:
        if file.copy_of is not None or file.size == 0:
            return []
        if file.multipart_id is None:
            return missing_parts(file, upload.part_size, [])
        try:
            parts = multipart.list_parts(object_key(upload, file), file.multipart_id)
        except ObjectMissing:
            return []  # Put together by an earlier, interrupted run: `put_together` looks for the object.
        return missing_parts(file, upload.part_size, parts)

    with ThreadPoolExecutor(16) as pool:
        refuse_missing([problem for found in pool.map(problems, files) for problem in found])


def _quick(files: list[ExpectedFile]) -> bool:
    to_read = sum(file.size for file in files if file.copy_of is None)
    to_copy = sum(file.size for file in files if file.copy_of is not None)
    limit = settings().request_verify_limit
    return len(files) <= REQUEST_FILES and to_read <= limit and to_copy <= 16 * limit


def _hand_over(standing: Standing, to: str) -> UploadState:
    now = clock.now()
    return state_document(uploads.hand_over(standing, to, due_at=now + DUE_AGAIN, now=now))


def _unpack(standing: Standing, archive: ExpectedFile) -> UploadState:
    state = _hand_over(standing, uploads.UNPACKING)
    # The ZIP lands in the bucket with this, which calls the worker function.
    put_together(standing.upload, archive, keys.archive_key(standing.upload.upload_id))
    return state


def _verify_later(standing: Standing) -> UploadState:
    state = _hand_over(standing, uploads.VERIFYING)
    objects.call_worker("verify", standing.upload.upload_id)
    return state


def _finish_here(standing: Standing) -> VersionDocument:
    owner, now = new_owner(), clock.now()
    claimed = uploads.claim(
        standing.upload.upload_id, owner, now=now, lease_until=now + LEASE, state=uploads.VERIFYING
    )
    return finish_sent(claimed, owner, lambda: math.inf)


def abort(upload_id: str) -> None:
    """Gives an upload up: parts and reservation are gone. `Conflict` while it is being published or is ready."""
    standing = find(upload_id)
    if standing.state == uploads.READY:
        raise Conflict(f"Upload {upload_id} is published already; delete the version instead")
    if standing.state in (uploads.FAILED, uploads.EXPIRED):
        tidy(standing)
        uploads.forget(standing)
        return
    owner, now = new_owner(), clock.now()
    try:
        claimed = uploads.claim(upload_id, owner, now=now, lease_until=now + LEASE)
        with Lease(upload_id, owner, lambda: math.inf):
            discard(claimed, owner, None)
    except (ConditionFailed, LeaseLost):
        raise Conflict(f"Upload {upload_id} is being finished right now; ask for its state") from None


def expire(standing: Standing, detail: str) -> None:
    """Ends an upload that nobody works on as expired and undoes it; nothing happens when somebody does.

    One that had failed, but was not undone to the end, stays failed.
    """
    owner, now = new_owner(), clock.now()
    try:
        claimed = uploads.claim(standing.upload.upload_id, owner, now=now, lease_until=now + LEASE)
        with Lease(standing.upload.upload_id, owner, lambda: math.inf):
            if claimed.detail:
                discard(claimed, owner, uploads.FAILED, claimed.detail)
            else:
                discard(claimed, owner, uploads.EXPIRED, detail)
    except (ConditionFailed, LeaseLost):
        return
