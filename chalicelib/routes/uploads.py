"""Bringing models in: forms, upload plans, and the life of an upload."""

from chalicelib.http.answers import Answer
from chalicelib.http.forms import FormUpload
from chalicelib.http.operations import operation
from chalicelib.registry import forms, parts, plans, uploads
from chalicelib.registry.callers import READ, WRITE, Caller
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.requests import (
    ArrivedQuery,
    FilesPlan,
    FolderForm,
    FolderPlan,
    PartsRequest,
    SingleForm,
    SinglePlan,
)
from chalicelib.schema.uploads import ArrivedPage, UploadPlan, UploadState


@operation(
    "POST",
    "/ai-models/upload/single",
    scope=WRITE,
    json=SinglePlan,
    form=SingleForm,
    file_field="file",
    answers={200: VersionDocument | UploadPlan},
    errors=(400, 409, 413, 415),
)
def upload_single(caller: Caller, body: SinglePlan | FormUpload[SingleForm]) -> VersionDocument | UploadPlan:
    """Uploads one file as a version.

    As a form: the file and its metadata, answered with the version's document. As JSON: the same fields with
    `filename` and `file_size` in place of the file, answered with an upload plan for a file of any size.
    """
    if isinstance(body, FormUpload):
        return forms.store_file(caller, body.fields, body.filename, body.content_type, body.data)
    return plans.plan_single(caller, body)


@operation(
    "POST",
    "/ai-models/upload/folder",
    scope=WRITE,
    json=FolderPlan,
    form=FolderForm,
    file_field="zip_file",
    answers={200: VersionDocument | UploadPlan},
    errors=(400, 409, 413, 415),
)
def upload_folder(caller: Caller, body: FolderPlan | FormUpload[FolderForm]) -> VersionDocument | UploadPlan:
    """Uploads a folder as a ZIP whose members become the version's files.

    As a form: the ZIP and the metadata, answered with the version's document once it is unpacked. As JSON:
    `file_size` of the ZIP in its place, answered with an upload plan; it is unpacked once it has arrived.
    """
    if isinstance(body, FormUpload):
        return forms.store_folder(caller, body.fields, body.data)
    return plans.plan_folder(caller, body)


@operation(
    "POST",
    "/ai-models/upload/files",
    scope=WRITE,
    json=FilesPlan,
    answers={200: UploadPlan},
    errors=(400, 409, 413, 415),
)
def upload_files(caller: Caller, body: FilesPlan) -> UploadPlan:
    """Plans the upload of many files as one version, without a ZIP."""
    return plans.plan_files(caller, body)


@operation("GET", "/ai-models/uploads/{upload_id}", scope=READ, answers={200: UploadState}, errors=(400, 404))
def get_upload(caller: Caller, upload_id: str) -> UploadState:
    """Says where an upload stands."""
    return uploads.state(caller, upload_id)


@operation(
    "POST",
    "/ai-models/uploads/{upload_id}/parts",
    scope=WRITE,
    json=PartsRequest,
    answers={200: UploadPlan},
    errors=(400, 404, 409, 415),
)
def request_parts(caller: Caller, upload_id: str, body: PartsRequest) -> UploadPlan:
    """Gives fresh URLs for the parts named, at most 1,000; also for a client whose URLs have expired."""
    return parts.more(caller, upload_id, body)


@operation(
    "GET",
    "/ai-models/uploads/{upload_id}/parts",
    scope=READ,
    query=ArrivedQuery,
    answers={200: ArrivedPage},
    errors=(400, 404, 409),
)
def list_parts(caller: Caller, upload_id: str, query: ArrivedQuery) -> ArrivedPage:
    """Says which parts have arrived, so that a client can go on after a crash, on another machine if need be."""
    return parts.arrived(caller, upload_id, query)


@operation(
    "POST",
    "/ai-models/uploads/{upload_id}/complete",
    scope=WRITE,
    answers={200: VersionDocument, 202: UploadState},
    errors=(400, 404, 409),
)
def complete_upload(caller: Caller, upload_id: str) -> VersionDocument | Answer:
    """Checks what has arrived and publishes it.

    Answers with the version's document, or with 202 and the state where that takes longer than a request may.
    No list of parts is needed, and repeating it is harmless.
    """
    result = uploads.complete(caller, upload_id)
    if isinstance(result, UploadState):
        return Answer(202, result, {"Retry-After": str(uploads.RETRY_AFTER)})
    return result


@operation(
    "DELETE", "/ai-models/uploads/{upload_id}", scope=WRITE, answers={204: None}, errors=(400, 404, 409)
)
def abort_upload(caller: Caller, upload_id: str) -> Answer:
    """Gives an upload up: its parts and its reservation are gone."""
    uploads.abort(caller, upload_id)
    return Answer(204)
