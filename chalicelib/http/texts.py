"""Texts into structs: the fields of a form and the parameters of a query arrive as nothing but text."""

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from chalicelib.http.bodies import check_nesting
from chalicelib.http.refusals import explain, refusal, unknown_field
from chalicelib.http.schemas import Schema, text_schema

Fields = TypeVar("Fields", bound=msgspec.Struct)

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
# int() and float() also read underscores, other scripts' digits, "nan" and, slowly, millions of digits.
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# What a comma between two requirements is not: inside of brackets or quotes, or before another bound of a version
# (https://packaging.python.org/en/latest/specifications/dependency-specifiers/#grammar).
_MARK = re.compile(r"[\[\]()\"']|,(?!\s*[<>=!~])")
_CLOSING = {"[": "]", "(": ")", '"': '"', "'": "'"}


def parse_texts(texts: Mapping[str, str], struct: type[Fields], kind: str = "field") -> Fields:
    """The struct that texts describe; an empty text counts as not given. `kind` is what errors call one.

    Booleans are true/false, 1/0, yes/no, on/off in any case; lists are JSON arrays or separated by
    commas, objects are JSON. Raises `InvalidRequest` which names the field, what it holds and what
    it may hold.
    """
    properties = text_schema(struct)["properties"]
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in properties:
            raise unknown_field(name, list(properties), kind=kind)
        if text:
            values[name] = _value(name, text, properties[name])
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        raise explain(error, values, text_schema(struct)) from None


def _value(field: str, text: str, schema: Schema) -> Any:
    kind = schema.get("type")
    value: Any = text
    if kind == "integer":
        value = _whole(text.strip())
    elif kind == "number":
        value = float(text) if _NUMBER.fullmatch(text.strip()) else None
        value = value if value is not None and math.isfinite(value) else None
    elif kind == "boolean":
        value = _BOOLEANS.get(text.strip().lower())
    elif kind == "array":
        value = _list(field, text, schema["items"])
    elif kind == "object":
        value = _json(text, dict)
        check_nesting(field, value)
    if value is None:
        raise refusal(field, text, schema)
    return value


def _whole(text: str) -> int | None:
    """The integer that a text is, also as `3.0` or `2e6`; None for another number and for what is none."""
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return int(number) if number.is_integer() else None


def _list(field: str, text: str, items: Schema) -> Any:
    if text.lstrip().startswith("["):
        return _json(text, list)
    pieces = split_requirements(text) if field == "dependencies" else text.split(",")
    entries = [entry.strip() for entry in pieces]
    return [_value(f"{field}[{at}]", entry, items) for at, entry in enumerate(filter(None, entries))]


def split_requirements(text: str) -> list[str]:
    """The requirements in a text that separates them by commas, which they may hold themselves.

    >>> split_requirements("torch>=2.0,<3,ray[tune,serve]")
    ['torch>=2.0,<3', 'ray[tune,serve]']
    """
    pieces: list[str] = []
    start, closing = 0, ""
    for mark in _MARK.finditer(text):
        char = mark[0]
        if closing:
            closing = "" if char == closing else closing
        elif char == ",":
            pieces.append(text[start : mark.start()])
            start = mark.end()
        else:
            closing = _CLOSING.get(char, "")
    return [*pieces, text[start:]]


def _json(text: str, kind: type) -> Any:
    """The JSON in `text`, or None if it is none or not of this kind."""
    try:
        value = msgspec.json.decode(text.encode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, kind) else None
