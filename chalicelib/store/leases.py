"""Rows that are worked on: one owner at a time holds a row, and renews the time until which it does."""

from collections.abc import Mapping
from typing import Any

from chalicelib.store import table
from chalicelib.store.rows import Row
from chalicelib.store.table import Key


def free(now: int, *owners: str) -> Any:
    """The condition that nobody but these holds a row: it has no owner, or one who has not renewed it in time.

    Who takes a row is to be one of these: botocore sends a request again whose answer was lost, and it then
    finds what it did the first time.
    """
    return Row.owner.does_not_exist() | (Row.lease_until < now) | Row.owner.is_in(*owners)


def taken(owner: str, until: int) -> list[Any]:
    """The changes by which an owner takes a row until then, in seconds since the epoch."""
    return [Row.owner.set(owner), Row.lease_until.set(until)]


def given_back() -> list[Any]:
    """The changes by which a row has no owner any more."""
    return [Row.owner.remove(), Row.lease_until.set(0)]


def noted(progress: Mapping[str, int]) -> list[Any]:
    """The changes that note how far the work is, by the names of attributes."""
    return [getattr(Row, name).set(value) for name, value in progress.items()]


def renew(key: Key, owner: str, *, until: int, progress: Mapping[str, int]) -> None:
    """Keeps a row and notes progress in it; `ConditionFailed` when it is not this owner's any more."""
    table.update(key, [Row.lease_until.set(until), *noted(progress)], Row.owner == owner)
