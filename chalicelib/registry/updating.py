"""Changing a version's metadata, so that of two writers at once neither loses a field.

The manifest is written first, over the very one that was read, then the table in one transaction. A writer
who finds a newer manifest than the table knows completes that change for the other, and then makes his own.
"""

from collections.abc import Mapping
from contextlib import suppress

from msgspec import UNSET, structs

from chalicelib.errors import InvalidRequest, StoreBusy
from chalicelib.registry import access, documents, history, manifests, versions
from chalicelib.registry.callers import Caller
from chalicelib.registry.frameworks import framework_of
from chalicelib.registry.metadata import check_sizes, clean_tags
from chalicelib.registry.naming import check_stored_path
from chalicelib.registry.publishing import RESERVED_CHANGES
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.history import Actor
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import MetadataChange
from chalicelib.store import journal, table
from chalicelib.store import versions as rows
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed, Key

TRIES = 30
CLEARED: Mapping[str, object] = {"dependencies": [], "tags": [], "custom_metadata": {}, "model_type": "other"}
"""What null makes of a field that can't be null in a document."""


def update(
    caller: Caller, user_id: str, model_id: str, version: str | None, change: MetadataChange
) -> VersionDocument:
    """Changes the fields named, leaves the others, and gives the document; null clears. `NotFound`, `Forbidden`.

    One read, one transaction, one PUT; with another writer at the same time, as often as it takes.
    """
    access.check_write(caller, user_id, model_id)
    for _ in range(TRIES):
        record = versions.record(user_id, model_id, version)
        changed = apply(record, change, caller.actor)
        if changed is None:
            return documents.full_document(record)
        try:
            changed.manifest_etag = manifests.write(changed, over=record.manifest_etag)
        except (ObjectChanged, ObjectMissing):
            _complete_other(record)
            continue
        try:
            commit(record, changed)
        except ConditionFailed:
            # What was written lies over a manifest that the deletion, if it was one, removes.
            continue
        return documents.full_document(changed)
    raise StoreBusy("Many changes of this version are being made at once; try again in a moment")


def apply(record: VersionRecord, change: MetadataChange, actor: Actor) -> VersionRecord | None:
    """The record with the fields changed that the request names, None when that changes nothing."""
    old = record.document
    fields: dict[str, object] = {}
    for name in change.__struct_fields__:
        value = getattr(change, name)
        if value is not UNSET:
            fields[name] = CLEARED.get(name) if value is None else value
    if "name" in fields and not str(fields["name"] or "").strip():
        raise InvalidRequest("name can't be cleared: give the model a title")
    if "tags" in fields:
        fields["tags"] = clean_tags(fields["tags"])  # type: ignore[arg-type]
    primary = fields.get("primary_file_path", old.primary_file_path)
    if primary is not None and primary != old.primary_file_path:
        check_stored_path(str(primary), "primary_file_path")
        file = rows.file_named(record, str(primary))
        if file is None:
            raise InvalidRequest(f"primary_file_path: the version has no file {str(primary)[:80]!r}")
        primary = fields["primary_file_path"] = file.path
    if fields.get("framework", "") is None:
        only = record.files[0].path if old.files_total == 1 else ""
        fields["framework"] = framework_of(str(primary or only))
    document = structs.replace(old, **fields)
    if document == old:
        return None
    changed = [name for name in fields if getattr(document, name) != getattr(old, name)]
    noted = history.entry("update", actor, old.version, fields=sorted(changed))
    document.updated_at = noted.at
    check_sizes(document, document.custom_metadata)
    return structs.replace(record, document=document, revision=record.revision + 1, last_change=noted)


def commit(old: VersionRecord, new: VersionRecord) -> None:
    """Makes the change in the table, the changed rows of the index included; `ConditionFailed` if it moved on."""
    before, after = rows.index_rows(old), rows.index_rows(new)
    puts = [row for key, row in after.items() if key not in before or _differs(before[key], row)]
    deletes = [key for key in before if key not in after]
    same = (Row.upload_id == old.upload_id) & (Row.revision == old.revision)
    expected = (Row.state == rows.READY) & same
    changes = Changes(
        puts=[(rows.version_row(new), expected), *((row, None) for row in history.rows_of(new))]
    )
    if new.document.is_active:
        changes.puts.append((rows.active_row(new), None))
    elif old.document.is_active:
        changes.deletes.append((rows.active_key(new), None))

    room = table.TRANSACTION - RESERVED_CHANGES
    if len(puts) + len(deletes) <= room:
        changes.puts += [(row, None) for row in puts]
        changes.deletes += [(key, None) for key in deletes]
        table.transact(changes)
    else:
        _commit_with_journal(new, changes, [*((row.pk, row.sk) for row in puts), *deletes])


def _differs(old: Row, new: Row) -> bool:
    # Serialized, the members of a set come in any order.
    return bool(old.attribute_values != new.attribute_values)


def _commit_with_journal(new: VersionRecord, changes: Changes, touched: list[Key]) -> None:
    # Rows of the index that don't fit in the transaction are written once, after it. Should this process die in
    # between, the sweep finds the entry and puts the index right. A process that slept until the sweep has closed
    # the entry must not commit.
    entry = journal.open_entry("reindex", new.id, touched)
    changes.checks += [(key, Row.pk.exists()) for key in entry.rows]
    try:
        table.transact(changes)
    except ConditionFailed:
        journal.close(entry)
        raise
    reindex(new.id, entry)


def reindex(version: tuple[str, str, str], entry: journal.Entry) -> None:
    """Makes the rows of the index that an entry names agree with the version as it is, and closes the entry."""
    record = _current(version)
    while True:
        right = rows.index_rows(record) if record else {}
        table.write_many(
            (right[key] for key in entry.keys if key in right),
            [key for key in entry.keys if key not in right],
        )
        # What was written is stale when the version has been changed or deleted meanwhile.
        before, record = record, _current(version)
        if record == before:
            break
    journal.close(entry)


def _current(version: tuple[str, str, str]) -> VersionRecord | None:
    row = rows.find(*version)
    return row.read(VersionRecord) if row is not None and row.state == rows.READY else None


def _complete_other(record: VersionRecord) -> None:
    """Makes the change in the table that another writer has made in the manifest only, or is just making."""
    theirs: VersionRecord | None = None
    over: str | None = None
    try:
        theirs = manifests.read(*record.id)
        over = theirs.manifest_etag
    except ObjectMissing:
        pass
    except manifests.Unreadable as error:
        over = error.etag
    # Looked at after the manifest: one that was there while this version still was is no newer version's.
    if _current(record.id) != record:
        return
    if theirs is not None and theirs.upload_id == record.upload_id and theirs.revision > record.revision:
        with suppress(ConditionFailed):
            commit(record, theirs)
    else:
        _restore(record, over)


def _restore(record: VersionRecord, over: str | None) -> None:
    """Writes a manifest again in place of none, or of one that is damaged, older, or of a version that is gone."""
    restored = structs.replace(record)
    try:
        restored.manifest_etag = manifests.write(record, over=over)
        commit(record, restored)
    except (ObjectChanged, ObjectMissing):
        return
    except ConditionFailed:
        manifests.take_back(restored)
