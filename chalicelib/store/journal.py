"""The journal: unfinished work, by the time from which the sweep may look at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import time
from uuid import uuid4

from msgspec import json

from chalicelib.store import keys, table
from chalicelib.store.table import Key, Range, Row

PATIENCE = 120
"""Seconds that work within a request is left alone: API Gateway ends a request after 29."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Work on a version that was begun: its kind, the version, and the rows that it touches."""

    key: Key
    kind: str
    name: str
    version: tuple[str, str, str] | None
    keys: list[Key]


def entry_row(kind: str, version: tuple[str, str, str], touched: list[Key]) -> Row:
    """The row of new work on a version, due in two minutes."""
    sk = keys.journal_sk(int(time()) + PATIENCE, kind, uuid4().hex)
    return Row(keys.JOURNAL_PK, sk, body=json.encode([version, touched]).decode())


def open_entry(kind: str, version: tuple[str, str, str], touched: list[Key]) -> Entry:
    """Notes that work on a version begins."""
    row = entry_row(kind, version, touched)
    table.put(row)
    return _entry(row)


def _entry(row: Row) -> Entry:
    _, kind, name = row.sk.split("#", 2)
    version, touched = row.read(tuple[tuple[str, str, str], list[Key]]) if row.body else (None, [])
    return Entry((row.pk, row.sk), kind, name, version, touched)


def close(entry: Entry) -> None:
    """Notes that work has ended."""
    table.delete(entry.key)


def due(now: int) -> Iterator[Entry]:
    """What is due by `now` (seconds since the epoch), the oldest first. One Query a megabyte."""
    for row in table.rows(Range(keys.JOURNAL_PK, at_most=keys.journal_sk(now, "~", ""))):
        yield _entry(row)
