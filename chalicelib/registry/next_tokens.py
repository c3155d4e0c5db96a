"""`next_token`: where a page ended, for the request that it was made for and no other.

A token holds a position, never a partition: which rows are read follows from the request alone, so that a
made-up token can at most begin elsewhere in what its maker may read anyway.
"""

import base64
import hashlib
import re

from chalicelib.errors import InvalidRequest

SEAL = 12


def _seal(position: bytes, scope: str) -> bytes:
    return hashlib.sha256(scope.encode() + b"\0" + position).digest()[:SEAL]


def make(position: str, scope: str) -> str:
    """A token for this position; `scope` names the route, the user and the filters."""
    data = position.encode()
    return base64.urlsafe_b64encode(_seal(data, scope) + data).decode().rstrip("=")


def read(token: str, scope: str) -> str:
    """The position in a token; `InvalidRequest` when it was damaged or made for another request."""
    try:
        position = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[SEAL:].decode()
    except ValueError:
        raise refusal() from None
    # Python's decoder skips what is not of its alphabet, so only the very token that we would make is one.
    if token != make(position, scope):
        raise refusal()
    return position


def read_created_key(token: str, scope: str) -> str:
    """The created key in a token; `InvalidRequest` as `read`."""
    return _read_key(token, scope, r"[0-9TZ:.-]{27}#[\w.-]{1,128}#[\w.-]{1,64}")


def read_history_sk(token: str, scope: str) -> str:
    """The sort key of a history's row in a token; `InvalidRequest` as `read`."""
    return _read_key(token, scope, r"[0-9TZ:.-]{27}#[0-9a-f]{12}")


def _read_key(token: str, scope: str, pattern: str) -> str:
    position = read(token, scope)
    if not re.fullmatch(pattern, position, re.ASCII):
        raise refusal()
    return position


def refusal() -> InvalidRequest:
    """What a token that can't be used is answered with."""
    return InvalidRequest(
        "next_token is not one that this request gave: repeat it with the same user and filters,"
        " or leave it out to begin at the first page"
    )
