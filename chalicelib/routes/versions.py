"""Finding, reading, changing and deleting versions."""

from msgspec.structs import replace

from chalicelib.http.operations import operation
from chalicelib.registry import deleting, listing, searching, updating, versions
from chalicelib.registry.callers import READ, WRITE, Caller
from chalicelib.schema.documents import Deletion, FilePage, VersionDocument, VersionPage
from chalicelib.schema.requests import (
    DeleteQuery,
    FilesQuery,
    ListQuery,
    MetadataChange,
    PageQuery,
    SearchQuery,
    VersionQuery,
)


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}",
    scope=READ,
    query=VersionQuery,
    answers={200: VersionDocument},
    errors=(400, 404),
)
def get_version(caller: Caller, user_id: str, model_id: str, query: VersionQuery) -> VersionDocument:
    """The version's document; without `version` the latest: the highest that is active."""
    return versions.get(caller, user_id, model_id, query.version)


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/versions",
    scope=READ,
    query=PageQuery,
    answers={200: VersionPage},
    errors=(400, 404),
)
def list_versions(caller: Caller, user_id: str, model_id: str, query: PageQuery) -> VersionPage:
    """Every version of a model, the highest first."""
    return versions.of_model(caller, user_id, model_id, query)


@operation(
    "GET", "/ai-models/{user_id}", scope=READ, query=ListQuery, answers={200: VersionPage}, errors=(400,)
)
def list_models(caller: Caller, user_id: str, query: ListQuery) -> VersionPage:
    """The user's versions that pass all filters, newest first."""
    return listing.newest(caller, user_id, query)


@operation(
    "GET",
    "/ai-models/search/{user_id}",
    scope=READ,
    query=SearchQuery,
    answers={200: VersionPage},
    errors=(400,),
)
def search_models(caller: Caller, user_id: str, query: SearchQuery) -> VersionPage:
    """The user's versions in which every word of the query occurs, best match first."""
    return searching.search(caller, user_id, query)


def describe_files(caller: Caller, user_id: str, model_id: str, query: FilesQuery) -> FilePage:
    """The files without URLs, which would count as a download."""
    return versions.files(caller, user_id, model_id, replace(query, urls=False))


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/files",
    head=describe_files,
    scope=READ,
    query=FilesQuery,
    answers={200: FilePage},
    errors=(400, 404),
)
def list_files(caller: Caller, user_id: str, model_id: str, query: FilesQuery) -> FilePage:
    """The files of a version in path order, with `urls=true` each with a presigned URL for its content."""
    return versions.files(caller, user_id, model_id, query)


@operation(
    "PUT",
    "/ai-models/{user_id}/{model_id}",
    scope=WRITE,
    query=VersionQuery,
    json=MetadataChange,
    answers={200: VersionDocument},
    errors=(400, 404, 415),
)
def update_version(
    caller: Caller, user_id: str, model_id: str, query: VersionQuery, body: MetadataChange
) -> VersionDocument:
    """Changes metadata: fields not named stay as they are, null clears."""
    return updating.update(caller, user_id, model_id, query.version, body)


@operation(
    "DELETE",
    "/ai-models/{user_id}/{model_id}",
    scope=WRITE,
    query=DeleteQuery,
    answers={200: Deletion},
    errors=(400, 404),
)
def delete_version(caller: Caller, user_id: str, model_id: str, query: DeleteQuery) -> Deletion:
    """Deletes a version, its files and all that was indexed of it.

    Without `version` only where the model has just one, or with `all_versions=true`.
    """
    return deleting.delete(caller, user_id, model_id, query)
