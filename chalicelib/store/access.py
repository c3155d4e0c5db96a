"""Who may read which model: a row for each model that is shared, and a copy in the bucket for `rebuild`.

A row is there only while its model has a version that is ready: each transaction that writes the row, or takes
a version from the readers, makes sure of that. So nobody may read a model that is made anew under an old name.
The copy names a version that was ready when it was written, and is about that version's model alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import json

from chalicelib.schema.access import AccessDocument
from chalicelib.schema.records import VersionRecord
from chalicelib.store import keys, objects, table, versions
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, Key, Range

EVERYONE = "*"
"""Stands among a row's readers for all who are authenticated; no user can be called so."""


class AccessRecord(AccessDocument, kw_only=True):
    """Who may read a model, as it is kept: with a version that it has."""

    version: str | None = None
    """None in what was kept before 0.2."""
    upload_id: str | None = None
    """The upload that brought this version: another one of its name has another."""

    def is_of(self, record: VersionRecord) -> "AccessRecord":
        """The same, known by this version."""
        fields = {name: getattr(self, name) for name in AccessDocument.__struct_fields__}
        return AccessRecord(**fields, version=record.document.version, upload_id=record.upload_id)

    @property
    def document(self) -> AccessDocument:
        """What clients see."""
        fields = {name: getattr(self, name) for name in AccessDocument.__struct_fields__}
        return AccessDocument(**fields)


@dataclass(frozen=True, slots=True)
class Kept:
    """The row of a model as it was read, or that there was none."""

    key: Key
    body: str | None

    @property
    def shared(self) -> AccessRecord | None:
        """Who may read the model; None while nobody but its owner may."""
        return None if self.body is None else json.decode(self.body, type=AccessRecord)

    @property
    def unchanged(self) -> Any:
        """The condition that the row is still as it was read."""
        return Row.pk.does_not_exist() if self.body is None else Row.body == self.body


def key(user_id: str, model_id: str) -> Key:
    """The key of a model's row."""
    return keys.access_pk(user_id), model_id


def row(shared: AccessRecord) -> Row:
    """The row of a model that is shared."""
    return Row(
        *key(shared.user_id, shared.model_id),
        body=json.encode(shared).decode(),
        readers={*shared.users, *([EVERYONE] if shared.everyone else [])},
    )


def read(user_id: str, model_id: str) -> Kept:
    """The row of a model as it is now. One GetItem."""
    found = table.get(*key(user_id, model_id))
    return Kept(key(user_id, model_id), found.body if found else None)


def find(user_id: str, model_id: str) -> AccessRecord | None:
    """Who may read a model; None while nobody but its owner may. One GetItem."""
    return read(user_id, model_id).shared


def readable(user_id: str, reader: str) -> Iterator[str]:
    """The models of a user that this reader may read. One Query a megabyte of models that are shared."""
    allowed = Row.readers.contains(reader) | Row.readers.contains(EVERYONE)
    return (model_id for _, model_id in table.keys_of(Range(keys.access_pk(user_id), condition=allowed)))


def save(kept: Kept, shared: AccessRecord | None, ready: VersionRecord, *noted: Row) -> None:
    """Says from now on who may read a model that has this version, in one transaction with the rows `noted`.

    Raises `ConditionFailed` when the row is not as it was read, or the version is gone.
    """
    changes = Changes(puts=[(one, None) for one in noted], checks=[versions.ready_check(ready)])
    if shared is None:
        changes.deletes.append((kept.key, kept.unchanged))
    else:
        changes.puts.append((row(shared), kept.unchanged))
    table.transact(changes)


def keep(user_id: str, model_id: str) -> None:
    """Makes the bucket's copy agree with the table. One GetItem, one PUT or DELETE, one GetItem."""
    name, shared = keys.access_key(user_id, model_id), find(user_id, model_id)
    while True:
        if shared is None:
            objects.delete([name])
        else:
            objects.put(name, json.encode(shared), content_type="application/json")
        # Of two who write at once, the one who comes last to the bucket need not be the last in the table.
        before, shared = shared, find(user_id, model_id)
        if shared == before:
            return


def remove_copy(user_id: str, model_id: str) -> None:
    """Removes the bucket's copy: `rebuild` must not bring back what is taken from a reader now."""
    objects.delete([keys.access_key(user_id, model_id)])


def read_copy(name: str) -> AccessRecord:
    """Who may read a model, as the bucket has it; `ObjectMissing`."""
    return json.decode(objects.get(name), type=AccessRecord)
