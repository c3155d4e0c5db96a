"""`next_token`: where a page ended, sealed for the request that it was made for and no other.

A token holds a position, never a partition: which rows are read follows from the request alone. It is signed, so that
only a position that was handed out comes back, and hidden, because a page of another user's models may end at one
that its reader may not know of. Both take HMAC-SHA256 alone, as a synthetic initialization vector (the scheme of
https://www.rfc-editor.org/rfc/rfc5297 with another function in AES's place): the signature of the position begins the
token and selects the key stream that hides the position. The same page so always has the same token.
"""

import base64
import hashlib
import hmac
from typing import TypeVar

from msgspec import DecodeError, Struct, json

from chalicelib.errors import InvalidRequest
from chalicelib.registry.callers import Caller
from chalicelib.store import token_key

Place = TypeVar("Place", bound=Struct)

SEAL = 16
"""Bytes of a signature."""
BLOCK = 32
"""Bytes that one HMAC hides. Positions are padded to whole blocks: a length says little then."""
MAX_CHARS = 4_096
"""Characters of a token: the longest of ours has some 2,500."""


def scope_of(caller: Caller, route: str, *of: object) -> str:
    """What a token is good for: who asks, the route, and all that says which rows are read and how."""
    return json.encode([caller.user_id, route, *of]).decode()


def make(position: str, scope: str) -> str:
    """A token for this position, a text without NULs."""
    data = position.encode()
    data = data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")
    seal = _seal(data, scope)
    return base64.urlsafe_b64encode(seal + _hidden(seal, data)).decode().rstrip("=")


def read(token: str, scope: str) -> str:
    """The position in a token; `InvalidRequest` when we did not make it, or made it for another request."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise refusal() from None
    # Python's decoder skips what is not of its alphabet, so only the very text that we would make is one.
    as_made = base64.urlsafe_b64encode(raw).decode().rstrip("=") == token
    seal, hidden = raw[:SEAL], raw[SEAL:]
    if not as_made or len(token) > MAX_CHARS or not hidden or len(hidden) % BLOCK:
        raise refusal()
    data = _hidden(seal, hidden)
    if not hmac.compare_digest(seal, _seal(data, scope)):
        raise refusal()
    return data.rstrip(b"\0").decode()


def make_place(place: Struct, scope: str) -> str:
    """A token for where a page ended, where that is more than a text."""
    return make(json.encode(place).decode(), scope)


def read_place(token: str, scope: str, type_: type[Place]) -> Place:
    """Where a page ended; `InvalidRequest` as `read`, and when another version of the service made the token."""
    try:
        return json.decode(read(token, scope), type=type_)
    except DecodeError:
        raise refusal() from None


def refusal() -> InvalidRequest:
    """What a token that can't be used is answered with."""
    return InvalidRequest(
        "next_token is not one that this request gave: repeat it with the same user and filters,"
        " or leave it out to begin at the first page"
    )


def _seal(data: bytes, scope: str) -> bytes:
    signed = b"seal" + hashlib.sha256(scope.encode()).digest() + data
    return hmac.digest(token_key.key(), signed, "sha256")[:SEAL]


def _hidden(seal: bytes, data: bytes) -> bytes:
    """The data hidden, or hidden data as it was: each byte is combined with one that the key and seal select."""
    blocks = range(-(-len(data) // BLOCK))
    stream = b"".join(
        hmac.digest(token_key.key(), b"hide" + seal + number.to_bytes(4, "big"), "sha256")
        for number in blocks
    )
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))
