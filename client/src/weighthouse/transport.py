"""HTTP to the service and to its store: kept connections, timeouts, and which failures may pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urlencode, urljoin

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, SSLError

from weighthouse._version import __version__
from weighthouse.addresses import check_service, check_token, origin, store_problem
from weighthouse.answers import LARGEST, PAGES, parse, read
from weighthouse.connections import BLOCK, Connections
from weighthouse.errors import (
    InvalidAnswer,
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
_PROXY_REFUSES = "Tunnel connection failed: 407"
"""What urllib3 says of a proxy that wants to know who asks."""
_NAME_IT = "name the proxy as http://user:password@host:port, in HTTPS_PROXY or HTTP_PROXY"
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_RETRY_AFTER = 60.0
_LONGEST_DETAIL = 2000
"""Characters of an error that are passed on."""
_SHOWN = 80
"""Characters of a URL that an error repeats: not those that make a presigned one a secret."""
_REFUSAL = 4096
"""Bytes of what a store says in an error."""


class Content(Protocol):
    """What a part is read from while it is sent."""

    def read(self, count: int, /) -> bytes:
        """The next bytes, at most `count`; none at the end."""


class Transport:
    """Requests to one service as one caller, and to the store that its presigned URLs name; thread-safe."""

    def __init__(self, url: str, token: str | None, withheld: str | None = None) -> None:
        """`withheld` says why a token that there is is not sent, for the one who is refused without it.

        Raises `InvalidInput` when `url` is not one of http or https, or `token` could be read on its way there.
        """
        check_service(url)
        if token:
            check_token(token, url)
        self.url = url.rstrip("/")
        self._headers = {"User-Agent": f"weighthouse/{__version__}", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connections = Connections()
        # What is in the clear on this machine must not leave it by a proxy.
        self._direct = origin(url) if token and url.startswith("http:") else None
        self._withheld = withheld
        self._reached = False

    def close(self) -> None:
        """Closes the connections that are not in use."""
        self._connections.close()

    def _send(self, method: str, url: str, **request: Any) -> urllib3.BaseHTTPResponse:
        """An answer, whatever its status, of which the body is yet to be read; raises `Transient` when none comes."""
        try:
            answer = self._connections.to(url, direct=origin(url) == self._direct).request(
                method, url, redirect=False, preload_content=False, **request
            )
        except SSLError as error:
            raise Unreachable(f"{origin(url)} can't be trusted: {error}") from error
        except (HTTPError, OSError) as error:
            within = BUDGET if self._reached else _DOUBTFUL
            cause = Unreachable(f"{origin(url)} can't be reached: {_cause(error)}")
            if _PROXY_REFUSES in cause.detail:
                raise Unreachable(f"{cause.detail}; {_NAME_IT}") from error
            raise Transient(cause, within=within) from error
        if answer.status == 407:
            answer.close()
            raise Unreachable(f"A proxy does not let requests to {origin(url)} pass; {_NAME_IT}")
        return answer

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any], body: Any
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        """An answer that is no error, and its body."""
        named = {key: value for key, value in query.items() if value is not None}
        url = self.url + path + (f"?{urlencode(named)}" if named else "")
        headers, content = dict(self._headers), None
        if body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        answer = self._send(method, url, headers=headers, body=content, timeout=_SERVICE)
        self._reached = True
        content = _body(answer, url, LARGEST)
        if len(content) > LARGEST:
            raise InvalidAnswer(
                f"{origin(url)} answers with more than {LARGEST:,} bytes: is the address right?"
            )
        if answer.status < 400:
            return answer, content
        detail = _detail(answer, content)
        if answer.status == 401 and self._withheld:
            detail = f"{detail} ({self._withheld})"
        error = of_status(answer.status, detail, answer.headers.get("X-Request-Id"))
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
                answer, content = self._ask(method, path, query or {}, body)
            except NotFound:
                if method == "DELETE" and tries > 1:
                    return None
                raise
            if answer.status >= 300:
                raise self._elsewhere(answer)
            try:
                return parse(content)
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
            page: dict[str, Any] = read(self.ask("GET", path, query=asked, patience=patience), PAGES[of])
            token, limit = page.get("next_token"), PAGE
            listed, empty = listed + len(page[of]), 0 if page[of] else empty + 1
            total = page.get("files_total", most)
            endless = token in seen or empty > (_EMPTY if of == "models" else 0)
            if (token is not None and endless) or (total is not None and listed > total):
                raise InvalidAnswer(f"The service lists {path} without end, at {token!r}: tell its operator")
            yield page
            if token is None:
                return
            seen.add(token)

    def locate(self, path: str, *, query: Mapping[str, Any], patience: Patience | None = None) -> str:
        """The presigned URL that the service redirects to; waits for what is not ready yet (202)."""

        def attempt() -> str:
            answer, _ = self._ask("GET", path, query, None)
            if answer.status == 202:
                raise Transient(
                    Unreachable(f"{path} is still being made: try again later"), _retry_after(answer)
                )
            url = answer.headers.get("Location", "")
            if answer.status < 300:
                raise InvalidAnswer(f"The service answered {answer.status} where it should name a URL")
            self._check(url)
            return url

        return (patience or Patience()).keep_trying(attempt)

    def _elsewhere(self, answer: urllib3.BaseHTTPResponse) -> InvalidAnswer:
        """The error for a redirect. It is never followed: the token is for this address alone."""
        try:
            to = origin(urljoin(self.url, answer.headers["Location"]))
        except (KeyError, ValueError):
            to = "nowhere"
        return InvalidAnswer(
            f"{self.url} redirects to {to}; if that is right and you trust it, give that address"
        )

    def _check(self, url: str) -> None:
        """Raises `InvalidAnswer` unless this is a URL that the service may send its callers to."""
        if problem := store_problem(url, self.url):
            raise InvalidAnswer(f"The service names the URL {url[:_SHOWN]!r}; {problem}")

    def put(self, url: str, content: Content, size: int) -> None:
        """Sends a part, once; raises `Transient`, `StoreRefused`, `InvalidAnswer`, and what reading `content` does."""
        self._check(url)
        headers = {"Content-Length": str(size), "User-Agent": self._headers["User-Agent"]}
        answer = self._send("PUT", url, headers=headers, body=content, timeout=_STORE)
        said = _body(answer, url, _REFUSAL)
        if answer.status not in (200, 201, 204):
            raise _refusal(answer, said, url)

    def get(self, url: str, start: int, stop: int, size: int, etag: str | None = None) -> Received:
        """Bytes `start` to before `stop` of an object of `size` bytes, once; with `etag` only while that is its ETag.

        Raises `Transient`, also when other bytes come than were asked for, and `StoreRefused`: with status 412 when the
        object has another ETag, 416 when it has another size. Reading it raises `Transient` when it breaks off.
        """
        self._check(url)
        headers = {"Range": f"bytes={start}-{stop - 1}", "User-Agent": self._headers["User-Agent"]}
        if etag:
            headers["If-Match"] = etag
        answer = self._send("GET", url, headers=headers, timeout=_STORE)
        wrong = (
            _wrong_bytes(answer, url, start, stop, size)
            if answer.status in (200, 206)
            else _refusal(answer, _body(answer, url, _REFUSAL), url)
        )
        if wrong is not None:
            answer.close()
            raise wrong
        return Received(answer, stop - start, origin(url))


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


def _body(answer: urllib3.BaseHTTPResponse, url: str, most: int) -> bytes:
    """What an answer says, one byte more than `most` where it says more; raises `Transient` when it breaks off."""
    try:
        body = answer.read(most + 1, decode_content=False)
    except (HTTPError, OSError) as error:
        raise Transient(Unreachable(f"{origin(url)} broke off: {_cause(error)}")) from error
    if len(body) > most:
        answer.close()
    elif answer.length_remaining:
        raise Transient(Unreachable(f"{origin(url)} broke off before the end"))
    return body


def _cause(error: BaseException) -> str:
    """What lies under urllib3's wrapping, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{error}" or type(error).__name__


