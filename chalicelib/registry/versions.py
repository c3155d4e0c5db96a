"""Reading versions: one by name, the latest, all of a model, and the files of one."""

from chalicelib.errors import NotFound
from chalicelib.registry import access, documents, next_tokens
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_version, means_latest
from chalicelib.registry.pages import Page
from chalicelib.schema.documents import FileDocument, FilePage, VersionDocument, VersionPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import FilesQuery, PageQuery
from chalicelib.store import downloads, objects, table, versions


def record(user_id: str, model_id: str, version: str | None) -> VersionRecord:
    """A ready version's record, the latest without `version`; `NotFound`. One GetItem or Query.

    `latest`, in any case, means the latest as well, unless a version of an older rule has this very name: one GetItem
    and one Query. Whether the caller may see it is checked before: see `access`.
    """
    if version is not None:
        found = _named(user_id, model_id, version)
        if found is not None:
            return found
        if not means_latest(version):
            raise _no_version(user_id, model_id, version)
    found = versions.latest(user_id, model_id)
    if found is None:
        raise NotFound(
            f"Model {user_id}/{model_id} does not exist, or has no active version; name one with `version`"
        )
    return found


def named(user_id: str, model_id: str, version: str) -> VersionRecord:
    """The record of the ready version that has this very name; `NotFound`. One GetItem."""
    found = _named(user_id, model_id, version)
    if found is None:
        raise _no_version(user_id, model_id, version)
    return found


def _named(user_id: str, model_id: str, version: str) -> VersionRecord | None:
    check_version(version)
    row = versions.find(user_id, model_id, version)
    return row.read(VersionRecord) if row and row.state == versions.READY else None


def _no_version(user_id: str, model_id: str, version: str) -> NotFound:
    return NotFound(f"There is no version {version} of model {user_id}/{model_id}")


def get(caller: Caller, user_id: str, model_id: str, version: str | None) -> VersionDocument:
    """A version's document, the latest without `version`; `NotFound`."""
    access.check_read(caller, user_id, model_id)
    return documents.full_document(record(user_id, model_id, version))


def of_model(caller: Caller, user_id: str, model_id: str, query: PageQuery) -> VersionPage:
    """A page of a model's versions, the highest first; `NotFound` when it has none."""
    access.check_read(caller, user_id, model_id)
    scope = next_tokens.scope_of(caller, "versions", user_id, model_id)
    after = next_tokens.read(query.next_token, scope) if query.next_token else None
    page: Page[VersionDocument] = Page(query.limit)
    for found in table.pages(versions.of_model(user_id, model_id, after=after), size=query.limit + 1):
        if not all(page.add(documents.list_document(row.read(VersionRecord))) for row in found.rows):
            break
    if not page.documents and after is None:
        raise access.no_model(user_id, model_id)
    last = page.documents[-1].version if page.cut else None
    return VersionPage(
        models=page.documents,
        skip=0,
        limit=query.limit,
        next_token=next_tokens.make(last, scope) if last else None,
    )


def files(caller: Caller, user_id: str, model_id: str, query: FilesQuery) -> FilePage:
    """A page of a version's files in path order; `NotFound`.

    With `urls` each has its presigned URL, and the first page is counted as a download.
    """
    access.check_read(caller, user_id, model_id)
    found = record(user_id, model_id, query.version)
    scope = next_tokens.scope_of(caller, "files", *found.id, found.upload_id)
    first = next_tokens.read(query.next_token, scope) if query.next_token else ""
    page: Page[FileDocument] = Page(query.limit)
    following: str | None = None
    for file in versions.files_from(found, first, count=query.limit + 1):
        document = documents.file_document(found, file)
        if query.urls:
            document.url = objects.presign_get(document.file_path, file.path, file.content_type)
        if not page.add(document):
            following = file.path
            break
    if query.urls and not first:
        # Whoever goes through the pages downloads the version once.
        downloads.count(found)
    return FilePage(
        files=page.documents,
        files_total=found.document.files_total,
        limit=query.limit,
        next_token=next_tokens.make(following, scope) if following else None,
    )
