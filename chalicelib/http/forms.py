"""Forms that carry one file, into the struct of their fields and the file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from chalicelib.errors import InvalidRequest, TooLarge
from chalicelib.http.operations import Operation
from chalicelib.http.refusals import refusal, unknown_field
from chalicelib.http.requests import Request
from chalicelib.http.schemas import struct_schema
from chalicelib.http.texts import parse_texts
from chalicelib.schema.fields import ContentType
from chalicelib.settings import settings

if TYPE_CHECKING:
    from chalicelib.http.parts import Part

Fields = TypeVar("Fields", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class FormUpload(Generic[Fields]):
    """A form that carries a file."""

    fields: Fields
    filename: str
    """The file's name as the client gave it: never empty, but otherwise unchecked."""
    content_type: str | None
    """The file's media type in lower case, or None where the client named none."""
    data: bytes


def parse_form(operation: Operation, request: Request) -> FormUpload[msgspec.Struct]:
    """The operation's form struct and file from the request's body.

    Raises `TooLarge` for a body above the setting `form_limit`, and `InvalidRequest` which names the
    field for everything that is missing, unknown, sent twice or not as it must be.
    """
    from chalicelib.http.parts import parts

    assert operation.form is not None
    assert operation.file_field is not None
    _check_size(operation, len(request.body))
    file: Part | None = None
    texts: dict[str, str] = {}
    known = struct_schema(operation.form)["properties"]
    for part in parts(request.body, request.headers["content-type"]):
        if part.name in texts or (file and part.name == operation.file_field):
            raise InvalidRequest(f"{part.name} is given more than once; give it once")
        if part.name == operation.file_field:
            file = part
        elif part.name in known:
            texts[part.name] = part.text()
        else:
            raise unknown_field(part.name, [operation.file_field, *known])
    return _upload(operation.form, operation.file_field, file, texts)


def _upload(
    form: type[Fields], file_field: str, file: "Part | None", texts: dict[str, str]
) -> FormUpload[Fields]:
    # A browser sends a file field that was left empty with the file name "".
    if file is None or file.filename == "":
        raise InvalidRequest(f"{file_field} is required: send the file's content under this name")
    if file.filename is None:
        raise InvalidRequest(f"{file_field} must be a file with a filename (curl: -F {file_field}=@path)")
    return FormUpload(parse_texts(texts, form), file.filename, _checked_type(file), file.data)


def _checked_type(file: "Part") -> str | None:
    try:
        return msgspec.convert(file.content_type, ContentType | None)
    except msgspec.ValidationError:
        field = f"Content-Type of {file.name}"
        raise refusal(field, file.content_type, msgspec.json.schema(ContentType)) from None


def _check_size(operation: Operation, size: int) -> None:
    limit = settings().form_limit
    if size <= limit:
        return
    detail = f"The form has {size:,} bytes, and {limit:,} is what one may have"
    if operation.form and operation.json:
        extra = _required(operation.json) - _required(operation.form)
        detail += (
            f". POST the same fields as application/json with {' and '.join(sorted(extra))} in place of "
            f"{operation.file_field} to {operation.path}; it answers with an upload plan of any size"
        )
    raise TooLarge(detail)


def _required(struct: type[msgspec.Struct]) -> set[str]:
    return set(struct_schema(struct)["required"])
