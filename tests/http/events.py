"""Makes API Gateway proxy events (format 1.0) and reads the answers, as a client behind one would see them."""

import base64
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def detail(self) -> str:
        """The error's words; fails where the answer is not exactly our error document."""
        document = self.json()
        assert list(document) == ["detail"], document
        assert self.status >= 400
        return document["detail"]


def event(
    method: str,
    resource: str | None,
    *,
    path: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
) -> dict[str, Any]:
    """A proxy event; bytes are base64 in it, as API Gateway has binary types. A text without `headers` is JSON."""
    binary = isinstance(body, bytes)
    if headers is None and isinstance(body, str):
        headers = {"Content-Type": "application/json"}
    return {
        "resource": resource,
        "requestContext": {"httpMethod": method, "resourcePath": resource, "requestId": "request-1"},
        "pathParameters": path,
        "multiValueQueryStringParameters": query,
        "headers": headers or {},
        "body": base64.b64encode(body).decode() if binary else body,
        "isBase64Encoded": binary,
        "stageVariables": None,
    }


def call(app, method: str, resource: str | None, **parts: Any) -> Reply:
    """The app's reply to an event made of these parts."""
    answer = app(event(method, resource, **parts), None)
    assert set(answer) == {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    body = answer["body"]
    content = base64.b64decode(body, validate=True) if answer["isBase64Encoded"] else body.encode()
    return Reply(answer["statusCode"], answer["headers"], content)
