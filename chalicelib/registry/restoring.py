"""One version restored from its manifest: read, compared with what the table and the bucket have, and written."""

from dataclasses import dataclass

from msgspec import MsgspecError

from chalicelib.registry import documents, manifests
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.store import keys, objects, table, versions
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.objects import Listed
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed

TRIES = 10
NAMED = 5
"""Files that are not as recorded that a reason names; the rest is counted."""


class Damaged(Exception):
    """A version can't be restored; the reason says why, and nothing of it was touched."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A version that was restored, and what lies at its place without being its own."""

    files: int
    strays: list[Listed]


def restore(version: tuple[str, str, str], *, dry_run: bool) -> Restored | None:
    """Writes a version's rows, unless `dry_run`; None, and nothing is done, for one that comes or goes just now.

    Raises `Damaged`. A row of a later revision than the manifest's is kept as it is. One read of the manifest and
    one of the row, one ListObjectsV2 per 1,000 files, and the writes.
    """
    for _ in range(TRIES):
        try:
            record = manifests.read(*version)
        except ObjectMissing:
            return None
        except manifests.Unreadable as error:
            raise Damaged(f"its manifest cannot be read: {error}") from error
        row = versions.find(*version)
        if row is not None:
            if row.state == versions.DELETING:
                return None
            if row.upload_id != record.upload_id:
                raise Damaged(
                    f"the table has upload {row.upload_id} under this name, the manifest upload {record.upload_id}:"
                    " any change of the version's metadata writes the manifest anew"
                )
            if row.state != versions.READY:
                return None
            if row.revision > record.revision:
                record = row.read(VersionRecord)
        files = _files(record)
        strays = _strays(record, files)
        try:
            if not dry_run:
                _write(record, files)
        except ConditionFailed:
            continue
        return Restored(len(files), strays)
    raise Damaged("it is changed again and again: stop the writers, then repeat the rebuild")


def _files(record: VersionRecord) -> list[FileRecord]:
    try:
        files = manifests.read_files(record)
    except ObjectMissing:
        raise Damaged(f"{keys.manifest_files_key(*record.id)}, the list of its files, is missing") from None
    except (MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"the list of its files cannot be read: {error}") from error
    if len(files) != record.document.files_total or documents.content_id(files) != record.content_id:
        raise Damaged("the list of its files is not that of this version")
    return files


def _strays(record: VersionRecord, files: list[FileRecord]) -> list[Listed]:
    """What else lies at the version's place; `Damaged` unless each file lies there with its size."""
    prefix = keys.version_prefix(*record.id)
    there = {found.key.removeprefix(prefix): found for found in objects.listed(prefix)}
    wrong = []
    for file in files:
        found = there.pop(file.path, None)
        if found is None:
            wrong.append(f"{file.path} is missing")
        elif found.size != file.size:
            wrong.append(f"{file.path} has {found.size} bytes instead of {file.size}")
    if wrong:
        rest = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise Damaged(f"{len(wrong)} of {len(files)} files: {', '.join(wrong[:NAMED])}{rest}")
    return list(there.values())


def _write(record: VersionRecord, files: list[FileRecord]) -> None:
    """Writes the rows, the version's own last; `ConditionFailed` when there is a later or another one by now."""
    rows = [*versions.file_rows(record, files), *versions.content_rows(record, files).values()]
    table.write_many([*rows, *versions.index_rows(record).values()])
    same = (Row.state == versions.READY) & (Row.upload_id == record.upload_id)
    free = Row.pk.does_not_exist() | (same & (Row.revision <= record.revision))
    changes = Changes(puts=[(versions.version_row(record), free)])
    if record.document.is_active:
        changes.puts.append((versions.active_row(record), None))
    else:
        changes.deletes.append((versions.active_key(record), None))
    table.transact(changes)
