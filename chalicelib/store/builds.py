"""Who makes a ZIP: one at a time, with a lease that is renewed part by part and lapses when its holder dies."""

from uuid import uuid4

from chalicelib.store import leases, table
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import ConditionFailed, Key

LEASE = 90
"""Seconds without a sign of life after which another may build."""
RENEWAL = 20
KEPT = 86_400
"""Seconds after which the table's TTL removes a row that was left."""

_renewed: dict[str, int] = {}


def _key(name: str) -> Key:
    return f"build#{name}", "build"


def claim(name: str, *, now: int) -> bool:
    """Takes the building of the object `name`; False while another is at it."""
    owner = uuid4().hex
    row = Row(*_key(name), owner=owner, lease_until=now + LEASE, expires_at=expiry(now + KEPT))
    try:
        table.put(row, leases.free(now, owner))
    except ConditionFailed:
        return False
    _renewed[name] = now
    return True


def is_held(name: str, *, now: int) -> bool:
    """Whether somebody builds the object `name`. One GetItem."""
    row = table.get(*_key(name))
    return row is not None and row.lease_until >= now


def renew(name: str, *, now: int) -> None:
    """Says that the building goes on."""
    if now - _renewed.get(name, 0) >= RENEWAL:
        _renewed[name] = now
        table.update(_key(name), [Row.lease_until.set(now + LEASE)])


def release(name: str) -> None:
    """Gives the building up, or says that it is done."""
    _renewed.pop(name, None)
    table.delete(_key(name))
