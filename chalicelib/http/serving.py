"""One request through one operation: read what was sent, call the function, take its answer."""

from typing import Any

from msgspec import Struct

from chalicelib.errors import UnsupportedMediaType
from chalicelib.http.answers import Answer
from chalicelib.http.bodies import parse_json
from chalicelib.http.forms import parse_form
from chalicelib.http.operations import FORM, JSON, Operation
from chalicelib.http.refusals import shown
from chalicelib.http.requests import Request
from chalicelib.http.texts import parse_texts


class NoParameters(Struct, forbid_unknown_fields=True):
    """The query of an operation that declares none."""


def serve(operation: Operation, request: Request) -> Answer:
    """The answer of the operation's function; raises what reading the request or the function raises."""
    arguments: dict[str, Any] = dict(request.path_parameters())
    query = parse_texts(request.query_parameters(), operation.query or NoParameters, "parameter")
    if operation.query:
        arguments["query"] = query
    if operation.media_types:
        arguments["body"] = _body(operation, request)
    if "accept" in operation.handler.__annotations__:
        arguments["accept"] = request.headers.get("accept")
    result = operation.handler(**arguments)
    return result if isinstance(result, Answer) else Answer(body=result)


def _body(operation: Operation, request: Request) -> Any:
    media_type = request.media_type or JSON
    if operation.json and media_type == JSON:
        return parse_json(request.body, operation.json)
    if operation.form and media_type == FORM:
        return parse_form(operation, request)
    raise UnsupportedMediaType(
        f"Content-Type {shown(media_type)} is not taken here; send {' or '.join(operation.media_types)}"
    )
