"""multipart/form-data (RFC 7578) with one file, read from a body that is in memory as a whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from chalicelib.errors import InvalidRequest, TooLarge
from chalicelib.http.operations import Operation
from chalicelib.http.refusals import refusal, shown, unknown_field
from chalicelib.http.requests import Request
from chalicelib.http.schemas import struct_schema
from chalicelib.http.texts import parse_texts
from chalicelib.schema.fields import ContentType
from chalicelib.settings import settings

Fields = TypeVar("Fields", bound=msgspec.Struct)

_PARTS = 100
"""Parts that a form may have; the longest of ours has some 25 fields."""
_TEXT_BYTES = 1024 * 1024
"""Bytes of a part that is no file; `dependencies`, the largest, can have some 500 KB."""
_CHARSETS = {"utf-8", "utf8", "us-ascii", "iso-8859-1"}
"""Charsets that a text part may name; Java clients say ISO-8859-1."""

_EXTENDED_NAME = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormUpload(Generic[Fields]):
    """A form that carries a file."""

    fields: Fields
    filename: str
    """The file's name as the client gave it: never empty, but otherwise unchecked."""
    content_type: str | None
    """The file's media type in lower case, or None where the client named none."""
    data: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    filename: str | None
    content_type: str | None
    charset: str
    data: bytes


def parse_form(operation: Operation, request: Request) -> FormUpload[msgspec.Struct]:
    """The operation's form struct and file from the request's body.

    Raises `TooLarge` for a body above the setting `form_limit`, and `InvalidRequest` which names the
    field for everything that is missing, unknown, sent twice or not as it must be.
    """
    assert operation.form is not None
    assert operation.file_field is not None
    _check_size(operation, len(request.body))
    file: _Part | None = None
    texts: dict[str, str] = {}
    known = struct_schema(operation.form)["properties"]
    for part in _parts(request):
        if part.name in texts or (file and part.name == operation.file_field):
            raise InvalidRequest(f"{part.name} is given more than once; give it once")
        if part.name == operation.file_field:
            file = part
        elif part.name in known:
            texts[part.name] = _text(part)
        else:
            raise unknown_field(part.name, [operation.file_field, *known])
    return _upload(operation.form, operation.file_field, file, texts)


def _upload(
    form: type[Fields], file_field: str, file: _Part | None, texts: dict[str, str]
) -> FormUpload[Fields]:
    # A browser sends a file field that was left empty with the file name "".
    if file is None or file.filename == "":
        raise InvalidRequest(f"{file_field} is required: send the file's content under this name")
    if file.filename is None:
        raise InvalidRequest(f"{file_field} must be a file with a filename (curl: -F {file_field}=@path)")
    return FormUpload(parse_texts(texts, form), file.filename, _checked_type(file), file.data)


def _parts(request: Request) -> Iterator[_Part]:
    """The form's parts. The body is parsed in one go, so each part's content is copied just once."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        parser = PushMultipartParser(
            options.get("boundary", ""),
            content_length=len(request.body),
            max_segment_count=_PARTS,
            strict=True,
        )
        with parser:
            segment: MultipartSegment | None = None
            chunks: list[bytes] = []
            for event in parser.parse(request.body):
                if isinstance(event, MultipartSegment):
                    segment, chunks = event, []
                elif event is not None:
                    chunks.append(event)
                elif segment is not None:
                    yield _part(segment, b"".join(chunks))
    except MultipartError as error:
        raise InvalidRequest(f"The body is not valid multipart/form-data: {error.args[0]}") from None


def _part(segment: MultipartSegment, data: bytes) -> _Part:
    return _Part(
        name=segment.name,
        filename=_extended_name(segment) or segment.filename,
        content_type=segment.content_type,
        charset=(segment.charset or "utf-8").lower(),
        data=data,
    )


def _extended_name(segment: MultipartSegment) -> str | None:
    """The name in `filename*` (RFC 8187), which older HTTP libraries send for names beyond ASCII."""
    unquoted = re.sub(r'"[^"]*"', '""', segment.header("Content-Disposition"))
    found = _EXTENDED_NAME.search(unquoted)
    if found is None:
        return None
    try:
        return unquote(found[2], encoding=found[1], errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{segment.name}: its filename {shown(found[2])} is not {found[1]}") from None


def _text(part: _Part) -> str:
    if len(part.data) > _TEXT_BYTES:
        raise InvalidRequest(f"{part.name} has {len(part.data):,} bytes; it may have {_TEXT_BYTES:,}")
    if part.charset not in _CHARSETS:
        raise InvalidRequest(f"{part.name}: charset {shown(part.charset)} is not supported; send UTF-8")
    try:
        return part.data.decode(part.charset)
    except UnicodeDecodeError:
        raise InvalidRequest(f"{part.name} is not valid {part.charset.upper()}") from None


def _checked_type(file: _Part) -> str | None:
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
