"""Turns what msgspec says about a document into what its sender can use."""

import json
import math
import re
from typing import Any

import msgspec

from chalicelib.errors import InvalidRequest
from chalicelib.http.schemas import Schema, allowed, without_null

_SHOWN = 80
"""Characters of a refused value that an error repeats."""

_WHERE = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")


class _Huge(str):
    """A number as the client wrote it, too large for Python's own types."""

    __slots__ = ()


def refusal(field: str, value: Any, schema: Schema) -> InvalidRequest:
    """The error that says which field, what it holds and what it may hold."""
    return InvalidRequest(f"{field}: {shown(value)} is not allowed; it must be {allowed(schema)}")


def explain(error: msgspec.ValidationError, document: Any, schema: Schema) -> InvalidRequest:
    """The error for a document (as plain Python values) that msgspec refused, by the document's schema."""
    where = _WHERE.search(str(error))
    steps = _STEP.findall(where[1]) if where else []
    value, path = document, ""
    for name, index in steps:
        inner = _step(value, without_null(schema), name, index)
        if inner is None:
            return InvalidRequest(f"{path}: a number in it is too large")
        value, schema = inner
        path += f"[{index}]" if index else f".{name}" if path else name
    if "properties" in schema and isinstance(value, dict):
        return _explain_object(path, value, schema)
    return refusal(path or "The body", value, schema)


def shown(value: Any) -> str:
    """A value as an error repeats it: as JSON, texts in single quotes, cut to 80 characters."""
    if isinstance(value, _Huge):
        text = str(value)
    elif isinstance(value, str):
        text = repr(value[:_SHOWN])
        return text if len(value) <= _SHOWN else f"{text[:-1]}…{text[-1]}"
    else:
        text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def plain(raw: bytes) -> Any:
    """The document as plain Python values, for looking up what it says; huge numbers stay as they were written.

    Raises `ValueError` for broken JSON and `InvalidRequest` for an object that has a key twice.
    """
    return json.loads(raw, parse_int=_whole, parse_float=_real, object_pairs_hook=_object)


def whole_numbers(value: Any, schema: Schema) -> Any:
    """The value with each number that the schema wants to be an integer, and that is one, as an `int`."""
    schema = without_null(schema)
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, list) and "items" in schema:
        return [whole_numbers(item, schema["items"]) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        return {key: whole_numbers(item, fields.get(key, {})) for key, item in value.items()}
    return value


def _whole(text: str) -> int | _Huge:
    return int(text) if len(text) <= _SHOWN else _Huge(text)


def _real(text: str) -> float | _Huge:
    number = float(text)
    return number if math.isfinite(number) else _Huge(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        last = {key: at for at, (key, _) in enumerate(pairs)}
        twice = next(key for at, (key, _) in enumerate(pairs) if last[key] != at)
        raise InvalidRequest(f"{shown(twice)} is given more than once; give it once")
    return document


def _step(value: Any, schema: Schema, name: str, index: str) -> tuple[Any, Schema] | None:
    """The value and schema one step further in, or None where the schema is open."""
    if name and "properties" in schema:
        return value[name], schema["properties"][name]
    if index.isdecimal() and "items" in schema:
        return value[int(index)], schema["items"]
    return None


def _explain_object(path: str, value: dict[str, Any], schema: Schema) -> InvalidRequest:
    known = schema["properties"]
    prefix = f"{path}: " if path else ""
    for name in value:
        if name not in known:
            return unknown_field(name, list(known), prefix)
    missing = next(name for name in schema["required"] if name not in value)
    return InvalidRequest(f"{path}.{missing} is required" if path else f"{missing} is required")


def unknown_field(name: str, known: list[str], prefix: str = "", kind: str = "field") -> InvalidRequest:
    """The error for a field (or other `kind` of thing) that nobody declared."""
    own = "; put fields of your own into custom_metadata" if "custom_metadata" in known else ""
    names = f"known {kind}s are {', '.join(known)}" if known else "none is known here"
    return InvalidRequest(f"{prefix}Unknown {kind} {shown(name)}; {names}{own}")
