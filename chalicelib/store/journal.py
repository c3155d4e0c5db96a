"""The journal: unfinished work, by the time from which the sweep may look at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import time
from uuid import uuid4

from msgspec import Struct, json

from chalicelib.store import keys, table
from chalicelib.store.rows import Row
from chalicelib.store.table import Key, Range

PATIENCE = 120
"""Seconds that work within a request is left alone: API Gateway ends a request after 29."""


ROW = 300_000
"""Bytes of keys that a row of the journal notes at most: DynamoDB takes 400 KB
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Work on a version that was begun: its kind, the version, and the rows of the index that it touches.

    `rows` are those of the journal that note it: several, where one can't hold all that is touched.
    """

    rows: list[Key]
    kind: str
    name: str
    version: tuple[str, str, str] | None
    keys: list[Key]


def deletion_key(upload_id: str, due_at: int) -> Key:
    """The key of the deletion of the version that this upload brought."""
    return keys.JOURNAL_PK, keys.journal_sk(due_at, "delete", upload_id)


def deletion_row(version: tuple[str, str, str], upload_id: str, due_at: int) -> Row:
    """The row of the deletion of the version that this upload brought."""
    return Row(*deletion_key(upload_id, due_at), body=json.encode(_packed(version, [])).decode())


def open_entry(kind: str, version: tuple[str, str, str], touched: list[Key]) -> Entry:
    """Notes that work on a version begins, to be looked at in two minutes; one PutItem for 300 KB of words and tags.

    Each of the rows is an entry of its own for the sweep: it says by itself which rows of the index to put right.
    """
    name, due_at = uuid4().hex, int(time()) + PATIENCE
    rows = []
    for number, piece in enumerate(_pieces(touched)):
        sk = keys.journal_sk(due_at, kind, f"{name}-{number}")
        rows.append(Row(keys.JOURNAL_PK, sk, body=json.encode(_packed(version, piece)).decode()))
    for row in rows:
        table.put(row)
    return Entry([(row.pk, row.sk) for row in rows], kind, name, version, touched)


def _pieces(touched: list[Key]) -> Iterator[list[Key]]:
    """The keys in lists of which each fits in a row: a key holds more than what is written of it."""
    piece: list[Key] = []
    room = ROW
    for key in touched:
        size = len(json.encode(key))
        if piece and size > room:
            yield piece
            piece, room = [], ROW
        piece.append(key)
        room -= size
    yield piece


class Touched(Struct):
    """A version, its created key, and the words and tags whose rows are touched.

    Thousands of whole keys would be more than a row can hold; they differ in the word or tag alone.
    """

    version: tuple[str, str, str]
    created: str
    words: list[str]
    tags: list[str]


def _packed(version: tuple[str, str, str], touched: list[Key]) -> Touched:
    words_pk, tag_pk = keys.words_pk(version[0]), keys.tag_pk(version[0], "")
    words = [sk.partition("#") for pk, sk in touched if pk == words_pk]
    tags = [(pk.removeprefix(tag_pk), sk) for pk, sk in touched if pk != words_pk]
    created = {created for _, _, created in words} | {created for _, created in tags}
    return Touched(version, next(iter(created), ""), [word for word, _, _ in words], [tag for tag, _ in tags])


def _unpacked(entry: Touched) -> list[Key]:
    user_id = entry.version[0]
    words = [(keys.words_pk(user_id), keys.word_sk(word, entry.created)) for word in entry.words]
    return words + [(keys.tag_pk(user_id, tag), entry.created) for tag in entry.tags]


def _entry(row: Row) -> Entry:
    _, kind, name = row.sk.split("#", 2)
    touched = row.read(Touched) if row.body else None
    version, index = (touched.version, _unpacked(touched)) if touched else (None, [])
    return Entry([(row.pk, row.sk)], kind, name, version, index)


def close(entry: Entry) -> None:
    """Notes that work has ended."""
    for key in entry.rows:
        table.delete(key)


def due(now: int) -> Iterator[Entry]:
    """What is due by `now` (seconds since the epoch), the oldest first. One Query a megabyte."""
    for row in table.rows(Range(keys.JOURNAL_PK, at_most=keys.journal_sk(now, "~", ""))):
        yield _entry(row)
