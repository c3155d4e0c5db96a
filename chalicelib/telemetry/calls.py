"""Calls to AWS, counted and timed for the line of the request that made them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.telemetry.records import current

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

_BEGUN = "weighthouse_begun"


@lru_cache(maxsize=8)
def watch(events: "BaseEventHooks") -> None:
    """Counts all calls that are made by a botocore client, or by the clients that a session makes from now on.

    A call lasts from before its first try to the head of its answer; doing this twice is doing it once.
    """
    events.register("before-call", _begin, unique_id="weighthouse-before-call")
    events.register("after-call", _end, unique_id="weighthouse-after-call")
    events.register("after-call-error", _end, unique_id="weighthouse-after-call-error")


def _begin(model: Any, context: dict[str, Any], **_: object) -> None:
    context[_BEGUN] = model.name, time.perf_counter()


def _end(context: dict[str, Any], **_: object) -> None:
    record = current.get()
    if record is not None:
        name, begun = context[_BEGUN]
        record.called(name, time.perf_counter() - begun)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Counts what the block does as one call of this name."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        record = current.get()
        if record is not None:
            record.called(name, time.perf_counter() - begun)
