"""Deleting: the version disappears for readers at once, then everything of it is removed.

What a crash leaves is in the journal; whoever wants the name again, and the sweep, goes on with it.
"""

from contextlib import suppress

from chalicelib.errors import InvalidRequest, NotFound
from chalicelib.registry import clock, manifests, versions
from chalicelib.registry.naming import check_model_id, check_user_id
from chalicelib.schema.documents import Deletion
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.schema.requests import DeleteQuery
from chalicelib.store import journal, keys, objects, table
from chalicelib.store import versions as rows
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed, Range

REQUEST_FILES = 2_000
"""Files of a version that are removed within the request; more are left to the worker function."""
REQUEST, WORKER = "request", "worker"
WORKER_LEASE = 16 * 60
"""Seconds for which nobody else removes what one run does: a function lives for at most 15 minutes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
REQUEST_SECONDS = 15
"""Seconds after which the rest of many versions is left to the worker function."""


def delete(user_id: str, model_id: str, query: DeleteQuery) -> Deletion:
    """Deletes the version named, the only one, or with `all_versions` every one; `NotFound`.

    Raises `InvalidRequest` when no version is named and the model has several.
    """
    if query.version is not None:
        if query.all_versions:
            raise InvalidRequest("version and all_versions exclude each other: name one of them")
        doomed = [versions.record(user_id, model_id, query.version)]
    else:
        doomed = _all(user_id, model_id)
        if len(doomed) > 1 and not query.all_versions:
            raise InvalidRequest(
                f"Model {user_id}/{model_id} has several versions: name one with `version`,"
                " or delete all with `all_versions=true`"
            )
    started = clock.now()
    for record in doomed:
        try:
            _delete(record, here=clock.now() - started < REQUEST_SECONDS)
        except NotFound:
            # Of many, one that somebody else has deleted meanwhile is as gone as was asked.
            if not query.all_versions:
                raise
    names = [record.document.version for record in doomed]
    return Deletion(user_id=user_id, model_id=model_id, versions=names)


def _all(user_id: str, model_id: str) -> list[VersionRecord]:
    check_user_id(user_id)
    check_model_id(model_id)
    found = [row.read(VersionRecord) for row in table.rows(rows.of_model(user_id, model_id))]
    if not found:
        raise NotFound(f"There is no model {user_id}/{model_id}")
    return found


def _delete(record: VersionRecord, *, here: bool) -> None:
    here = here and record.document.files_total <= REQUEST_FILES
    entry_row = journal.entry_row("delete", record.id, [])
    unlisted = [
        Row.state.set(rows.DELETING),
        Row.by_user.remove(),
        Row.by_framework.remove(),
        Row.by_model_type.remove(),
        Row.lease_until.set(clock.now() + journal.PATIENCE),
        *([Row.owner.set(REQUEST)] if here else []),
    ]
    changes = Changes(
        puts=[(entry_row, None)],
        updates=[
            (rows.key(*record.id), unlisted, (Row.state == rows.READY) & (Row.upload_id == record.upload_id))
        ],
        deletes=[(rows.active_key(record), None)],
    )
    try:
        table.transact(changes)
    except ConditionFailed:
        user_id, model_id, version = record.id
        raise NotFound(f"There is no version {version} of model {user_id}/{model_id}") from None
    if here:
        _remove(record)
        _close(record.id, entry_row.sk)
    else:
        # The answer says that it is gone: a table made again from the manifests must not bring it back.
        manifests.remove(*record.id)
        objects.call_worker("delete", "/".join((*record.id, entry_row.sk)))


def remove(version: tuple[str, str, str], entry: str | None) -> bool:
    """Removes everything of a version that is being deleted, and then its entry in the journal.

    False, and nothing is done, while another run is at it. Repeating it is harmless: when the version is gone,
    or is a new one of that name, nothing of it is touched.
    """
    row = rows.find(*version)
    if row is not None and row.state == rows.DELETING:
        record = row.read(VersionRecord)
        if not _claim(record, expected=entry is not None):
            return False
        _remove(record)
    if entry is not None:
        _close(version, entry)
    return True


def _claim(record: VersionRecord, *, expected: bool) -> bool:
    """Takes a deletion that nobody works on: its name stays taken until no run of it can still be removing objects.

    The worker that a deletion was left to is `expected`, and takes it at once; others wait whether it comes.
    """
    now = clock.now()
    free = Row.lease_until < now
    if expected:
        free |= Row.owner.does_not_exist()
    same = (Row.state == rows.DELETING) & (Row.upload_id == record.upload_id)
    taken = [Row.owner.set(WORKER), Row.lease_until.set(now + WORKER_LEASE)]
    try:
        table.update(rows.key(*record.id), taken, same & free)
    except ConditionFailed:
        return False
    return True


def _remove(record: VersionRecord) -> None:
    manifests.remove(*record.id)
    _remove_rows(record)
    objects.delete_prefix(keys.version_prefix(*record.id))
    objects.delete_prefix(keys.zip_prefix(*record.id))
    with suppress(ConditionFailed):
        same = (Row.state == rows.DELETING) & (Row.upload_id == record.upload_id)
        table.delete(rows.key(*record.id), same)


def _close(version: tuple[str, str, str], entry: str) -> None:
    objects.delete([keys.task_key("delete", "/".join((*version, entry)))])
    table.delete((keys.JOURNAL_PK, entry))


def _remove_rows(record: VersionRecord) -> None:
    """Removes what the version is found by and its list of files, the list last: it says what there is to remove."""
    table.write_many(deletes=[*rows.index_rows(record), *rows.content_rows(record, record.files)])
    if record.document.files_total <= len(record.files):
        return
    for page in table.pages(Range(keys.files_pk(*record.id))):
        files = [file for row in page.rows for file in row.read(list[FileRecord])]
        table.write_many(deletes=list(rows.content_rows(record, files)))
        table.write_many(deletes=[(row.pk, row.sk) for row in page.rows])
