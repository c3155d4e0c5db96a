"""API tokens: a row to find each by when it is used, one among its user's, and a copy in the bucket for `rebuild`.

The tokens themselves are kept nowhere, only their hashes.
"""

from collections.abc import Iterator

from msgspec import Struct, json

from chalicelib.schema.tokens import TokenDocument
from chalicelib.store import keys, objects, table
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import Changes, Key, Range


class TokenRecord(Struct, kw_only=True):
    """An API token as it is kept."""

    document: TokenDocument
    user_id: str
    token_hash: str
    """SHA-256 of the token, in hex."""
    expires_at: int
    """Seconds since the epoch."""

    @property
    def object_key(self) -> str:
        """Where its copy lies in the bucket; the name says when it may go."""
        return keys.token_key(self.user_id, self.document.token_id, self.expires_at)


def _keys(record: TokenRecord) -> tuple[Key, Key]:
    token_id = record.document.token_id
    return (keys.token_pk(token_id), keys.TOKEN_SK), (keys.tokens_pk(record.user_id), token_id)


def rows(record: TokenRecord) -> list[Row]:
    """The two rows of a token."""
    body, until = json.encode(record).decode(), expiry(record.expires_at)
    return [Row(*key, body=body, expires_at=until) for key in _keys(record)]


def find(token_id: str) -> TokenRecord | None:
    """A token by its id. One GetItem."""
    row = table.get(keys.token_pk(token_id), keys.TOKEN_SK)
    return row.read(TokenRecord) if row else None


def of_user(user_id: str) -> list[TokenRecord]:
    """All tokens of a user, also those that have expired and that TTL has not removed yet. One Query."""
    return [row.read(TokenRecord) for row in table.rows(Range(keys.tokens_pk(user_id)))]


def save(record: TokenRecord, noted: Row) -> None:
    """Keeps a new token: in the bucket first, so that `rebuild` forgets none that was handed out."""
    objects.put(record.object_key, json.encode(record), content_type="application/json")
    table.transact(Changes(puts=[*((row, None) for row in rows(record)), (noted, None)]))


def remove(record: TokenRecord, noted: Row) -> None:
    """Removes a token: from the bucket first, so that `rebuild` brings none back that was revoked."""
    objects.delete([record.object_key])
    table.transact(Changes(puts=[(noted, None)], deletes=[(key, None) for key in _keys(record)]))


def note_use(record: TokenRecord, day: str, noted: Row) -> None:
    """Keeps what the record says of the token's use on this day, in one transaction.

    Raises `ConditionFailed` when the day is noted already, or the token is gone.
    """
    first = Row.detail.does_not_exist() | (Row.detail < day)
    told = [Row.body.set(json.encode(record).decode()), Row.detail.set(day)]
    updates = [(key, told, Row.pk.exists() & first) for key in _keys(record)]
    table.transact(Changes(puts=[(noted, None)], updates=updates))


def copies(user_id: str | None = None) -> Iterator[tuple[str, int]]:
    """The bucket's copies of a user's tokens, or of all, and when each expires."""
    prefix = keys.TOKENS if user_id is None else keys.tokens_prefix(user_id)
    for key in objects.list_keys(prefix):
        if (expires_at := keys.token_expiry(key)) is not None:
            yield key, expires_at


def read_copy(key: str) -> TokenRecord:
    """A token as the bucket has it; `ObjectMissing`."""
    return json.decode(objects.get(key), type=TokenRecord)
