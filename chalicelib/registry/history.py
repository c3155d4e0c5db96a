"""The audit trail of a model: who did what to which version, when, and from where.

An entry is written in the transaction that makes its change. What a version's record says of its last change is
that entry, so that whoever completes another's change notes it as the other's.
"""

from typing import Any
from uuid import uuid4

from chalicelib.errors import NotFound
from chalicelib.registry import access, clock, next_tokens
from chalicelib.registry.callers import Caller
from chalicelib.registry.pages import Page
from chalicelib.schema.history import Action, Actor, HistoryEntry, HistoryPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import PageQuery
from chalicelib.settings import settings
from chalicelib.store import history, keys, table
from chalicelib.store.rows import Row


def entry(action: Action, actor: Actor, version: str | None, **details: Any) -> HistoryEntry:
    """An entry of what is done now; `details` are fields of it."""
    return HistoryEntry(
        entry_id=uuid4().hex[:12],
        at=clock.timestamp(),
        action=action,
        version=version,
        actor=actor,
        **details,
    )


def row(user_id: str, model_id: str, noted: HistoryEntry) -> Row:
    """The row of an entry, for the transaction that makes the change."""
    return history.row(user_id, model_id, noted, until=clock.now() + settings().history_ttl)


def rows_of(record: VersionRecord) -> list[Row]:
    """The row of a version's last change, for the transaction that makes it; none where it is not known."""
    return [row(*record.id[:2], record.last_change)] if record.last_change else []


def page(caller: Caller, user_id: str, model_id: str, query: PageQuery) -> HistoryPage:
    """A page of what was done to a model, the newest first, also of one that is deleted.

    For its owner alone, since it shows who else may read it; `NotFound` when nothing is known. One Query.
    """
    access.check_write(caller, user_id, model_id)
    scope = next_tokens.scope_of(caller, "history", user_id, model_id)
    below = next_tokens.read(query.next_token, scope) if query.next_token else None
    shown: Page[HistoryEntry] = Page(query.limit)
    rows = history.of_model(user_id, model_id, now=clock.now(), below=below)
    for chunk in table.pages(rows, size=query.limit + 1):
        if not all(shown.add(one.read(HistoryEntry)) for one in chunk.rows):
            break
    if not shown.documents and below is None:
        raise NotFound(f"Nothing is known of a model {user_id}/{model_id}")
    last = shown.documents[-1] if shown.cut else None
    return HistoryPage(
        history=shown.documents,
        limit=query.limit,
        next_token=next_tokens.make(keys.history_sk(last.at, last.entry_id), scope) if last else None,
    )
