"""The rows of the audit trail: one for each thing that was done, removed by the table's TTL."""

from msgspec import json

from chalicelib.schema.history import HistoryEntry
from chalicelib.schema.tokens import TokenEntry
from chalicelib.store import keys
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import Range


def row(user_id: str, model_id: str, entry: HistoryEntry, *, until: int) -> Row:
    """The row of an entry that is kept until then, in seconds since the epoch."""
    return _row(keys.history_pk(user_id, model_id), entry, until)


def token_row(user_id: str, entry: TokenEntry, *, until: int) -> Row:
    """The row of an entry about one of a user's API tokens, kept as long."""
    return _row(keys.token_history_pk(user_id), entry, until)


def _row(pk: str, entry: HistoryEntry | TokenEntry, until: int) -> Row:
    return Row(
        pk,
        keys.history_sk(entry.at, entry.entry_id),
        body=json.encode(entry).decode(),
        expires_at=expiry(until),
    )


def of_model(user_id: str, model_id: str, *, now: int, below: str | None) -> Range:
    """What was done to a model, the newest first, below the sort key given; TTL may be late to remove rows."""
    return _newest(keys.history_pk(user_id, model_id), now, below)


def of_tokens(user_id: str, *, now: int, below: str | None) -> Range:
    """What was done to a user's API tokens, likewise."""
    return _newest(keys.token_history_pk(user_id), now, below)


def _newest(pk: str, now: int, below: str | None) -> Range:
    return Range(pk, backwards=True, condition=Row.expires_at > expiry(now), below=below)
