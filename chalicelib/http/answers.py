"""Answers: what a route function gives back, and how API Gateway wants to have it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and headers beside the common ones.

    A struct is sent as JSON, text and bytes as they are under the Content-Type in `headers`. API Gateway
    passes bytes on only to a client that asks for them: see `wants_binary`.
    """

    status: int = 200
    body: msgspec.Struct | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """Stands in an operation's `answers` for text or bytes of these media types."""

    media_types: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Stands in an operation's `answers` for an empty body and a `Location` header."""

    description: str


def proxy_answer(answer: Answer, request_id: str, *, bodiless: bool = False) -> dict[str, Any]:
    """The answer as API Gateway takes it from a function (proxy answer, format 1.0).

    `bodiless` for HEAD: the headers are those of GET, with the length of the body that it would have
    (RFC 9110, section 9.3.2).
    """
    body = _text(answer.body)
    if bodiless:
        size = len(answer.body) if isinstance(answer.body, bytes) else len(body.encode())
        body = ""
    headers = {
        **({} if answer.body is None else {"Content-Type": "application/json"}),
        **({"Content-Length": str(size)} if bodiless and answer.body is not None else {}),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **answer.headers,
    }
    return {
        "statusCode": answer.status,
        "headers": headers,
        "multiValueHeaders": {},
        "body": body,
        "isBase64Encoded": isinstance(answer.body, bytes) and not bodiless,
    }


def _text(body: msgspec.Struct | str | bytes | None) -> str:
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    if isinstance(body, msgspec.Struct):
        return msgspec.json.encode(body).decode()
    return body or ""
