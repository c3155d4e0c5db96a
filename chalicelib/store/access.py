"""Who may read which model: a row for each model that is shared, and a copy in the bucket for `rebuild`."""

from collections.abc import Iterator

from msgspec import json

from chalicelib.schema.access import AccessDocument
from chalicelib.store import keys, objects, table
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, Key, Range

EVERYONE = "*"
"""Stands among a row's readers for all who are authenticated; no user can be called so."""


def key(user_id: str, model_id: str) -> Key:
    """The key of a model's row."""
    return keys.access_pk(user_id), model_id


def row(shared: AccessDocument) -> Row:
    """The row of a model that is shared."""
    return Row(
        *key(shared.user_id, shared.model_id),
        body=json.encode(shared).decode(),
        readers={*shared.users, *([EVERYONE] if shared.everyone else [])},
    )


def find(user_id: str, model_id: str) -> AccessDocument | None:
    """Who may read a model; None while nobody but its owner may. One GetItem."""
    found = table.get(*key(user_id, model_id))
    return found.read(AccessDocument) if found else None


def readable(user_id: str, reader: str) -> Iterator[str]:
    """The models of a user that this reader may read. One Query a megabyte of models that are shared."""
    allowed = Row.readers.contains(reader) | Row.readers.contains(EVERYONE)
    return (model_id for _, model_id in table.keys_of(Range(keys.access_pk(user_id), condition=allowed)))


def save(user_id: str, model_id: str, shared: AccessDocument | None, noted: Row) -> None:
    """Says from now on who may read a model, and notes that in its history, in one transaction."""
    changes = Changes(puts=[(noted, None)])
    if shared is None:
        changes.deletes.append((key(user_id, model_id), None))
    else:
        changes.puts.append((row(shared), None))
    table.transact(changes)
    keep(user_id, model_id, shared)


def keep(user_id: str, model_id: str, shared: AccessDocument | None) -> None:
    """Makes the bucket's copy agree with the table, where `shared` is what was just written."""
    name = keys.access_key(user_id, model_id)
    while True:
        if shared is None:
            objects.delete([name])
        else:
            objects.put(name, json.encode(shared), content_type="application/json")
        # Of two who write at once, the one who comes last to the bucket need not be the last in the table.
        before, shared = shared, find(user_id, model_id)
        if shared == before:
            return


def read_copy(name: str) -> AccessDocument:
    """Who may read a model, as the bucket has it; `ObjectMissing`."""
    return json.decode(objects.get(name), type=AccessDocument)


def forget(user_id: str, model_id: str) -> None:
    """Nobody but its owner may read a model that comes to be under this name."""
    table.delete(key(user_id, model_id))
    objects.delete([keys.access_key(user_id, model_id)])
