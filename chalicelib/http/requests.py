"""A request as API Gateway hands it over (proxy event, format 1.0), read once and read-only."""

import base64
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from chalicelib.auth.authentication import Credentials
from chalicelib.errors import InvalidRequest
from chalicelib.http.negotiation import media_type


class Request:
    """One proxy event
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html).

    It is made for each call and handed down, never kept on the app: a server may answer in threads.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        context = event["requestContext"]
        self.method: str = context["httpMethod"]
        self.resource: str | None = context.get("resourcePath")
        """The route's path with its names in braces, or None where no route matched."""
        self.id: str = context.get("requestId") or "unknown"

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers under their lower-case names."""
        return {name.lower(): value for name, value in (self._event.get("headers") or {}).items()}

    @cached_property
    def credentials(self) -> Credentials:
        """What API Gateway and the client say of who is calling."""
        context = self._event["requestContext"]
        identity = context.get("identity") or {}
        return Credentials(
            authorization=self.headers.get("authorization"),
            iam_arn=identity.get("userArn"),
            iam_account=identity.get("accountId"),
            api_account=context.get("accountId"),
            address=identity.get("sourceIp") or "",
        )

    @property
    def media_type(self) -> str:
        """The body's media type without parameters; "" where the client named none."""
        return media_type(self.headers.get("content-type"))

    @cached_property
    def body(self) -> bytes:
        """The body's bytes, b"" for none."""
        body = self._event.get("body") or ""
        if self._event.get("isBase64Encoded"):
            return base64.b64decode(body)
        # Lone surrogates become invalid UTF-8 here, which whoever reads the body refuses by name.
        return body.encode("utf-8", "surrogatepass")

    def path_parameters(self) -> dict[str, str]:
        """The names in the path, percent-decoded once (API Gateway passes them on as they came).

        Raises `InvalidRequest` where that gives no valid UTF-8.
        """
        parameters = self._event.get("pathParameters") or {}
        return {name: _decoded(name, value) for name, value in parameters.items()}

    def query_parameters(self) -> dict[str, str]:
        """The query's parameters, which API Gateway has decoded; an empty one counts as not given.

        Raises `InvalidRequest` for one that is given twice or holds what is no character.
        """
        given = self._event.get("multiValueQueryStringParameters")
        if given is None:
            given = {name: [text] for name, text in (self._event.get("queryStringParameters") or {}).items()}
        for name, texts in given.items():
            if len(texts) > 1:
                raise InvalidRequest(f"{name!r} is given {len(texts)} times; give it once")
            _check_characters("A parameter's name", name)
            _check_characters(name, texts[0])
        return {name: texts[0] for name, texts in given.items() if texts[0]}


def _decoded(name: str, raw: str) -> str:
    try:
        text = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name}: {raw!r} is not percent-encoded UTF-8") from None
    _check_characters(name, text)
    return text


def _check_characters(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name}: {text!r} is not valid UTF-8") from None
