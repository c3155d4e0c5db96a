"""An HTTP proxy in front of a store, which lets some requests fail as networks and busy stores do.

    with FaultyProxy("http://127.0.0.1:8333", S3, random.Random(1)) as proxy:
        boto3.client("s3", endpoint_url=proxy.url)

Requests go on byte for byte, with their Host, so that signatures stay valid. Bodies of any size pass through
in pieces. Who fails is drawn from the random numbers given, in the order in which requests arrive.
"""

import asyncio
import json
import math
import random
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from benchmarks._listening import Listening, Over, reset_connection

RATE = 0.05
"""How many of the requests fail."""
LONGEST_DELAY = 3.0
"""Seconds."""
_PIECE = 256 * 1024


class Fault(StrEnum):
    """What may become of a request."""

    THROTTLED = "throttled"
    FAILED = "answered 500"
    UNSENT = "reset before it was sent on"
    LOST = "reset once it was done"
    CUT = "answer cut in its middle"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a store says that it is too busy, and that it failed."""

    name: str
    throttled: bytes
    failed: bytes


def _answer(status: str, content_type: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


def _s3_error(status: str, code: str) -> bytes:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>Injected</Message></Error>'
    )
    return _answer(status, "application/xml", body)


def _dynamodb_error(status: str, code: str) -> bytes:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "Injected"})
    return _answer(status, "application/x-amz-json-1.0", body)


S3 = Dialect(
    "S3", _s3_error("503 Slow Down", "SlowDown"), _s3_error("500 Internal Server Error", "InternalError")
)
DYNAMODB = Dialect(
    "DynamoDB",
    _dynamodb_error("400 Bad Request", "ProvisionedThroughputExceededException"),
    _dynamodb_error("500 Internal Server Error", "InternalServerError"),
)


def _detail(status: str) -> bytes:
    return _answer(status, "application/json", json.dumps({"detail": "Injected"}))


WEIGHTHOUSE = Dialect("Weighthouse", _detail("503 Service Unavailable"), _detail("500 Internal Server Error"))


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line and the headers of a request or an answer, as they came."""

    raw: bytes

    @property
    def first(self) -> bytes:
        return self.raw.partition(b"\r\n")[0]

    def get(self, name: bytes) -> bytes:
        for line in self.raw.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return b""

    def without(self, name: bytes) -> bytes:
        lines = self.raw.split(b"\r\n")
        return b"\r\n".join(line for line in lines if line.partition(b":")[0].lower() != name)


async def _read_head(reader: asyncio.StreamReader) -> _Head:
    return _Head(await reader.readuntil(b"\r\n\r\n"))


