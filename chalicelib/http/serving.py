"""One request through one operation: know the caller, read what was sent, call the function, take its answer."""

from typing import Any

from msgspec import Struct

from chalicelib import telemetry
from chalicelib.auth.authentication import authenticate
from chalicelib.errors import InsufficientScope, UnsupportedMediaType
from chalicelib.http.answers import Answer
from chalicelib.http.bodies import parse_json
from chalicelib.http.forms import parse_form
from chalicelib.http.operations import FORM, JSON, Operation
from chalicelib.http.refusals import shown
from chalicelib.http.requests import Request
from chalicelib.http.texts import parse_texts
from chalicelib.registry.callers import Caller, anyone


class NoParameters(Struct, forbid_unknown_fields=True):
    """The query of an operation that declares none."""


def serve(operation: Operation, request: Request) -> Answer:
    """The answer of the operation's function; raises what reading the request or the function raises."""
    caller = _caller(operation, request)
    arguments: dict[str, Any] = dict(request.path_parameters())
    query = parse_texts(request.query_parameters(), operation.query or NoParameters, "parameter")
    if operation.query:
        arguments["query"] = query
    if operation.media_types:
        arguments["body"] = _body(operation, request)
    if "accept" in operation.handler.__annotations__:
        arguments["accept"] = request.headers.get("accept")
    if "caller" in operation.handler.__annotations__:
        arguments["caller"] = caller
    result = operation.handler(**arguments)
    return result if isinstance(result, Answer) else Answer(body=result)


def _caller(operation: Operation, request: Request) -> Caller:
    if operation.scope is None:
        return anyone(request.credentials.address)
    caller = authenticate(request.credentials)
    telemetry.note(user=caller.user_id)
    if not caller.may(operation.scope):
        raise InsufficientScope(
            f"{operation.method} here needs the scope {operation.scope}; what you were given is"
            f" {' '.join(sorted(caller.scopes)) or 'none of ours'}",
            operation.scope,
        )
    return caller


def _body(operation: Operation, request: Request) -> Any:
    if request.body and not request.media_type:
        # A page of any origin may have a browser send such a body, as it may not send JSON that says so.
        raise UnsupportedMediaType(f"Content-Type is missing; send {' or '.join(operation.media_types)}")
    media_type = request.media_type or JSON
    if operation.json and media_type == JSON:
        return parse_json(request.body, operation.json)
    if operation.form and media_type == FORM:
        return parse_form(operation, request)
    raise UnsupportedMediaType(
        f"Content-Type {shown(media_type)} is not taken here; send {' or '.join(operation.media_types)}"
    )
