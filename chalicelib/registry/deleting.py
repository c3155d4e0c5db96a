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
        _delete(record, here=clock.now() - started < REQUEST_SECONDS)
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
    entry_row = journal.entry_row("delete", record.id, [])
    unlisted = [
        Row.state.set(rows.DELETING),
        Row.by_user.remove(),
        Row.by_framework.remove(),
        Row.by_model_type.remove(),
        Row.lease_until.set(clock.now() + journal.PATIENCE),
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
    name = entry_row.sk
    if here and record.document.files_total <= REQUEST_FILES:
        remove(record.id, name)
    else:
        # The answer says that it is gone: a table made again from the manifests must not bring it back.
        manifests.remove(*record.id)
        objects.call_worker("delete", "/".join((*record.id, name)))


def resume(row: Row) -> bool:
    """Goes on with a deletion whose worker died; False when it is still at work."""
    if (row.lease_until or 0) >= clock.now():
        return False
    record = row.read(VersionRecord)
    remove(record.id, None)
    return True


def remove(version: tuple[str, str, str], entry: str | None) -> None:
    """Removes everything of a version that is being deleted, and then its entry in the journal.

    Repeating it is harmless: when the version is gone, or is a new one of that name, nothing of it is touched.
    """
    row = rows.find(*version)
    if row is not None and row.state == rows.DELETING:
        record = row.read(VersionRecord)
        manifests.remove(*version)
        _remove_rows(record)
        objects.delete_prefix(keys.version_prefix(*version))
        objects.delete_prefix(keys.zip_prefix(*version))
        with suppress(ConditionFailed):
            table.delete((row.pk, row.sk), (Row.state == rows.DELETING) & (Row.upload_id == record.upload_id))
    if entry is not None:
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
