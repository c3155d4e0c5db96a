"""What the service answers, held to what its API says: a registry may be another's, or not the one it seems.

A check takes a value and returns it, or raises `Wrong`. `read` makes the client's own error of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any, NoReturn

from weighthouse.errors import InvalidAnswer
from weighthouse.names import MODEL, USER, VERSION
from weighthouse.paths import path_problem

Check = Callable[[Any], Any]

LARGEST = 16 << 20
"""Bytes of an answer that are read: the API has none of over 5 MB."""
PARTS = 10_000
"""Parts of a file: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html."""
_SHOWN = 80
_DEEPEST = 110
"""Levels of an object of the user's own; the service takes 100."""
_SHA256 = re.compile("[0-9a-f]{64}")
_STATE = re.compile("uploading|verifying|unpacking|ready|failed|expired")
_TOKEN = re.compile("[!-~]{1,8192}")
_CRC32 = re.compile("[0-9a-f]{8}")


class Wrong(Exception):
    """A value is not what the API says it is; `place` is where it stands, from the inside out."""

    def __init__(self, value: Any, allowed: str) -> None:
        super().__init__(allowed)
        self.value, self.allowed = value, allowed
        self.place: list[str] = []


def parse(body: bytes) -> Any:
    """The JSON in an answer, None without a body; raises `ValueError`, also for NaN and for what nests too deeply."""
    try:
        return json.loads(body, parse_constant=_no_number) if body else None
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def read(answer: Any, check: Check) -> Any:
    """The answer, once it is checked; raises `InvalidAnswer` with the field, its value and what is allowed."""
    try:
        return check(answer)
    except Wrong as wrong:
        where = ".".join(reversed(wrong.place)).replace(".[", "[") or "answer"
        shown = ascii(wrong.value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise InvalidAnswer(
            f"The service's {where} is {shown}; it must be {wrong.allowed}. Is the address right, and the service one "
            "that you trust?"
        ) from None


def text(value: Any) -> str:
    """A text of any content."""
    if not isinstance(value, str):
        raise Wrong(value, "a text")
    return value


def whole(value: Any) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise Wrong(value, "a whole number")
    return value


def between(least: int, most: int) -> Check:
    """A whole number in a range."""

    def check(value: Any) -> int:
        if not least <= whole(value) <= most:
            raise Wrong(value, f"a whole number from {least:,} to {most:,}")
        return int(value)

    return check


size = between(0, 2**63 - 1)


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e308 <= value <= 1e308:
        raise Wrong(value, "a finite number")
    return value


def truth(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(value, "true or false")
    return value


def matching(pattern: re.Pattern[str], allowed: str) -> Check:
    """A text that matches a pattern as a whole."""

    def check(value: Any) -> str:
        if not pattern.fullmatch(text(value)):
            raise Wrong(value, allowed)
        return str(value)

    return check


sha256 = matching(_SHA256, "64 lower-case hex digits")
crc32 = matching(_CRC32, "8 lower-case hex digits")
token = matching(_TOKEN, "a token of printable ASCII")
user_id = matching(USER, "the name of a user")
model_id = matching(MODEL, "the name of a model")
version = matching(VERSION, "the name of a version")


def moment(value: Any) -> str:
    """A time as RFC 3339 has it."""
    try:
        # Python 3.10 does not read the Z. The year 1 has no time zone west of Greenwich.
        if 1970 <= datetime.fromisoformat(text(value).replace("Z", "+00:00")).year < 9999:
            return str(value)
    except ValueError:
        pass
    raise Wrong(value, "a time such as 2026-01-31T12:00:00Z")


def path(value: Any) -> str:
    """A path that a file of a version may have."""
    if problem := path_problem(text(value)):
        raise Wrong(value, f"a path inside a version, and this one {problem}")
    return str(value)


def optional(check: Check) -> Check:
    """What `check` takes, or null."""
    return lambda value: None if value is None else check(value)


def listed(check: Check, most: int = 100_000, least: int = 0) -> Check:
    """A list of what `check` takes."""

    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Wrong(value, f"a list of {least:,} to {most:,} items")
        for index, item in enumerate(value):
            try:
                check(item)
            except Wrong as wrong:
                wrong.place.append(f"[{index}]")
                raise
        return value

    return check_all


def fields(**checks: Check) -> Check:
    """An object that has these fields; others, which a newer service may have, are passed over."""

    def check_each(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(value, "an object")
        for name, check in checks.items():
            try:
                check(value.get(name))
            except Wrong as wrong:
                wrong.place.append(name)
                raise
        return value

    return check_each


def anything(value: Any, depth: int = _DEEPEST) -> Any:
    """Any JSON, of finite numbers, that does not nest too deeply to be shown."""
    if depth == 0:
        raise Wrong("…", f"nested in at most {_DEEPEST} levels")
    if isinstance(value, float) and not isfinite(value):
        raise Wrong(value, "a finite number")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        anything(item, depth - 1)
    return value


def custom(value: Any) -> dict[str, Any]:
    """An object of the user's own."""
    if not isinstance(value, dict):
        raise Wrong(value, "an object")
    anything(value)
    return value


FILE = fields(
    filename=text,
    file_path=text,
    file_size=size,
    file_type=text,
    file_hash=optional(sha256),
    hash_verified=truth,
    content_type=text,
    is_primary=truth,
    description=optional(text),
    crc32=optional(crc32),
    url=optional(text),
)
VERSION_DOCUMENT = fields(
    user_id=user_id,
    model_id=model_id,
    version=version,
    name=text,
    description=optional(text),
    framework=text,
    model_type=text,
    algorithm=optional(text),
    files=listed(FILE, 1000),
    files_total=size,
    primary_file_path=optional(text),
    input_shape=optional(listed(whole)),
    output_shape=optional(listed(whole)),
    num_parameters=optional(whole),
    model_size_mb=number,
    training_dataset=optional(text),
    training_accuracy=optional(number),
    validation_accuracy=optional(number),
    test_accuracy=optional(number),
    training_loss=optional(number),
    python_version=optional(text),
    dependencies=listed(text),
    hardware_requirements=optional(text),
    tags=listed(text),
    custom_metadata=custom,
    created_at=moment,
    updated_at=moment,
    is_active=truth,
    is_production_ready=truth,
)
PAGES = {
    "models": fields(models=listed(fields(), 1000), next_token=optional(token)),
    "files": fields(files=listed(fields()), files_total=optional(size), next_token=optional(token)),
}
"""The pages of a list, before what they list is read."""
ONE_VERSION = fields(models=listed(VERSION_DOCUMENT, most=1, least=1))
PULLED_FILE = fields(filename=text, file_size=size, file_hash=optional(sha256), crc32=optional(crc32))
PAGE_OF_URLS = fields(files=listed(fields(filename=text, url=text)))

_PART = fields(part_number=between(1, PARTS), size=size, url=optional(text))
UPLOAD = fields(
    part_size=between(1, 2**63 - 1),
    files=listed(
        fields(
            filename=path,
            file_size=size,
            already_stored=truth,
            bundle_offset=optional(size),
            parts=listed(_PART, PARTS),
        )
    ),
    bundle=optional(fields(size=size, parts=listed(_PART, PARTS))),
)
"""A plan, URLs of parts, or a page of the parts that have arrived."""
PLAN = fields(files=listed(fields()), files_total=size)
"""What a plan has besides."""
STATE = fields(
    state=matching(_STATE, "a state of an upload"),
    detail=optional(text),
    bytes_done=size,
)
PUBLISHED = fields(user_id=user_id, model_id=model_id, version=version)
"""What the state of an upload has besides, once it is ready."""
DELETED = fields(versions=listed(version))
HEALTH = fields(service=text, detail=optional(text))
