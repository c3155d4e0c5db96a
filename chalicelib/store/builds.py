"""Who makes a ZIP: one run at a time, which another goes on for when it dies or its time is over."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from chalicelib.store import leases, table
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import ConditionFailed, Key

ASKED, BUILDING = "asked", "building"
KEPT = 86_400
"""Seconds after which the table's TTL removes a row that was left."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The multipart upload that an earlier run began, and what names its plan."""

    multipart_id: str
    plan: str


def key(name: str) -> Key:
    """The key of the row of the ZIP `name`."""
    return f"build#{name}", "build"


def ask(name: str, *, now: int, lease_until: int) -> bool:
    """Says that somebody is called to build the object `name`; False while another is or is at it."""
    owner = uuid4().hex
    asked = [*leases.taken(owner, lease_until), Row.state.set(ASKED), Row.expires_at.set(expiry(now + KEPT))]
    try:
        table.update(key(name), asked, leases.free(now, owner))
    except ConditionFailed:
        return False
    return True


def claim(name: str, owner: str, *, now: int, lease_until: int) -> Begun | None:
    """Takes the building, and gives what was begun of it; `ConditionFailed` while another is at it."""
    taken = [
        *leases.taken(owner, lease_until),
        Row.state.set(BUILDING),
        Row.expires_at.set(expiry(now + KEPT)),
    ]
    row = table.update(key(name), taken, leases.free(now, owner) | (Row.state == ASKED))
    return Begun(row.multipart_id, row.detail) if row.multipart_id else None


def note(name: str, owner: str, begun: Begun) -> None:
    """Notes what was begun, for another run to go on; `ConditionFailed` when another has taken over."""
    actions = [Row.multipart_id.set(begun.multipart_id), Row.detail.set(begun.plan)]
    table.update(key(name), actions, Row.owner == owner)


def is_held(name: str, *, now: int) -> bool:
    """Whether somebody builds the object `name`, or is called to. One GetItem."""
    row = table.get(*key(name))
    return row is not None and row.lease_until >= now


def leave(name: str, owner: str, *, lease_until: int) -> None:
    """Leaves the rest to a run that is called; nothing happens when another has taken over."""
    with suppress(ConditionFailed):
        table.update(key(name), [Row.state.set(ASKED), Row.lease_until.set(lease_until)], Row.owner == owner)


def release(name: str, owner: str) -> None:
    """Gives the building up, or says that it is done; nothing happens when another has taken over."""
    with suppress(ConditionFailed):
        table.delete(key(name), Row.owner == owner)


def forget(name: str) -> None:
    """Nobody needs to build it."""
    table.delete(key(name))
