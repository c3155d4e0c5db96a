"""API tokens: made by a person for a machine, listed, revoked, and known again when they are used."""

import hmac
import logging
import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from msgspec import structs

from chalicelib.auth.api_tokens import new as new_token
from chalicelib.errors import Conflict, Forbidden, InvalidRequest, InvalidToken, NotFound
from chalicelib.registry import clock, next_tokens
from chalicelib.registry.access import owns
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_user_id
from chalicelib.registry.pages import Page
from chalicelib.schema.history import Actor
from chalicelib.schema.tokens import (
    NewToken,
    TokenDocument,
    TokenEntry,
    TokenHistory,
    TokenHistoryQuery,
    TokenList,
    TokenRequest,
)
from chalicelib.settings import settings
from chalicelib.store import api_tokens, history, keys, objects, table
from chalicelib.store.api_tokens import TokenRecord
from chalicelib.store.rows import Row
from chalicelib.store.table import ConditionFailed

log = logging.getLogger(__name__)

LIMIT = 100
"""Tokens that a user may have at a time."""
DAY = 86_400
DAYS = 90
"""Days for which a token is good whose maker does not say."""
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
    most = settings().token_max_days
    days = min(DAYS, most) if request.expires_in_days is None else request.expires_in_days
    if days > most:
        raise InvalidRequest(f"expires_in_days is {days}: API tokens are good for {most} days at most here")
    now = clock.now()
    _make_room(user_id, now)
    token, token_id, token_hash = new_token()
    document = TokenDocument(
        token_id=token_id,
        label=request.label,
        scopes=sorted(set(request.scopes)),
        created_at=clock.timestamp(now),
        expires_at=clock.timestamp(now + days * DAY),
    )
    expires_at = now + days * DAY
    record = TokenRecord(document=document, user_id=user_id, token_hash=token_hash, expires_at=expires_at)
    api_tokens.save(record, _noted("create", record, caller.actor))
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
    now = clock.now()
    found = [_bounded(one) for one in api_tokens.of_user(_whose(caller, user_id))]
    alive = [one.document for one in found if one.expires_at > now]
    return TokenList(tokens=sorted(alive, key=lambda document: document.created_at, reverse=True))


def history_of(caller: Caller, query: TokenHistoryQuery) -> TokenHistory:
    """A page of what was done to the caller's API tokens, the newest first; for an admin to those of any user.

    Also of tokens that were revoked or have expired. One Query.
    """
    user_id = _whose(caller, query.user_id)
    scope = next_tokens.scope_of(caller, "tokens", user_id)
    below = next_tokens.read(query.next_token, scope) if query.next_token else None
    shown: Page[TokenEntry] = Page(query.limit)
    for chunk in table.pages(history.of_tokens(user_id, now=clock.now(), below=below), size=query.limit + 1):
        if not all(shown.add(one.read(TokenEntry)) for one in chunk.rows):
            break
    last = shown.documents[-1] if shown.cut else None
    return TokenHistory(
        history=shown.documents,
        limit=query.limit,
        next_token=next_tokens.make(keys.history_sk(last.at, last.entry_id), scope) if last else None,
    )


def _whose(caller: Caller, user_id: str | None) -> str:
    own = _person(caller)
    if user_id is not None:
        check_user_id(user_id)
        if not owns(caller, user_id):
            raise Forbidden(f"user_id is {user_id!r}: only an admin sees the API tokens of others")
    return user_id or own


def _noted(action: Literal["create", "use", "revoke"], record: TokenRecord, actor: Actor) -> Row:
    document = record.document
    entry = TokenEntry(
        entry_id=uuid4().hex[:12],
        at=clock.timestamp(),
        action=action,
        token_id=document.token_id,
        label=document.label,
        scopes=document.scopes,
        expires_at=document.expires_at,
        actor=actor,
    )
    return history.token_row(record.user_id, entry, until=clock.now() + settings().history_ttl)


def _bounded(record: TokenRecord) -> TokenRecord:
    """The token with the end that it has: the operator's limit is also that of tokens from before it was set."""
    made = datetime.fromisoformat(record.document.created_at).timestamp()
    ends = int(made) + settings().token_max_days * DAY
    if record.expires_at <= ends:
        return record
    document = structs.replace(record.document, expires_at=clock.timestamp(ends))
    return structs.replace(record, document=document, expires_at=ends)


def revoke(caller: Caller, token_id: str) -> None:
    """Makes one of the caller's API tokens invalid, for an admin one of any user's; `NotFound`.

    One GetItem, one DELETE, one transaction.
    """
    _person(caller)
    # Only an id of ours can be one; anything else might be no possible key.
    record = api_tokens.find(token_id) if re.fullmatch("[0-9A-Za-z]{12}", token_id) else None
    if record is None or not owns(caller, record.user_id):
        raise NotFound(f"You have no API token {token_id[:80]!r}; it was revoked, or has expired")
    api_tokens.remove(record, _noted("revoke", record, caller.actor))
    _known.pop(token_id, None)


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was looked up, and until when that is believed (seconds of the monotonic clock)."""

    record: TokenRecord
    until: float


_known: dict[str, _Known] = {}


def caller_of(token_id: str, token_hash: str, address: str) -> Caller:
    """Whose API token this is; `InvalidToken` when it is none, was revoked, or has expired.

    One GetItem, or none for a token that was used here in the last 5 seconds; the first time in a day one
    transaction more.
    """
    record = _look_up(token_id)
    if record is None or not hmac.compare_digest(record.token_hash, token_hash):
        raise InvalidToken("The API token is not known here: it was revoked, or has expired")
    bounded = _bounded(record)
    if bounded.expires_at <= clock.now():
        raise InvalidToken(f"The API token has expired on {bounded.document.expires_at}")
    caller = Caller(record.user_id, frozenset(record.document.scopes), token_id=token_id, address=address)
    _note_use(record, caller)
    return caller


def _note_use(record: TokenRecord, caller: Caller) -> None:
    """Notes the first use of a token in a day: one transaction, which no other use waits for and none depends on."""
    now = clock.timestamp(clock.now())
    if (record.document.last_used_at or "")[:10] >= now[:10]:
        return
    document = structs.replace(record.document, last_used_at=now, last_used_from=caller.address or None)
    used = structs.replace(record, document=document)
    try:
        api_tokens.note_use(used, now[:10], _noted("use", used, caller.actor))
    except ConditionFailed:
        # Another process has noted it, or the token was revoked just now.
        pass
    except Exception:
        log.exception("The use of an API token could not be noted")
    known = _known.get(document.token_id)
    if known is not None:
        _known[document.token_id] = _Known(used, known.until)


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
