"""What a forked process must not share with the one that it comes from: connections, and locks held by its threads."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that a fork copies, and that can't be used as it was copied."""

    def begin_anew(self) -> None:
        """Replaces what the other process holds; no other thread runs meanwhile."""


_living: WeakSet[Forked] = WeakSet()


def begin_anew_in_children(thing: Forked) -> None:
    """Has `thing` begin anew in each process that is forked from this one, for as long as it lives."""
    _living.add(thing)


def _begin_anew() -> None:
    for thing in list(_living):
        thing.begin_anew()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
