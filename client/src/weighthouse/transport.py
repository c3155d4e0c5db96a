"""HTTP to the service and to its store: kept connections, timeouts, and which failures may pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, SSLError

from weighthouse._version import __version__
from weighthouse.connections import BLOCK, Connections
from weighthouse.errors import (
    InvalidAnswer,
    InvalidInput,
    NotFound,
    StoreRefused,
    Unreachable,
    of_status,
)
from weighthouse.patience import BUDGET, Patience, Transient

PAGE = 1000
"""Items of a page, the most that the API gives: docs/api.md, under "Rules for all requests"."""

_DOUBTFUL = 10.0
"""Seconds for which that is tried again which may well never pass: a service that has not answered yet, whose address
may be wrong, and a store that answers with other bytes than it was asked for."""
_EMPTY = 1000
"""Pages without a version in a row, before a list is taken for one without end. A filter may leave some empty."""
# `connect` also bounds the sending of a block. The service may take 30 s for an answer behind API Gateway,
# and longer where it reads a large upload within the request, as `make run` does.
_SERVICE = urllib3.Timeout(connect=10, read=90)
_STORE = urllib3.Timeout(connect=30, read=60)
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_RETRY_AFTER = 60.0


class Content(Protocol):
    """What a part is read from while it is sent."""

    def read(self, count: int, /) -> bytes:
        """The next bytes, at most `count`; none at the end."""


class Transport:
    """Requests to one service as one caller, and to the store that its presigned URLs name; thread-safe."""

    def __init__(self, url: str, token: str | None) -> None:
        """Raises `InvalidInput` when `url` is not one of http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidInput(
                f"The service's address is {url!r}; it must be like https://host/stage or http://localhost:8000"
            )
        self.url = url.rstrip("/")
        self._headers = {"User-Agent": f"weighthouse/{__version__}", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connections = Connections()
        self._reached = False

    def close(self) -> None:
        """Closes the connections that are not in use."""
        self._connections.close()

    def _send(self, method: str, url: str, **request: Any) -> urllib3.BaseHTTPResponse:
        """An answer, whatever its status; raises `Transient` when none comes."""
        try:
            return self._connections.to(url).request(method, url, redirect=False, **request)
        except SSLError as error:
            raise Unreachable(f"{_host(url)} can't be trusted: {error}") from error
        except (HTTPError, OSError) as error:
            within = BUDGET if self._reached else _DOUBTFUL
            cause = Unreachable(f"{_host(url)} can't be reached: {_cause(error)}")
            raise Transient(cause, within=within) from error

    def _ask(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> urllib3.BaseHTTPResponse:
        named = {key: value for key, value in query.items() if value is not None}
        url = self.url + path + (f"?{urlencode(named)}" if named else "")
        headers, content = dict(self._headers), None
        if body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        answer = self._send(method, url, headers=headers, body=content, timeout=_SERVICE)
        self._reached = True
        if answer.status < 400:
            return answer
        error = of_status(answer.status, _detail(answer), answer.headers.get("X-Request-Id"))
        if answer.status in _PASSING:
            raise Transient(error, _retry_after(answer))
        raise error

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        patience: Patience | None = None,
    ) -> Any:
        """The JSON that the service answers with, None without a body; repeated while failures may pass.

        A deletion whose answer was lost gives None when it is repeated and there is nothing any more.
        Raises the `ServiceError` of the answer, or `Unreachable`.
        """
        tries = 0

        def attempt() -> Any:
            nonlocal tries
            tries += 1
            try:
                answer = self._ask(method, path, query or {}, body)
            except NotFound:
                if method == "DELETE" and tries > 1:
                    return None
                raise
            try:
                return json.loads(answer.data) if answer.data else None
            except ValueError:
                raise Unreachable(
                    f"{self.url} does not answer as Weighthouse does: is the address right?"
                ) from None

        return (patience or Patience()).keep_trying(attempt)

    def pages(
        self,
        path: str,
        of: Literal["files", "models"],
        *,
        query: Mapping[str, Any],
        first: int = PAGE,
        most: int | None = None,
        patience: Patience | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, asked for one by one as they are read; raises as `ask`, and `InvalidAnswer`.

        `first` items at most are in the first one, 1,000 in those that follow, `most` in all where that is known. A
        list that can't end is the service's fault: one that names a page twice, has more files than it says, a page
        without files before its end, or page after page without a version.
        """
        token, limit, listed, empty = None, first, 0, 0
        seen: set[str | None] = {None}
        while True:
            asked = {**query, "limit": limit, "next_token": token}
            page: dict[str, Any] = self.ask("GET", path, query=asked, patience=patience)
            token, limit = page["next_token"], PAGE
            listed, empty = listed + len(page[of]), 0 if page[of] else empty + 1
            total = page.get("files_total", most)
            endless = token in seen or empty > (_EMPTY if of == "models" else 0)
            if (token is not None and endless) or (total is not None and listed > total):
                raise InvalidAnswer(
                    f"The service lists {path} without end, at {page['next_token']!r}: tell whoever runs it"
                )
            yield page
            if token is None:
                return
            seen.add(token)

    def locate(self, path: str, *, query: Mapping[str, Any], patience: Patience | None = None) -> str:
        """The presigned URL that the service redirects to; waits for what is not ready yet (202)."""

        def attempt() -> str:
            answer = self._ask("GET", path, query, None)
            if answer.status == 202:
                raise Transient(
                    Unreachable(f"{path} is still being made: try again later"), _retry_after(answer)
                )
            return answer.headers["Location"]

        return (patience or Patience()).keep_trying(attempt)

    def put(self, url: str, content: Content, size: int) -> None:
        """Sends a part, once; raises `Transient`, `StoreRefused`, and what reading `content` raises."""
        headers = {"Content-Length": str(size), "User-Agent": self._headers["User-Agent"]}
        answer = self._send("PUT", url, headers=headers, body=content, timeout=_STORE)
        if answer.status not in (200, 201, 204):
            raise _refusal(answer, url)

    def get(self, url: str, start: int, stop: int, size: int, etag: str | None = None) -> Received:
        """Bytes `start` to before `stop` of an object of `size` bytes, once; with `etag` only while that is its ETag.

        Raises `Transient`, also when other bytes come than were asked for, and `StoreRefused`: with status 412 when the
        object has another ETag, 416 when it has another size. Reading it raises `Transient` when it breaks off.
        """
        headers = {"Range": f"bytes={start}-{stop - 1}", "User-Agent": self._headers["User-Agent"]}
        if etag:
            headers["If-Match"] = etag
        answer = self._send("GET", url, headers=headers, timeout=_STORE, preload_content=False)
        wrong = (
            _wrong_bytes(answer, url, start, stop, size)
            if answer.status in (200, 206)
            else _refusal(answer, url)
        )
        if wrong is not None:
            answer.close()
            raise wrong
        return Received(answer, stop - start, _host(url))


class Received:
    """The bytes of a range as they come, block by block; its connection is kept when they are read to the end."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, size: int, host: str) -> None:
        self.etag: str | None = answer.headers.get("ETag")
        self._answer, self._size, self._host = answer, size, host

    def __iter__(self) -> Iterator[bytes]:
        """All of it; raises `Transient` when it breaks off."""
        left = self._size
        try:
            while left:
                block = self._read(min(BLOCK, left))
                left -= len(block)
                yield block
        finally:
            self._answer.close()

    def _read(self, count: int) -> bytes:
        try:
            if block := self._answer.read(count, decode_content=False):
                return block
        except (HTTPError, OSError) as error:
            raise Transient(Unreachable(f"{self._host} broke off: {_cause(error)}")) from error
        raise Transient(Unreachable(f"{self._host} broke off before the end"))


def _host(url: str) -> str:
    """The address without what makes a presigned URL a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _cause(error: BaseException) -> str:
    """What lies under urllib3's wrapping, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{error}" or type(error).__name__


def _detail(answer: urllib3.BaseHTTPResponse) -> str:
    """What an error answer says: Weighthouse by `detail`, API Gateway by `message`, others by the status alone."""
    try:
        said = json.loads(answer.data)
        return str(said.get("detail") or said["message"])
    except (ValueError, KeyError, AttributeError):
        return f"The service answered {answer.status} {answer.reason or ''}".rstrip()


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float:
    try:
        seconds = urllib3.Retry().parse_retry_after(answer.headers.get("Retry-After", "0"))
    except InvalidHeader:
        return 0.0
    return min(seconds, _LONGEST_RETRY_AFTER)


def _refusal(answer: urllib3.BaseHTTPResponse, url: str) -> StoreRefused | Transient:
    """What a store's error answer means.

    S3 says RequestTimeout with 400: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    try:
        found = re.search(rb"<Code>([A-Za-z]{1,64})</Code>", answer.data[:4096])
    except (HTTPError, OSError):
        found = None
    code = found[1].decode() if found else answer.reason or ""
    refused = StoreRefused(
        f"The store at {_host(url)} answered {answer.status} {code}".rstrip(), answer.status
    )
    if answer.status in _PASSING or code == "RequestTimeout":
        return Transient(refused, _retry_after(answer))
    return refused


def _wrong_bytes(
    answer: urllib3.BaseHTTPResponse, url: str, start: int, stop: int, size: int
) -> StoreRefused | Transient | None:
    """Why a body is not the range that was asked for, by what the answer says of it; None when it is.

    A range comes with Content-Range: https://www.rfc-editor.org/rfc/rfc9110#section-14.4. An answer with the whole
    object does for a range that begins with its first byte.
    """
    length = answer.headers.get("Content-Length", "")
    if answer.status == 206:
        said = answer.headers.get("Content-Range", "a range that it does not name")
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", said)
        whole = int(found[1]) if found else size
        agrees = said == f"bytes {start}-{stop - 1}/{size}" and length in ("", f"{stop - start}")
    else:
        said = f"all {length} bytes"
        whole = int(length) if length.isdecimal() else size
        agrees = start == 0 and length == f"{size}"
    if whole != size:
        return StoreRefused(f"The object at {_host(url)} has {whole:,} bytes and not {size:,}", 416)
    if agrees:
        return None
    cause = InvalidAnswer(
        f"{_host(url)} was asked for bytes {start}-{stop - 1} of {size}, and answered with {said}"
    )
    return Transient(cause, within=_DOUBTFUL)
