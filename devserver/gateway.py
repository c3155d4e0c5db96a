"""Stands in for API Gateway: an ASGI application that turns each request into a call of the function."""

import asyncio
import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from devserver import visitors
from devserver.asgi import Message, Receive, Send
from devserver.lanes import RETRY_AFTER, Full, Lanes, lanes
from devserver.proxy import Call, Context, Headers, http_answer, media_type, proxy_event
from devserver.routing import Match, Router, allowed

log = logging.getLogger("devserver")

_SECONDS = 29.0
"""API Gateway's patience with a function:
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

_ALLOW = (
    "where browsers or a proxy reach it under another name, start it with that name in ALLOWED_HOSTS,"
    " as in ALLOWED_HOSTS=models.example.org"
)


class _Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Headers
    body: bytes


def _detail(status: int, text: str, headers: Headers | None = None) -> _Answer:
    content = [("content-type", "application/json"), *(headers or [])]
    return _Answer(status, content, json.dumps({"detail": text}).encode())


class Gateway:
    """Serves a Chalice app as AWS would, by the events that Lambda gets, with up to 32 calls at a time."""

    def __init__(self, app: Any, body_limit: int, hosts: frozenset[str] = frozenset()) -> None:
        """`body_limit` is the most bytes of a body; a larger one is refused without keeping it. `hosts` are names
        beside this machine's own under which browsers may reach it; see `visitors.refusal`."""
        self._app = app
        self._limit = body_limit
        self._hosts = visitors.LOOPBACK | hosts
        self._router = Router(app.routes)
        self._binary = frozenset(app.api.binary_types)
        self._lanes: Lanes = lanes()
        self._threads = ThreadPoolExecutor(32, "request")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one request."""
        started = time.monotonic()
        call = _call(scope)
        try:
            answer = await self._serve(call, receive)
        except _Disconnected:
            log.info("%s %s %s: the client left", call.client, call.method, call.path)
            return
        await _send(call, answer, send)
        took = (time.monotonic() - started) * 1000
        log.info("%s %s %s %d %.0f ms", call.client, call.method, call.path, answer.status, took)

    async def _serve(self, call: Call, receive: Receive) -> _Answer:
        stranger = visitors.refusal(call.method, visitors.by_name(call.headers), self._hosts)
        if stranger is not None:
            await self._read(call, receive, 0)
            return _detail(403, f"{stranger}; {_ALLOW}", [("connection", "close")])
        body = await self._read(call, receive, self._limit)
        if body is None:
            return self._too_large(call)
        match = self._router.match(call.path)
        if match is None:
            return _detail(404, f"There is no such address as {call.path}; /docs shows all there are")
        if call.method == "OPTIONS" and "OPTIONS" not in match.methods:
            return _Answer(204, [("allow", allowed(match.methods))], b"")
        if call.method == "HEAD" and "HEAD" not in match.methods:
            # What the server below sends for HEAD has no body, whatever the answer is.
            call = replace(call, method="GET")
        if call.method not in match.methods:
            names = allowed(match.methods)
            return _detail(405, f"{call.method} is not possible here; {names} are", [("allow", names)])
        try:
            async with self._lanes.of(match.resource).place():
                return await self._run(replace(call, body=body), match)
        except Full:
            busy = f"Too many requests of this kind at once; try again in {RETRY_AFTER} seconds"
            return _detail(503, busy, [("retry-after", str(RETRY_AFTER))])

    async def _read(self, call: Call, receive: Receive, limit: int) -> bytes | None:
        """The body, or None when it is over `limit` bytes; such a one is read to its end and thrown away.

        A client that sends on gets the answer only so: closing on it would reset the connection. One
        that asked first (Expect: 100-continue) has not sent anything, and is answered at once.
        """
        announced = call.header("content-length")
        too_large = announced.isdecimal() and int(announced) > limit
        if too_large and call.header("expect").lower() == "100-continue":
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            too_large = too_large or size > limit
            if too_large:
                chunks.clear()
            else:
                chunks.append(chunk)
            if not message.get("more_body"):
                return None if too_large else b"".join(chunks)

    def _too_large(self, call: Call) -> _Answer:
        announced = call.header("content-length")
        size = f"{int(announced):,} bytes" if announced.isdecimal() else "more bytes than that"
        text = f"The body has {size}, and {self._limit:,} is what one may have"
        if media_type(call.header("content-type")) == "multipart/form-data":
            text += (
                ". POST the same fields as application/json, with file_size (and filename, where it is one"
                " file) in place of the file, to the same address; it answers with an upload plan of any size"
            )
        return _detail(413, text, [("connection", "close")])

    async def _run(self, call: Call, match: Match) -> _Answer:
        request_id = str(uuid.uuid4())
        try:
            event = proxy_event(call, match, self._binary, request_id)
        except UnicodeDecodeError as error:
            return _detail(400, f"The body is not valid UTF-8 at byte {error.start}")
        context = Context("weighthouse", _SECONDS, request_id)
        try:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._threads, self._app, event, context)
            return _Answer(*http_answer(result, call.header("accept"), self._binary))
        except Exception:
            log.exception("Request %s failed", request_id)
            return _detail(500, f"Internal error; request id {request_id}")


def _call(scope: Message) -> Call:
    raw_path: bytes = scope["raw_path"]
    return Call(
        method=scope["method"],
        path=raw_path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=b"",
        client=scope["client"][0] if scope["client"] else "",
    )


async def _send(call: Call, answer: _Answer, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in answer.headers
        # To HEAD the function says the length of the body that it leaves out.
        if name.lower() != "content-length" or (call.method == "HEAD" and not answer.body)
    ]
    bodiless = answer.status in (204, 304)
    if not bodiless and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
