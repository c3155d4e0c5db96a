"""Downloads: one file of a version, or all of them as one ZIP."""

from dataclasses import dataclass

from chalicelib.errors import NotFound
from chalicelib.registry import access, versions
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_stored_path
from chalicelib.schema.documents import DownloadCount
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.schema.requests import DownloadQuery
from chalicelib.settings import settings
from chalicelib.store import downloads as counts
from chalicelib.store import keys, objects
from chalicelib.store import versions as rows
from chalicelib.store.bucket import ObjectChanged, ObjectMissing

OCTETS = "application/octet-stream"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to answer with, and the name to save them under."""

    data: bytes
    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of content without reading it."""

    size: int
    filename: str
    content_type: str
    etag: str
    """The object's own, in quotes; of a ZIP, which need not be there yet, one of its content."""


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned URL that serves the bytes, ranges included."""

    url: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The ZIP is being made; ask again after so many seconds."""

    retry_after: int


def download(
    caller: Caller, user_id: str, model_id: str, query: DownloadQuery, *, inline: bool
) -> Content | Link | Pending:
    """The file named, or without `filename` the version as a ZIP; `NotFound`.

    With `inline` the bytes themselves, where they are within the inline limit; otherwise a link. Either is counted.
    """
    access.check_read(caller, user_id, model_id)
    record = versions.record(user_id, model_id, query.version)
    try:
        if query.filename is None:
            found = _archive(record, inline=inline)
        else:
            found = _file(record, query.filename, inline=inline)
    except (ObjectMissing, ObjectChanged):
        raise NotFound(f"{_name(record)} was deleted just now") from None
    if not isinstance(found, Pending):
        counts.count(record)
    return found


def describe(caller: Caller, user_id: str, model_id: str, query: DownloadQuery, *, inline: bool) -> Described:
    """What `download` would serve, without reading, making or counting anything; `NotFound`."""
    access.check_read(caller, user_id, model_id)
    record = versions.record(user_id, model_id, query.version)
    if query.filename is None:
        from chalicelib.registry import zipping

        try:
            size = zipping.size_of(record)
        except ObjectMissing:
            raise NotFound(f"{_name(record)} was deleted just now") from None
        return Described(size, _archive_name(record), ZIP, f'"{record.content_id}"')
    file = _named(record, query.filename)
    return Described(file.size, file.path, OCTETS if inline else file.content_type, file.etag)


def counted(caller: Caller, user_id: str, model_id: str, version: str | None) -> DownloadCount:
    """How often a version was downloaded, the latest without `version`; `NotFound`. One read, one BatchGetItem."""
    access.check_read(caller, user_id, model_id)
    record = versions.record(user_id, model_id, version)
    return DownloadCount(
        user_id=user_id,
        model_id=model_id,
        version=record.document.version,
        downloads=counts.total(record.upload_id),
    )


def _archive(record: VersionRecord, *, inline: bool) -> Content | Link | Pending:
    # The planner of ZIPs takes 4 ms to import, which only those who want one should wait for.
    from chalicelib.registry import zipping

    size = zipping.provide(record)
    if size is None:
        return Pending(zipping.RETRY_AFTER)
    return _served(zipping.key_of(record), size, _archive_name(record), ZIP, inline=inline)


def _archive_name(record: VersionRecord) -> str:
    return f"{record.document.model_id}-{record.document.version}.zip"


def _file(record: VersionRecord, filename: str, *, inline: bool) -> Content | Link:
    file = _named(record, filename)
    key = keys.file_key(*record.id, file.path)
    return _served(key, file.size, file.path, OCTETS if inline else file.content_type, inline=inline)


def _named(record: VersionRecord, filename: str) -> FileRecord:
    check_stored_path(filename)
    file = rows.file_named(record, filename)
    if file is None:
        raise NotFound(f"{_name(record)} has no file {filename[:80]!r}")
    return file


def _name(record: VersionRecord) -> str:
    user_id, model_id, version = record.id
    return f"Version {version} of model {user_id}/{model_id}"


def _served(key: str, size: int, name: str, content_type: str, *, inline: bool) -> Content | Link:
    if inline and size <= settings().inline_limit:
        return Content(objects.get(key), name, content_type)
    return Link(objects.presign_get(key, name, content_type))
