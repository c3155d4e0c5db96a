"""Answers: what a route function gives back, and how API Gateway wants to have it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chalicelib.http.negotiation import BINARY_TYPES, media_type


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and headers beside the common ones.

    A struct is sent as JSON; bytes are sent as they are, under the Content-Type in `headers`.
    """

    status: int = 200
    body: msgspec.Struct | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """Stands in an operation's `answers` for bytes of these media types."""

    media_types: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Stands in an operation's `answers` for an empty body and a `Location` header."""

    description: str


def proxy_answer(answer: Answer, request_id: str) -> dict[str, Any]:
    """The answer as API Gateway takes it from a function (proxy answer, format 1.0)."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **answer.headers,
    }
    content = answer.body if isinstance(answer.body, bytes) else _json(answer.body)
    binary = media_type(headers["Content-Type"]) in BINARY_TYPES
    return {
        "statusCode": answer.status,
        "headers": headers,
        "multiValueHeaders": {},
        "body": base64.b64encode(content).decode() if binary else content.decode(),
        "isBase64Encoded": binary,
    }


def _json(document: msgspec.Struct | None) -> bytes:
    return b"" if document is None else msgspec.json.encode(document)
