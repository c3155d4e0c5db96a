"""For loops that check: one that never runs checks nothing."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def each(things: Iterable[T]) -> Iterator[T]:
    """Yields the things; fails when there is none."""
    none = True
    for thing in things:
        none = False
        yield thing
    assert not none, "there is nothing to check"
