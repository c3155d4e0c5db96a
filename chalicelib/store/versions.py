"""The rows of versions: the version, its list of files, and everything it is found by.

`index_rows` says by which rows a version is found: publishing, updating, deleting, rebuilding go by it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import json

from chalicelib.paths import composed, forms
from chalicelib.registry.ordering import natural_key
from chalicelib.registry.words import index_words
from chalicelib.schema.records import FILES_PER_ROW, INLINE_FILES, FileRecord, VersionRecord
from chalicelib.store import keys, table
from chalicelib.store.rows import Row
from chalicelib.store.table import Key, Range

UPLOADING, READY, DELETING = "uploading", "ready", "deleting"


def key(user_id: str, model_id: str, version: str) -> Key:
    """The key of a version's row."""
    return keys.model_pk(user_id, model_id), keys.version_sk(natural_key(version))


def created_key(record: VersionRecord) -> str:
    """The version's place among its user's by age."""
    document = record.document
    return keys.created_key(document.created_at, document.model_id, document.version)


def version_row(record: VersionRecord) -> Row:
    """The row of a ready version, in all indexes."""
    document = record.document
    return Row(
        *key(*record.id),
        body=json.encode(record).decode(),
        state=READY,
        revision=record.revision,
        upload_id=record.upload_id,
        created_key=created_key(record),
        by_user=document.user_id,
        by_framework=f"{document.user_id}#{document.framework}",
        by_model_type=f"{document.user_id}#{document.model_type}",
        framework=document.framework,
        model_type=document.model_type,
    )


def active_key(record: VersionRecord) -> Key:
    """The key of the row by which `latest` finds an active version."""
    return keys.model_pk(*record.id[:2]), keys.active_sk(natural_key(record.document.version))


def active_row(record: VersionRecord) -> Row:
    """The row by which `latest` finds an active version: it carries the whole record."""
    return Row(*active_key(record), body=json.encode(record).decode(), upload_id=record.upload_id)


def index_rows(record: VersionRecord) -> dict[Key, Row]:
    """The rows by which tags and words find a version, with what filters and ranking need.

    A row of a word is below 1 KB, and so one write unit. Marks of the tags are in the rows of tags alone, of which a
    version has 50 at most, each below 1.5 KB.
    """
    document, created = record.document, created_key(record)
    common: dict[str, Any] = {"framework": document.framework, "model_type": document.model_type}
    tags = set(map(composed, document.tags))
    marks = {keys.tag_mark(tag) for tag in tags}
    found = [Row(keys.tag_pk(document.user_id, tag), created, marks=marks, **common) for tag in tags]
    found += [
        Row(keys.words_pk(document.user_id), keys.word_sk(word, created), weight=weight, **common)
        for word, weight in index_words(document).items()
    ]
    return {(row.pk, row.sk): row for row in found}


def content_rows(record: VersionRecord, files: Iterable[FileRecord]) -> dict[Key, Row]:
    """The rows that say which contents the version holds, so that they need not be sent again.

    Only contents whose SHA-256 was verified: a hash that was merely declared could stand for anything.
    """
    user_id, model_id, version = record.id
    rows: dict[Key, Row] = {}
    for file in files:
        if file.verified and file.sha256 is not None:
            row = Row(
                keys.contents_pk(user_id),
                keys.content_sk(file.sha256, model_id, version),
                body=json.encode(file).decode(),
            )
            rows.setdefault((row.pk, row.sk), row)
    return rows


def remove_index(record: VersionRecord, check: Callable[[], object]) -> None:
    """Removes what a version is found by and its list of files, the list last: it says what there is to remove.

    `check` is called before each write and may stop it by raising; what is removed then stays removed.
    """
    check()
    table.write_many(deletes=[*index_rows(record), *content_rows(record, record.files)])
    if 0 < record.document.files_total <= INLINE_FILES:
        return
    for page in table.pages(Range(keys.files_pk(*record.id))):
        check()
        files = (file for row in page.rows for file in row.read(list[FileRecord]))
        table.write_many(deletes=content_rows(record, files))
        check()
        table.write_many(deletes=[(row.pk, row.sk) for row in page.rows])


