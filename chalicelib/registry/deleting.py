"""Deleting: versions disappear for readers at once, then everything of them is removed.

Versions of many files, or many versions, are left to the worker function. What a crash leaves is in the journal;
whoever wants the name again, and the sweep, go on with it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

from chalicelib.errors import InvalidRequest, NotFound, StoreBusy
from chalicelib.registry import access, clock, manifests, readers, versions
from chalicelib.registry.callers import Caller
from chalicelib.registry.leases import LEASE, Lease, LeaseLost, OutOfTime, Remaining, for_seconds, new_owner
from chalicelib.registry.marking import Marks
from chalicelib.schema.documents import Deletion
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import DeleteQuery
from chalicelib.store import access as sharings
from chalicelib.store import downloads, journal, keys, leases, objects, table
from chalicelib.store import versions as rows
from chalicelib.store.journal import Entry
from chalicelib.store.parallel import for_each
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed

REQUEST_FILES = 2_000
"""Files that are removed within the request; more are left to the worker function."""
REQUEST_VERSIONS = 50
"""Versions that are removed within the request; more are left to it as well."""
REQUEST_SECONDS = 15.0
"""Seconds after which the rest of fewer is left to it, and after which no more versions are marked."""
REMOVERS = 4
"""Versions that are worked on at a time in the worker function."""


def delete(caller: Caller, user_id: str, model_id: str, query: DeleteQuery) -> Deletion:
    """Deletes the version named, the only one, or with `all_versions` every one; `NotFound`, `Forbidden`.

    Raises `InvalidRequest` when no version is named and the model has several, and `StoreBusy` when there are
    too many to be deleted in one request: it is to be repeated for the rest.
    """
    until = time.monotonic() + REQUEST_SECONDS
    access.check_write(caller, user_id, model_id)
    kept = sharings.read(user_id, model_id)
    if query.version is not None:
        if query.all_versions:
            raise InvalidRequest("version and all_versions exclude each other: name one of them")
        doomed = [versions.named(user_id, model_id, query.version)]
    else:
        doomed = _all(user_id, model_id)
        if len(doomed) > 1 and not query.all_versions:
            raise InvalidRequest(
                f"Model {user_id}/{model_id} has several versions: name one with `version`,"
                " or delete all with `all_versions=true`"
            )
    token = new_owner()
    marks = Marks(kept, token, until, caller.actor)
    marked, left = marks.mark(doomed)
    # Of many, one that somebody else has deleted meanwhile is as gone as was asked.
    if not marked and not left and not query.all_versions:
        raise _no_version(*doomed[0].id)
    if marks.shared:
        readers.settle(user_id, model_id)
    if (
        sum(record.document.files_total for record in marked) > REQUEST_FILES
        or len(marked) > REQUEST_VERSIONS
    ):
        _leave_to_worker(user_id, model_id, marked, token)
    else:
        _remove_here(user_id, model_id, marked, token, until)
    if left:
        raise StoreBusy(
            f"{len(doomed) - left} of {len(doomed)} versions of model {user_id}/{model_id} are deleted;"
            " repeat the request for the others"
        )
    names = [record.document.version for record in doomed]
    return Deletion(user_id=user_id, model_id=model_id, versions=names)


def _no_version(user_id: str, model_id: str, version: str) -> NotFound:
    return NotFound(f"There is no version {version} of model {user_id}/{model_id}")


def _all(user_id: str, model_id: str) -> list[VersionRecord]:
    found = [row.read(VersionRecord) for row in table.rows(rows.of_model(user_id, model_id))]
    if not found:
        raise access.no_model(user_id, model_id)
    return found


def _remove_here(
    user_id: str, model_id: str, marked: Sequence[VersionRecord], token: str, until: float
) -> None:
    for number, record in enumerate(marked):
        try:
            remove(record.id, record.upload_id, for_seconds(until - time.monotonic()), held_by=token)
        except OutOfTime:
            _leave_to_worker(user_id, model_id, marked[number + 1 :], token)
            return


def _leave_to_worker(user_id: str, model_id: str, marked: Sequence[VersionRecord], token: str) -> None:
    # The answer says that they are gone: a table made again from the manifests must not bring them back.
    manifests.remove(*(record.id for record in marked))
    objects.call_worker("delete", f"{user_id}/{model_id}/{token}")


def work(task: str, remaining: Remaining) -> None:
    """What the worker function does: removes the versions of a model that are being deleted, if nobody is at it.

    `task` is the user, the model and a token. When the time runs out it calls the worker function again.
    """
    user_id, model_id, token = task.split("/")

    def remove_row(row: Row) -> None:
        remove(row.read(VersionRecord).id, row.upload_id, remaining, held_by=token)

    try:
        for_each(table.rows(rows.being_deleted(user_id, model_id)), remove_row, REMOVERS)
    except OutOfTime:
        objects.call_worker("delete", task)
    else:
        objects.delete([keys.task_key("delete", task)])


def remove(version: tuple[str, str, str], upload_id: str, remaining: Remaining, *, held_by: str = "") -> bool:
    """Removes everything of a version that is being deleted; False, and nothing is done, while another run is at it.

    Raises `OutOfTime` when the time is too short: what is removed then stays removed, and anyone may go on.
    Repeating it is harmless: when the version is gone, or is a new one of that name, nothing of it is touched.
    """
    now, owner, key = clock.now(), new_owner(), rows.key(*version)
    doomed = (Row.state == rows.DELETING) & (Row.upload_id == upload_id)
    free = leases.free(now, owner, held_by)
    try:
        row = table.update(key, leases.taken(owner, now + LEASE), doomed & free)
    except ConditionFailed:
        return False
    try:
        with Lease(key, owner, remaining, until=now + LEASE) as lease:
            _remove(row.read(VersionRecord), lease)
    except LeaseLost:
        return False
    except Exception:
        with suppress(ConditionFailed):
            table.update(key, leases.given_back(), doomed & (Row.owner == owner))
        raise
    entry = journal.deletion_key(upload_id, int(row.due_at))
    with suppress(ConditionFailed):
        table.transact(Changes(deletes=[(key, doomed & (Row.owner == owner)), (entry, None)]))
    return True


def _remove(record: VersionRecord, lease: Lease) -> None:
    lease.check()
    manifests.remove(record.id)
    rows.remove_index(record, lease.check)
    objects.delete_prefix(keys.version_prefix(*record.id), lease.check)
    objects.delete_prefix(keys.zip_prefix(*record.id), lease.check)
    downloads.forget(record.upload_id)
    lease.check_held()


def make_way(row: Row) -> bool:
    """Goes on with a deletion that nobody works on, here if that is quick; whether nothing is left of it now."""
    record = row.read(VersionRecord)
    task = "/".join((*record.id[:2], row.detail))
    if record.document.files_total <= REQUEST_FILES:
        with suppress(OutOfTime):
            removed = remove(record.id, row.upload_id, for_seconds(REQUEST_SECONDS))
            if removed:
                objects.delete([keys.task_key("delete", task)])
            return removed
    if row.lease_until < clock.now():
        objects.call_worker("delete", task)
    return False


def settle(entry: Entry) -> None:
    """What the sweep does about a deletion that was not finished in time."""
    row = rows.find(*entry.version) if entry.version else None
    if entry.version:
        readers.settle(*entry.version[:2])
    if row is None or row.state != rows.DELETING or row.upload_id != entry.name:
        journal.close(entry)
    else:
        make_way(row)
