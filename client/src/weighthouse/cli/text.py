"""How things are written for people: sizes, times, counts, and names that can do no harm to a terminal."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


def plain(text: str) -> str:
    r"""The text with everything that is not printable escaped: `\x1b` and the like can't reach a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def size(count: float) -> str:
    """Bytes to three digits, in units of 1,000."""
    if count < 999.5:
        return f"{count:.0f} B"
    power = 1
    while count >= 999.5 * 1000**power and power < len(_UNITS):
        power += 1
    count /= 1000**power
    digits = 2 if count < 9.995 else 1 if count < 99.95 else 0
    return f"{count:,.{digits}f} {_UNITS[power - 1]}"


def duration(seconds: float) -> str:
    """Seconds as `0.42 s`, `4.2 s`, `12 s`, `3:05` or `1:02:03`; whole ones without a fraction."""
    if seconds < 0.995 and isinstance(seconds, float):
        return f"{seconds:.2f} s"
    if seconds < 9.95 and isinstance(seconds, float):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def count(number: int, noun: str) -> str:
    """`1 file`, `2,001 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def moment(rfc3339: str) -> str:
    """A time of the service in the time zone of the machine, to the minute, with the zone's offset.

    The offset is that of the time itself: summer and winter stand side by side in a list.
    """
    # Python 3.10 does not read the Z.
    local = datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).astimezone()
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:5]}"


def value(field: str, content: Any) -> str:
    """The value of a field: items side by side, shapes with ×, objects as JSON, a dash for nothing."""
    if content in (None, [], {}):
        return "–"
    if isinstance(content, dict):
        return plain(json.dumps(content, ensure_ascii=False))
    if isinstance(content, list):
        return (" × " if field.endswith("shape") else ", ").join(plain(str(item)) for item in content)
    if isinstance(content, bool):
        return "yes" if content else "no"
    return f"{content:,}" if isinstance(content, int) else plain(str(content))