def file_rows(record: VersionRecord, files: Sequence[FileRecord]) -> list[Row]:
    """The list of a version's files as rows of 50; none when the version's own row holds it all."""
    if len(files) <= INLINE_FILES:
        return []
    pk = keys.files_pk(*record.id)
    chunks = (files[start : start + FILES_PER_ROW] for start in range(0, len(files), FILES_PER_ROW))
    return [Row(pk, chunk[0].path, body=json.encode(chunk).decode()) for chunk in chunks]


def find(user_id: str, model_id: str, version: str) -> Row | None:
    """A version's row in whatever state. One GetItem."""
    return table.get(*key(user_id, model_id, version))


def latest(user_id: str, model_id: str) -> VersionRecord | None:
    """The highest version that is ready and active. One Query."""
    row = table.first(Range(keys.model_pk(user_id, model_id), keys.active_sk(""), backwards=True))
    return row.read(VersionRecord) if row else None


def read_many(found: Sequence[tuple[str, str, str]]) -> list[VersionRecord | None]:
    """The records of these versions, None for each that is not ready. One BatchGetItem per 100."""
    wanted = [key(*names) for names in found]
    rows = table.get_many(wanted)
    return [
        row.read(VersionRecord) if (row := rows.get(one)) is not None and row.state == READY else None
        for one in wanted
    ]


def highest_name(user_id: str, model_id: str) -> str | None:
    """The name of the highest version, whatever its state. One Query."""
    row = table.first(Range(keys.model_pk(user_id, model_id), keys.version_sk(""), backwards=True))
    return keys.split_created_key(row.created_key)[2] if row else None


def of_model(user_id: str, model_id: str, *, after: str | None = None) -> Range:
    """A model's ready versions, the highest first, going on below the version `after`."""
    return Range(
        keys.model_pk(user_id, model_id),
        keys.version_sk(""),
        backwards=True,
        condition=Row.state == READY,
        after=None if after is None else key(user_id, model_id, after),
    )


def first_ready(user_id: str, model_id: str, *, but: str | None = None) -> VersionRecord | None:
    """The highest version of a model that readers see and that is not called `but`. One Query."""
    for page in table.pages(of_model(user_id, model_id), size=2):
        for row in page.rows:
            record = row.read(VersionRecord)
            if record.document.version != but:
                return record
    return None


def ready_check(record: VersionRecord) -> tuple[Key, Any]:
    """The condition, for a transaction, that readers see this very version."""
    return key(*record.id), (Row.state == READY) & (Row.upload_id == record.upload_id)


def being_deleted(user_id: str, model_id: str) -> Range:
    """A model's versions that readers see no more, and of which not all is removed yet."""
    return Range(keys.model_pk(user_id, model_id), keys.version_sk(""), condition=Row.state == DELETING)


def files_from(record: VersionRecord, first: str = "", *, count: int | None = None) -> Iterator[FileRecord]:
    """The files of a version in path order, from the path `first` on.

    One Query that reads just the rows of `count` files, or one per megabyte; with `first` one more.
    """
    if record.document.files_total <= INLINE_FILES:
        yield from (file for file in record.files if file.path >= first)
        return
    pk = keys.files_pk(*record.id)
    after = None
    if first and (start := table.first(Range(pk, at_most=first, backwards=True))):
        after = pk, start.sk
        yield from (file for file in start.read(list[FileRecord]) if file.path >= first)
    size = None if count is None else -(-count // FILES_PER_ROW)
    for page in table.pages(Range(pk, after=after), size=size):
        for row in page.rows:
            yield from row.read(list[FileRecord])


def file_named(record: VersionRecord, path: str) -> FileRecord | None:
    """One file of a version, whose path may be stored in another Unicode form: from its own row, or with one Query.

    One Query more for each other form where there is none of the form given.
    """
    found = (file for form in forms(path) for file in _near(record, form) if file.path == form)
    return next(found, None)


def _near(record: VersionRecord, path: str) -> list[FileRecord]:
    """Files among which one of this very path must be."""
    if record.document.files_total <= INLINE_FILES:
        return record.files
    row = table.first(Range(keys.files_pk(*record.id), at_most=path, backwards=True))
    return row.read(list[FileRecord]) if row else []
