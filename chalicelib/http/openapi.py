"""OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) made from the operations and their structs."""

import inspect
import sys
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, get_args

import msgspec

from chalicelib import __version__
from chalicelib.errors import WeighthouseError
from chalicelib.http.answers import Content, Redirect
from chalicelib.http.operations import FORM, JSON, Operation
from chalicelib.http.schemas import Schema, text_schema
from chalicelib.schema.documents import ErrorDocument
from chalicelib.schema.fields import ModelId, UploadId, UserId
from chalicelib.settings import Auth

_REFERENCE = "#/components/schemas/{name}"

_PATH_TYPES: dict[str, Any] = {"user_id": UserId, "model_id": ModelId, "upload_id": UploadId}

_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_WITH_RETRY_AFTER = {HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE}
_LOCATION = {"Location": {"description": "Where to go.", "schema": {"type": "string", "format": "uri"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "What is missing.", "schema": {"type": "string"}}}
_WITH_CHALLENGE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_SEPARATED_BY_COMMAS = {"style": "form", "explode": False}
_FILE = {"type": "string", "format": "binary", "description": "The content, sent with its filename."}

_SCHEMES: dict[Auth, dict[str, Any]] = {
    "none": {},
    "jwt": {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT of the issuer that this service trusts, or an API token of its own.",
        }
    },
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
    "iam": {
        "sigv4": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4",
            "description": "The signature (AWS Signature Version 4) of an IAM user or role of this account.",
        }
    },
}
"""How callers are known, by the setting that says so."""


def document(operations: Sequence[Operation], auth: Auth) -> dict[str, Any]:
    """The OpenAPI document of these operations, where callers are known in this way."""
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, auth)
    schemes = {"securitySchemes": _SCHEMES[auth]} if _SCHEMES[auth] else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weighthouse",
            "version": __version__,
            "description": "A self-hosted registry for AI model files of any format and any size. HEAD works on every"
            " address of GET: its status and headers, with no side effect.",
        },
        # Relative to this document, because API Gateway serves it below a stage's name.
        "servers": [{"url": "."}],
        "tags": _tags(operations),
        "paths": paths,
        "components": {"schemas": _components(operations), **schemes},
    }


def _operation(operation: Operation, auth: Auth) -> dict[str, Any]:
    security = _security(operation, auth)
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": " ".join(summary.split()),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation, secured=bool(security)),
    }
    if security:
        described["security"] = security
    if description:
        described["description"] = description
    if operation.media_types:
        described["requestBody"] = {"required": True, "content": _request_content(operation)}
    return described


def _security(operation: Operation, auth: Auth) -> list[dict[str, list[str]]]:
    """One of the schemes, with the scope that is needed where the caller's own scopes count."""
    if operation.scope is None:
        return []
    return [{name: [operation.scope] if auth == "jwt" else []} for name in _SCHEMES[auth]]


def _path_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in operation.path_names:
        yield _parameter(name, "path", msgspec.json.schema(_PATH_TYPES.get(name, str)), required=True)


def _query_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    if operation.query is None:
        return
    schema = text_schema(operation.query)
    for name, field in schema["properties"].items():
        yield _parameter(name, "query", field, required=name in schema["required"])


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    if "description" in schema:
        parameter["description"] = schema["description"]
    if schema.get("type") == "array":
        parameter |= _SEPARATED_BY_COMMAS
    return parameter


def _request_content(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.json:
        content[JSON] = {"schema": _reference(operation.json)}
    if operation.form and operation.file_field:
        content[FORM] = _form(operation.form, operation.file_field)
    return content


def _form(form: type[msgspec.Struct], file_field: str) -> dict[str, Any]:
    schema = text_schema(form)
    lists = [name for name, field in schema["properties"].items() if field.get("type") == "array"]
    return {
        "schema": {
            **schema,
            "properties": {file_field: _FILE, **schema["properties"]},
            "required": [file_field, *schema["required"]],
        },
        "encoding": dict.fromkeys(lists, _SEPARATED_BY_COMMAS),
    }


def _responses(operation: Operation, *, secured: bool) -> dict[str, Any]:
    responses = {str(status): _success(status, carried) for status, carried in operation.answers.items()}
    implied = {400} | ({415} if operation.media_types else set()) | ({413} if operation.form else set())
    implied |= _WITH_CHALLENGE if secured else set()
    said = {error.status: error.__doc__ for error in WeighthouseError.__subclasses__()}
    for status in sorted(implied | set(operation.errors)):
        responses[str(status)] = _error(said[status] or "", status)
    responses["default"] = _error("Any other error.")
    return responses


def _success(status: int, carried: Any) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    if carried is None:
        return {"description": phrase}
    if isinstance(carried, Redirect):
        return {"description": carried.description, "headers": _LOCATION}
    if isinstance(carried, Content):
        content = {media_type: {"schema": _bytes(media_type)} for media_type in carried.media_types}
        return {"description": carried.description, "content": content}
    schemas = [_reference(struct) for struct in _structs(carried)]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    response = {"description": phrase, "content": {JSON: {"schema": schema}}}
    return {**response, "headers": _RETRY_AFTER} if status in _WITH_RETRY_AFTER else response


def _bytes(media_type: str) -> Schema:
    if media_type == JSON:
        return {"type": "object"}
    return {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}


def _error(description: str, status: int | None = None) -> dict[str, Any]:
    headers = {
        **(_RETRY_AFTER if status in _WITH_RETRY_AFTER else {}),
        **(_CHALLENGE if status in _WITH_CHALLENGE else {}),
    }
    return {
        "description": description.partition("\n\n")[0],
        **({"headers": headers} if headers else {}),
        "content": {JSON: {"schema": _reference(ErrorDocument)}},
    }


def _components(operations: Sequence[Operation]) -> dict[str, Any]:
    requests = [operation.json for operation in operations if operation.json]
    carried = [carried for operation in operations for carried in operation.answers.values()]
    answers = [struct for each in [*carried, ErrorDocument] for struct in _structs(each)]
    schemas = _schemas(requests)
    schemas |= {name: _always(schema) for name, schema in _schemas(answers).items()}
    return dict(sorted(schemas.items()))


def _schemas(structs: list[type[msgspec.Struct]]) -> dict[str, Any]:
    return msgspec.json.schema_components(structs, ref_template=_REFERENCE)[1]


def _always(schema: Schema) -> Schema:
    """The schema of a document that we send: every field is there, known or null, so defaults say nothing."""
    fields = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": fields, "required": list(fields)}


def _structs(carried: Any) -> list[type[msgspec.Struct]]:
    choices = get_args(carried) or (carried,)
    return [choice for choice in choices if isinstance(choice, type)]


def _reference(struct: type[msgspec.Struct]) -> Schema:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


def _tags(operations: Sequence[Operation]) -> list[dict[str, str]]:
    modules = {operation.tag: sys.modules[operation.handler.__module__] for operation in operations}
    return [{"name": tag, "description": (module.__doc__ or "").strip()} for tag, module in modules.items()]
