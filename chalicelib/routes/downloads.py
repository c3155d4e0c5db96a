"""Getting files out."""

from chalicelib.http.answers import Answer, Content, Redirect
from chalicelib.http.negotiation import wants_binary
from chalicelib.http.operations import operation
from chalicelib.registry import downloads
from chalicelib.registry.callers import READ, Caller
from chalicelib.schema.documents import DownloadCount, ErrorDocument
from chalicelib.schema.requests import DownloadQuery, VersionQuery
from chalicelib.store.objects import disposition


def describe_download(
    caller: Caller, user_id: str, model_id: str, query: DownloadQuery, accept: str | None
) -> Answer:
    """Type, size, name and ETag of what a download serves; it is not counted, and no ZIP is made."""
    found = downloads.describe(caller, user_id, model_id, query, inline=wants_binary(accept))
    return Answer(
        200,
        headers={
            "Content-Type": found.content_type,
            "Content-Disposition": disposition(found.filename),
            "Content-Length": str(found.size),
            # API Gateway writes a Content-Length of its own.
            "X-File-Size": str(found.size),
            "ETag": found.etag,
        },
    )


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/download",
    head=describe_download,
    scope=READ,
    query=DownloadQuery,
    answers={
        200: Content(
            (downloads.OCTETS, downloads.ZIP), "The content itself, where `Accept` names a binary type first"
        ),
        202: ErrorDocument,
        307: Redirect("A presigned URL that serves the content, ranges included"),
    },
    errors=(400, 404),
)
def download(caller: Caller, user_id: str, model_id: str, query: DownloadQuery, accept: str | None) -> Answer:
    """The bytes of one file, or without `filename` all files as one ZIP.

    With `Accept: application/octet-stream` (or `application/zip`) content within the inline limit is in the
    answer itself. Everything else is a redirect to a presigned URL. A ZIP that is still being made is 202.
    """
    found = downloads.download(caller, user_id, model_id, query, inline=wants_binary(accept))
    if isinstance(found, downloads.Pending):
        waiting = ErrorDocument(detail=f"The ZIP is being made; ask again in {found.retry_after} seconds")
        return Answer(202, waiting, {"Retry-After": str(found.retry_after)})
    if isinstance(found, downloads.Link):
        return Answer(307, headers={"Location": found.url})
    headers = {"Content-Type": found.content_type, "Content-Disposition": disposition(found.filename)}
    return Answer(200, found.data, headers)


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/downloads",
    scope=READ,
    query=VersionQuery,
    answers={200: DownloadCount},
    errors=(400, 404),
)
def count_downloads(caller: Caller, user_id: str, model_id: str, query: VersionQuery) -> DownloadCount:
    """How often a version was downloaded, without `version` the latest; for all who may read it."""
    return downloads.counted(caller, user_id, model_id, query.version)
