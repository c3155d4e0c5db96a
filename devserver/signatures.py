"""Checks the signatures of requests to AWS (SigV4), in a header or in a presigned URL.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SKEW = timedelta(minutes=15)
"""How far the signer's clock may be from ours."""
_LONGEST = 7 * 86_400
"""Seconds that a presigned URL may be valid."""
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<names>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class NotSigned(Exception):
    """A request has no signature that holds; the message says why."""


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key: the id that a request names, and the secret that it is signed with."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What a signature covers: path and query as they were sent, headers by their names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature; nothing of it is true until `check` has passed."""

    request: Request
    id: str
    date: str
    region: str
    service: str
    moment: str
    names: str
    signature: str
    seconds: int | None
    """How long a presigned URL is valid; None for a signature in a header."""

    @property
    def payload(self) -> str | None:
        """What the signature says of the body; None where it covers the SHA-256 of a body that must be read for it.

        A hash in a header is not compared with the body: who could change one on this machine could read the keys.
        """
        if self.seconds is not None:
            return _UNSIGNED
        return self.request.headers.get("x-amz-content-sha256")

    def check(self, keys: Keys, now: datetime, payload: str) -> None:
        """Raises `NotSigned` unless these keys signed the request, and for this time."""
        if self.id != keys.id:
            raise NotSigned("it is signed with keys that are not known here")
        self._check_time(now)
        self._check_names()
        canonical = "\n".join((*self._signed_parts(), payload))
        scope = f"{self.date}/{self.region}/{self.service}/aws4_request"
        digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
        text = f"{_ALGORITHM}\n{self.moment}\n{scope}\n{digest}"
        expected = hmac.digest(_key(keys.secret, scope), text.encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), self.signature.encode()):
            raise NotSigned("its signature is of another request, or of other keys")

    def _check_time(self, now: datetime) -> None:
        try:
            signed = datetime.strptime(self.moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise NotSigned("it does not say when it was signed") from None
        ends = signed + (_SKEW if self.seconds is None else timedelta(seconds=self.seconds))
        if not signed - _SKEW <= now <= ends:
            raise NotSigned("its signature has expired, or begins later")

    def _check_names(self) -> None:
        # Headers of AWS's own change what a request does: one that is added to a presigned URL makes a copy of it.
        names = self.names.split(";")
        missing = [name for name in self.request.headers if name.startswith("x-amz-") and name not in names]
        if missing:
            raise NotSigned(f"its signature does not cover {', '.join(sorted(missing))}")

    def _signed_parts(self) -> tuple[str, ...]:
        request = self.request
        left_out = None if self.seconds is None else b"X-Amz-Signature"
        lines = (
            f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in self.names.split(";")
        )
        # Services but S3 sign a path that is encoded once more; theirs is "/" here.
        return (
            request.method,
            request.path,
            _canonical_query(request.query, left_out),
            "".join(lines),
            self.names,
        )


def claim(request: Request) -> Claim:
    """The claim of a request; `NotSigned` when it makes none, two, or one that can't be read."""
    query = {name.decode("latin-1"): value.decode("latin-1") for name, value in _pairs(request.query)}
    header = request.headers.get("authorization")
    if header is None and "X-Amz-Signature" not in query:
        raise NotSigned("it has no signature")
    if header is None:
        return _presigned(request, query)
    parts = _AUTHORIZATION.fullmatch(header)
    if parts is None or "X-Amz-Signature" in query:
        raise NotSigned("its signature cannot be read")
    moment = request.headers.get("x-amz-date", "")
    scope = _scope(parts["credential"])
    return Claim(request, *scope, moment, parts["names"], parts["signature"], None)


def _presigned(request: Request, query: Mapping[str, str]) -> Claim:
    seconds = query.get("X-Amz-Expires", "")
    if not re.fullmatch("[0-9]{1,6}", seconds) or int(seconds) > _LONGEST:
        raise NotSigned("it does not say for how long it is valid")
    # Python's own parsers read a plus as a space, AWS does not: what was signed must be what is done.
    if "+" in request.query:
        raise NotSigned("its signature cannot be read")
    scope = _scope(query.get("X-Amz-Credential", ""))
    moment, names = query.get("X-Amz-Date", ""), query.get("X-Amz-SignedHeaders", "")
    return Claim(request, *scope, moment, names, query["X-Amz-Signature"], int(seconds))


def _scope(credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts):
        raise NotSigned("its signature cannot be read")
    return parts[0], parts[1], parts[2], parts[3]


def _pairs(query: str) -> list[tuple[bytes, bytes]]:
    pairs = (pair.partition("=")[::2] for pair in query.split("&") if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, value in pairs]


def _canonical_query(query: str, left_out: bytes | None) -> str:
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in _pairs(query) if name != left_out)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded(text: bytes) -> str:
    return quote(text, safe="-_.~")


@lru_cache(maxsize=32)
def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
