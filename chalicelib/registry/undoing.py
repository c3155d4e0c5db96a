"""Undoing an upload: all that it brought is removed, and then its version's name is free.

It begins when a client gives up, when something is wrong with what was sent, or when the time is over. What is too
much for one run is gone on with by the worker function; what a crash leaves, by whoever wants the name and by the
sweep.
"""

from chalicelib.registry import clock, manifests
from chalicelib.registry.leases import (
    DUE_AGAIN,
    LEASE,
    Lease,
    LeaseLost,
    OutOfTime,
    Remaining,
    for_seconds,
    new_owner,
)
from chalicelib.registry.publishing import new_record, task_keys
from chalicelib.store import keys, objects, table, uploads, versions
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed
from chalicelib.store.uploads import Standing

REQUEST_FILES = 2_000
"""Files up to which an upload is undone within the request; more are left to the worker function."""
REQUEST_SECONDS = 15.0
"""Seconds after which what is left of fewer is left to it as well."""


def undo(standing: Standing, state: str, detail: str | None = None, *, held_by: str = "") -> None:
    """Undoes an upload that nobody but `held_by` works on, to an end in `uploads.ENDINGS`.

    It is undone here, if that takes no long time, and by the worker function otherwise.
    `ConditionFailed` when it has ended, or somebody works on it.
    """
    now = clock.now()
    due_at = now + DUE_AGAIN
    if (standing.files_total or 0) > REQUEST_FILES:
        uploads.move(standing, state, due_at=due_at, now=now, held_by=held_by, detail=detail)
        objects.call_worker("undo", standing.upload.upload_id)
        return
    owner, until = new_owner(), now + LEASE
    begun = uploads.move(
        standing,
        state,
        due_at=due_at,
        now=now,
        held_by=held_by,
        owner=owner,
        lease_until=until,
        detail=detail,
    )
    go_on(begun, owner, for_seconds(REQUEST_SECONDS))


def go_on(begun: Standing, owner: str, remaining: Remaining) -> None:
    """Goes on with undoing an upload that was claimed under `owner`, as long as the run has time.

    Raises `LeaseLost` when another has taken it over.
    """
    with Lease(uploads.key(begun.upload.upload_id), owner, remaining, until=begun.lease_until) as lease:
        _remove_or_leave(begun, lease)


def undo_own(standing: Standing, lease: Lease, state: str, detail: str | None = None) -> None:
    """Undoes the upload that is worked on under this lease.

    Raises `LeaseLost`, and touches nothing, when it is not this owner's any more, or is published.
    """
    now, owner = clock.now(), lease.owner
    try:
        begun = uploads.move(
            standing,
            state,
            due_at=now + DUE_AGAIN,
            now=now,
            held_by=owner,
            owner=owner,
            lease_until=now + LEASE,
            detail=detail,
        )
    except ConditionFailed as error:
        raise LeaseLost(standing.upload.upload_id) from error
    _remove_or_leave(begun, lease)


def _remove_or_leave(begun: Standing, lease: Lease) -> None:
    try:
        _remove(begun, lease)
    except OutOfTime:
        now = clock.now()
        due_at = now + DUE_AGAIN
        uploads.move(begun, begun.state, due_at=due_at, now=now, held_by=lease.owner, detail=begun.detail)
        objects.call_worker("undo", begun.upload.upload_id)


def _remove(begun: Standing, lease: Lease) -> None:
    upload = begun.upload
    lease.check()
    # Parts are begun only for files that are still listed: without the list, none comes after the removal.
    uploads.remove_lists(begun)
    # The manifest first: one without its objects would bring a broken version back with the next rebuild.
    lease.check()
    manifests.remove(upload.id)
    objects.delete_prefix(keys.version_prefix(*upload.id), lease.check)
    objects.delete_prefix(keys.upload_prefix(upload.upload_id), lease.check)
    versions.remove_index(new_record(begun, []), lease.check)
    objects.delete(task_keys(begun))
    lease.check_held()
    _end(begun, lease.owner)


def _end(begun: Standing, owner: str) -> None:
    """Ends the upload and frees its version's name, in one transaction."""
    upload, state = begun.upload, uploads.ENDINGS[begun.state]
    changes = Changes(
        deletes=[(versions.key(*upload.id), Row.upload_id == upload.upload_id), (begun.journal, None)]
    )
    if state is None:
        changes.deletes.append(uploads.gone(begun, owner))
    else:
        until = clock.now() + uploads.KEPT
        changes.updates.append(uploads.ended(begun, owner, state, until=until, detail=begun.detail))
    try:
        table.transact(changes)
    except ConditionFailed as error:
        raise LeaseLost(upload.upload_id) from error
