"""Downloads: one file of a version, or all of them as one ZIP."""

from dataclasses import dataclass

from chalicelib.errors import NotFound
from chalicelib.registry import versions, zipping
from chalicelib.registry.naming import check_path
from chalicelib.schema.requests import DownloadQuery
from chalicelib.settings import settings
from chalicelib.store import keys, objects
from chalicelib.store import versions as rows

OCTETS = "application/octet-stream"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to answer with, and the name to save them under."""

    data: bytes
    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned URL that serves the bytes, ranges included."""

    url: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The ZIP is being made; ask again after so many seconds."""

    retry_after: int


def download(user_id: str, model_id: str, query: DownloadQuery, *, inline: bool) -> Content | Link | Pending:
    """The file named, or without `filename` the version as a ZIP; `NotFound`.

    With `inline` the bytes themselves, where they are within the inline limit; otherwise a link.
    """
    record = versions.record(user_id, model_id, query.version)
    name = f"{record.document.model_id}-{record.document.version}.zip"
    if query.filename is None:
        size = zipping.provide(record)
        if size is None:
            return Pending(zipping.RETRY_AFTER)
        return _served(zipping.key_of(record), size, name, ZIP, inline=inline)
    check_path(query.filename)
    file = rows.file_named(record, query.filename)
    if file is None:
        raise NotFound(
            f"Version {record.document.version} of model {user_id}/{model_id} has no file {query.filename[:80]!r}"
        )
    key = keys.file_key(*record.id, file.path)
    return _served(key, file.size, file.path, OCTETS if inline else file.content_type, inline=inline)


def _served(key: str, size: int, name: str, content_type: str, *, inline: bool) -> Content | Link:
    if inline and size <= settings().inline_limit:
        return Content(objects.get(key), name, content_type)
    return Link(objects.presign_get(key, name, content_type))
