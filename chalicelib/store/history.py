"""The rows of the audit trail: one for each thing that was done, removed by the table's TTL."""

from msgspec import json

from chalicelib.schema.history import HistoryEntry
from chalicelib.store import keys
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import Range


def row(user_id: str, model_id: str, entry: HistoryEntry, *, until: int) -> Row:
    """The row of an entry that is kept until then, in seconds since the epoch."""
    return Row(
        keys.history_pk(user_id, model_id),
        keys.history_sk(entry.at, entry.entry_id),
        body=json.encode(entry).decode(),
        expires_at=expiry(until),
    )


def of_model(user_id: str, model_id: str, *, now: int, below: str | None) -> Range:
    """What was done to a model, the newest first, below the sort key given; TTL may be late to remove rows."""
    return Range(
        keys.history_pk(user_id, model_id),
        backwards=True,
        condition=Row.expires_at > expiry(now),
        below=below,
    )
