"""API tokens: made by a person for a machine, listed, revoked, and known again when they are used."""

import hmac
import re
import time
from dataclasses import dataclass

from chalicelib.auth.api_tokens import new as new_token
from chalicelib.errors import Conflict, Forbidden, InvalidToken, NotFound
from chalicelib.registry import clock
from chalicelib.registry.access import owns
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_user_id
from chalicelib.schema.tokens import NewToken, TokenDocument, TokenList, TokenRequest
from chalicelib.settings import settings
from chalicelib.store import api_tokens, objects
from chalicelib.store.api_tokens import TokenRecord

LIMIT = 100
"""Tokens that a user may have at a time."""
DAY = 86_400
REMEMBERED = 5.0
"""Seconds for which a process knows a token that was used: so late at most it hears of a revocation elsewhere."""
REMEMBERED_TOKENS = 1_000


def create(caller: Caller, request: TokenRequest) -> NewToken:
    """Makes an API token for the caller, shown this once.

    Raises `Forbidden` for scopes that the caller has not, `Conflict` when they have 100 tokens. One ListObjectsV2,
    one PUT, one transaction.
    """
    user_id = _person(caller)
    for scope in request.scopes:
        if not caller.may(scope):
            raise Forbidden(f"scopes has {scope!r}, which you were not given yourself")
    now = clock.now()
    _make_room(user_id, now)
    token, token_id, token_hash = new_token()
    document = TokenDocument(
        token_id=token_id,
        label=request.label,
        scopes=sorted(set(request.scopes)),
        created_at=clock.timestamp(now),
        expires_at=clock.timestamp(now + request.expires_in_days * DAY),
    )
    expires_at = now + request.expires_in_days * DAY
    api_tokens.save(
        TokenRecord(document=document, user_id=user_id, token_hash=token_hash, expires_at=expires_at)
    )
    return NewToken(
        token=token,
        token_id=document.token_id,
        label=document.label,
        scopes=document.scopes,
        created_at=document.created_at,
        expires_at=document.expires_at,
    )


def _person(caller: Caller) -> str:
    """The user who is here in person; a token must not make or revoke tokens."""
    if settings().auth != "jwt" or caller.user_id is None:
        raise Forbidden("There are API tokens only where callers are known by JWTs (WEIGHTHOUSE_AUTH=jwt)")
    if caller.token_id is not None:
        raise Forbidden("An API token can't be used for API tokens: use a JWT")
    return caller.user_id


def _make_room(user_id: str, now: int) -> None:
    """Removes the copies of tokens that have expired, and raises `Conflict` if there are still too many."""
    copies = list(api_tokens.copies(user_id))
    expired = [key for key, expires_at in copies if expires_at <= now]
    if expired:
        objects.delete(expired)
    if len(copies) - len(expired) >= LIMIT:
        raise Conflict(f"You have {LIMIT} API tokens, and may not have more: revoke one first")


def of_user(caller: Caller, user_id: str | None) -> TokenList:
    """The caller's API tokens that have not expired, the newest first; for an admin those of any user. One Query."""
    own = _person(caller)
    if user_id is not None:
        check_user_id(user_id)
        if not owns(caller, user_id):
            raise Forbidden(f"user_id is {user_id!r}: only an admin sees the API tokens of others")
    now = clock.now()
    found = [one.document for one in api_tokens.of_user(user_id or own) if one.expires_at > now]
    return TokenList(tokens=sorted(found, key=lambda document: document.created_at, reverse=True))


def revoke(caller: Caller, token_id: str) -> None:
    """Makes one of the caller's API tokens invalid, for an admin one of any user's; `NotFound`.

    One GetItem, one DELETE, one transaction.
    """
    _person(caller)
    # Only an id of ours can be one; anything else might be no possible key.
    record = api_tokens.find(token_id) if re.fullmatch("[0-9A-Za-z]{12}", token_id) else None
    if record is None or not owns(caller, record.user_id):
        raise NotFound(f"You have no API token {token_id[:80]!r}; it was revoked, or has expired")
    api_tokens.remove(record)
    _known.pop(token_id, None)


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was looked up, and until when that is believed (seconds of the monotonic clock)."""

    record: TokenRecord
    until: float


_known: dict[str, _Known] = {}


def caller_of(token_id: str, token_hash: str, address: str) -> Caller:
    """Whose API token this is; `InvalidToken` when it is none, was revoked, or has expired.

    One GetItem, or none for a token that was used here in the last 5 seconds.
    """
    record = _look_up(token_id)
    if record is None or not hmac.compare_digest(record.token_hash, token_hash):
        raise InvalidToken("The API token is not known here: it was revoked, or has expired")
    if record.expires_at <= clock.now():
        raise InvalidToken(f"The API token has expired on {record.document.expires_at}")
    return Caller(record.user_id, frozenset(record.document.scopes), token_id=token_id, address=address)


def _look_up(token_id: str) -> TokenRecord | None:
    known = _known.get(token_id)
    if known is not None and time.monotonic() < known.until:
        return known.record
    record = api_tokens.find(token_id)
    if record is None:
        _known.pop(token_id, None)
        return None
    if len(_known) >= REMEMBERED_TOKENS:
        _known.clear()
    _known[token_id] = _Known(record, time.monotonic() + REMEMBERED)
    return record
