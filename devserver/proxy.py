"""Requests and answers as API Gateway and a function exchange them (proxy integration, format 1.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from devserver.routing import Match

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request whose body has arrived; path and query as in the request line."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    client: str

    def header(self, name: str) -> str:
        """The value of a header, "" when it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True, slots=True)
class Context:
    """What a function is told of its run."""

    function_name: str
    seconds: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until AWS would end the run."""
        return max(0, int((self.started + self.seconds - time.monotonic()) * 1000))


def media_type(header: str) -> str:
    """The first media type of a Content-Type or Accept header, without parameters."""
    return header.partition(",")[0].partition(";")[0].strip().lower()


def proxy_event(call: Call, match: Match, binary_types: Collection[str], request_id: str) -> dict[str, Any]:
    """The event for a request. Raises `UnicodeDecodeError` for a text body that is not UTF-8."""
    binary = media_type(call.header("content-type")) in binary_types
    body = base64.b64encode(call.body).decode() if binary else call.body.decode()
    # What is no UTF-8 stays recognizable: it is for the function to refuse it.
    query = parse_qs(call.query, keep_blank_values=True, errors="surrogateescape")
    headers = _by_name(call.headers)
    return {
        "resource": match.resource,
        "path": call.path,
        "httpMethod": call.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": match.resource,
            "httpMethod": call.method,
            "path": call.path,
            "stage": "local",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "domainName": call.header("host"),
            "identity": {"sourceIp": call.client, "userAgent": call.header("user-agent")},
        },
        "body": body or None,
        "isBase64Encoded": binary and bool(body),
    }


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _last(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: given[-1] for name, given in values.items()}


class BadAnswer(Exception):
    """What the function returned is no proxy answer."""


def http_answer(answer: Any, accept: str, binary_types: Collection[str]) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a function's answer; `BadAnswer` when it is none.

    Base64 is decoded only where the first media type in Accept is a binary one, as API Gateway does:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
    """
    try:
        status = int(answer["statusCode"])
        values = {name: [str(value)] for name, value in (answer.get("headers") or {}).items()}
        values |= answer.get("multiValueHeaders") or {}
        body = (answer.get("body") or "").encode()
        if answer.get("isBase64Encoded") and media_type(accept) in binary_types:
            body = base64.b64decode(body, validate=True)
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise BadAnswer(f"No proxy answer: {error!r}") from error
    return status, [(name, value) for name, given in values.items() for value in given], body