async def _read_body(head: _Head, reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """The body in pieces, the framing of chunks included; `IncompleteReadError` when it breaks off."""
    if head.get(b"transfer-encoding").lower() == b"chunked":
        async for piece in _read_chunks(reader):
            yield piece
        return
    left = int(head.get(b"content-length") or 0)
    while left:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece


async def _read_chunks(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    # https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    size = 1
    while size:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        yield line
        if size:
            yield await reader.readexactly(size + 2)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        yield line


class FaultyProxy(Listening):
    """Serves a store on a port of its own, from a thread of its own, for as long as a `with` block runs."""

    def __init__(self, upstream: str, dialect: Dialect, chance: random.Random, *, rate: float = RATE) -> None:
        """`rate` is how many of the requests fail, 0..1; it can be set anew at any time."""
        super().__init__(f"faulty {dialect.name}", limit=2 * _PIECE)
        self.dialect = dialect
        self.rate = rate
        self.requests = 0
        self.faults: Counter[Fault] = Counter()
        url = urlsplit(upstream)
        self._upstream = url.hostname, url.port
        self._chance = chance
        self._done_by_token: dict[str, bytes] = {}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("socket")
        # Heads and bodies are sent one by one: neither is to wait until the other was acknowledged.
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                await self._exchange(reader, writer)
        except Over as end:
            if end.reset:
                reset_connection(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Either side has gone, or the proxy goes.
            pass
        finally:
            writer.close()

    def _draw(self) -> Fault | None:
        self.requests += 1
        if self._chance.random() >= self.rate:
            return None
        fault = self._chance.choice(list(Fault))
        self.faults[fault] += 1
        return fault

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer; `Over` when the connection is to end after it."""
        head = await _read_head(reader)
        fault = self._draw()
        if fault is Fault.UNSENT:
            raise Over(reset=True)
        waits = head.get(b"expect").lower() == b"100-continue"
        if fault in (Fault.THROTTLED, Fault.FAILED):
            if not waits:
                async for _ in _read_body(head, reader):
                    pass
            await self._refuse(head, writer, fault)
        if fault is Fault.DELAYED:
            await asyncio.sleep(self._chance.uniform(0, LONGEST_DELAY))
        if waits:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.get(b"x-amz-target").endswith(b".TransactWriteItems"):
            answer = self._transacted(head, reader)
        else:
            answer = self._sent_on(head, _read_body(head, reader))
        async with aclosing(answer):
            await self._hand_back(answer, writer, fault)

    async def _refuse(self, head: _Head, writer: asyncio.StreamWriter, fault: Fault) -> None:
        answer = self.dialect.throttled if fault is Fault.THROTTLED else self.dialect.failed
        if head.first.startswith(b"HEAD "):
            answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        writer.write(answer)
        await writer.drain()
        raise Over(reset=False)

    async def _sent_on(self, head: _Head, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Sends a request on, and gives the answer: its head, then its body in pieces."""
        up_reader, up_writer = await asyncio.open_connection(*self._upstream, limit=2 * _PIECE)
        try:
            up_writer.write(head.without(b"expect"))
            async for piece in body:
                up_writer.write(piece)
                await up_writer.drain()
            answer = await _read_head(up_reader)
            yield answer.raw
            if head.first.startswith(b"HEAD ") or answer.first.split()[1] in (b"204", b"304"):
                return
            async for piece in _read_body(answer, up_reader):
                yield piece
        finally:
            up_writer.close()

    async def _transacted(self, head: _Head, reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
        """As `_sent_on`; a transaction that comes again with its token is answered, and not done again.

        DynamoDB does so for ten minutes, MiniStack does not:
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        body = b"".join([piece async for piece in _read_body(head, reader)])
        token = json.loads(body)["ClientRequestToken"]
        if token not in self._done_by_token:

            async def whole() -> AsyncGenerator[bytes]:
                yield body

            answer = b"".join([piece async for piece in self._sent_on(head, whole())])
            if not answer.startswith(b"HTTP/1.1 200 "):
                yield answer
                return
            self._done_by_token[token] = answer
        head_end = self._done_by_token[token].index(b"\r\n\r\n") + 4
        yield self._done_by_token[token][:head_end]
        yield self._done_by_token[token][head_end:]

    async def _hand_back(
        self, answer: AsyncGenerator[bytes], writer: asyncio.StreamWriter, fault: Fault | None
    ) -> None:
        head = _Head(await anext(answer))
        if fault is Fault.LOST:
            async for _ in answer:
                pass
            raise Over(reset=True)
        writer.write(head.raw)
        length = max(1, int(head.get(b"content-length") or 1))
        left = self._chance.randrange(length) if fault is Fault.CUT else math.inf
        async for piece in answer:
            if len(piece) > left:
                writer.write(piece[: int(left)])
                await writer.drain()
                raise Over(reset=self._chance.random() < 0.5)
            left -= len(piece)
            writer.write(piece)
            await writer.drain()
        if fault is Fault.CUT:
            # There was no body to cut.
            raise Over(reset=True)
        if head.get(b"connection").lower() == b"close":
            raise Over(reset=False)
