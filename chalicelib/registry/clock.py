"""The time, in the two forms that the registry uses."""

import time
from datetime import UTC, datetime


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())


def compact(seconds: float | None = None) -> str:
    """The time in UTC to the microsecond without separators, which sorts by age and can be part of a key."""
    return _moment(seconds).strftime("%Y%m%dT%H%M%S.%fZ")


def timestamp(seconds: float | None = None) -> str:
    """RFC 3339 in UTC with microseconds, always of one length, so that it sorts by age."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(seconds: float | None) -> datetime:
    return datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