def _detail(answer: urllib3.BaseHTTPResponse, body: bytes) -> str:
    """What an error answer says: Weighthouse by `detail`, API Gateway by `message`, others by the status alone."""
    try:
        said = parse(body)
        return str(said.get("detail") or said["message"])[:_LONGEST_DETAIL]
    except (ValueError, KeyError, AttributeError):
        return f"The service answered {answer.status} {answer.reason or ''}".rstrip()


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float:
    try:
        seconds = urllib3.Retry().parse_retry_after(answer.headers.get("Retry-After", "0"))
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0
    return min(seconds, _LONGEST_RETRY_AFTER)


def _refusal(answer: urllib3.BaseHTTPResponse, body: bytes, url: str) -> StoreRefused | Transient:
    """What a store's error answer means.

    S3 says RequestTimeout with 400: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    found = re.search(rb"<Code>([A-Za-z]{1,64})</Code>", body)
    code = found[1].decode() if found else answer.reason or ""
    refused = StoreRefused(
        f"The store at {origin(url)} answered {answer.status} {code}".rstrip(), answer.status
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
        return StoreRefused(f"The object at {origin(url)} has {whole:,} bytes and not {size:,}", 416)
    if agrees:
        return None
    cause = InvalidAnswer(
        f"{origin(url)} was asked for bytes {start}-{stop - 1} of {size}, and answered with {said}"
    )
    return Transient(cause, within=_DOUBTFUL)
