"""Stands before the AWS stand-in, which by itself lets anybody do anything, the pages in a browser included.

Nothing reaches it but requests for S3, DynamoDB and SQS that are signed with the keys of the data folder, under a
name of this machine, and not by a page.
"""

import hashlib
import json
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from devserver.asgi import Application, Message, Receive, Send
from devserver.signatures import Keys, NotSigned, Request, claim
from devserver.visitors import by_name, refusal

_SERVICES = ("s3", "dynamodb", "sqs")
_READ = 16 * 1024 * 1024
"""Bytes of a body that is read before its request is passed on: as much as DynamoDB takes
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""


class _Refused(Exception):
    """A request that is not passed on; the message says why."""


class Shield:
    """An ASGI application before another."""

    def __init__(self, application: Application, keys: Keys) -> None:
        """Passes on to `application` what is signed with these keys."""
        self._application = application
        self._keys = keys

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes on a request, or refuses it."""
        if scope["type"] == "lifespan":
            return await self._application(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        request, body = _request(scope), _Body(receive)
        try:
            await self._admit(scope["path"], request, body)
        except (_Refused, NotSigned) as reason:
            # A client that still sends hears the answer only when all is read.
            await body.drop()
            return await _refuse(request, str(reason), send)
        return await self._application(scope, body, _without_cors(send))

    async def _admit(self, path: str, request: Request, body: "_Body") -> None:
        """Raises `_Refused` or `NotSigned` where a request is not to be passed on."""
        stranger = refusal(request.method, request.headers)
        # A page has no business here: its downloads are links that somebody follows.
        if stranger is not None or "origin" in request.headers:
            raise _Refused(stranger or "pages may send no requests here")
        # What its paths for administrators do, nobody asks for.
        if not request.path.startswith("/") or path.startswith("/_"):
            raise _Refused("there is nothing under this path")
        claimed = claim(request)
        if claimed.service not in _SERVICES or (claimed.seconds is not None and claimed.service != "s3"):
            raise _Refused("it is for none of the services here")
        payload = claimed.payload or hashlib.sha256(await body.whole()).hexdigest()
        claimed.check(self._keys, datetime.now(UTC), payload)


class _Body:
    """A request's body, which may be read here before it is passed on."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False
        self._kept: list[Message] = []

    async def __call__(self) -> Message:
        """The next message of it, as ASGI has it."""
        return self._kept.pop(0) if self._kept else await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body")
        return message

    async def whole(self) -> bytes:
        """All of it, which then can be read again; `_Refused` where that is more than `_READ`."""
        size = 0
        while not self._ended:
            self._kept.append(await self._next())
            size += len(self._kept[-1].get("body", b""))
            if size > _READ:
                raise _Refused(f"its body has more than {_READ:,} bytes")
        return b"".join(message.get("body", b"") for message in self._kept)

    async def drop(self) -> None:
        """Reads it to its end and keeps nothing."""
        self._kept.clear()
        while not self._ended:
            await self._next()


def _request(scope: Message) -> Request:
    headers = by_name((name.decode("latin-1"), _text(value)) for name, value in scope["headers"])
    return Request(scope["method"], _text(scope["raw_path"]), _text(scope["query_string"]), headers)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _without_cors(send: Send) -> Send:
    """Passes on all but the headers by which a browser would show an answer to pages of other origins."""

    async def passed_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                pair for pair in message["headers"] if not pair[0].lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return passed_on


async def _refuse(request: Request, reason: str, send: Send) -> None:
    text = (
        f"The AWS stand-in does not take this request: {reason}. It serves its own `make run`, and programs that"
        " sign with the keys in credentials.json of the data folder."
    )
    if "x-amz-target" in request.headers:
        kind, body = (
            "application/x-amz-json-1.0",
            json.dumps({"__type": "AccessDeniedException", "message": text}),
        )
    else:
        kind = "application/xml"
        body = f"<Error><Code>AccessDenied</Code><Message>{escape(text)}</Message></Error>"
    content = body.encode("utf-8", "replace")
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else content})
