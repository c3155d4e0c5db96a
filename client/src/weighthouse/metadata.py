"""What is said of a version: its fields, their types and limits, and how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple
from unicodedata import normalize

from weighthouse.errors import InvalidInput

FRAMEWORKS = ("pytorch", "tensorflow", "sklearn", "onnx", "keras", "huggingface", "other")
MODEL_TYPES = (
    "classification",
    "regression",
    "clustering",
    "nlp",
    "computer_vision",
    "recommendation",
    "time_series",
    "reinforcement_learning",
    "other",
)


class Field(NamedTuple):
    """One field of the metadata."""

    kind: str
    """`text`, `choice`, `whole`, `number`, `truth`, `texts`, `shape` or `object`."""
    help: str
    choices: tuple[str, ...] = ()
    longest: int = 0
    """Characters of a text, and of each of several; 0 where the kind has none."""
    most: int = 0
    """How many items a list takes."""


# The limits are those of docs/api.md, under "Limits".
FIELDS: dict[str, Field] = {
    "name": Field("text", "a title for people", longest=256),
    "description": Field("text", "what it is", longest=20_000),
    "framework": Field("choice", "the framework, else by the primary file's extension", FRAMEWORKS),
    "model_type": Field("choice", "what it does", MODEL_TYPES),
    "algorithm": Field("text", "how it does it", longest=1000),
    "input_shape": Field("shape", "the input's dimensions", most=64),
    "output_shape": Field("shape", "the output's dimensions", most=64),
    "num_parameters": Field("whole", "how many parameters it has"),
    "training_dataset": Field("text", "what it was trained on", longest=1000),
    "training_accuracy": Field("number", "on the training data"),
    "validation_accuracy": Field("number", "on the validation data"),
    "test_accuracy": Field("number", "on the test data"),
    "training_loss": Field("number", "at the end of training"),
    "python_version": Field("text", "what it was made with", longest=1000),
    "dependencies": Field("texts", "requirements, as pip takes them", longest=256, most=500),
    "hardware_requirements": Field("text", "what it needs to run", longest=1000),
    "tags": Field("texts", "short labels to find it by", longest=128, most=50),
    "custom_metadata": Field("object", "any JSON object of up to 64 KB"),
    "is_active": Field("truth", "whether it can be the latest version"),
    "is_production_ready": Field("truth", "whether it may be used in earnest"),
}


def checked(fields: Mapping[str, Any], source: str, *, clearing: bool = False) -> dict[str, Any]:
    """The metadata as the registry keeps it, when every field is known and of its type.

    `source` says where it was written.
    With `clearing`, None clears a field; else fields with None count as not given. Raises `InvalidInput` with the
    field, its value and what is allowed.
    """
    for name, value in fields.items():
        if name not in FIELDS:
            raise InvalidInput(f"{source}: there is no field {name!r}{_hint(name)}")
        if value is not None and (wrong := _wrong(FIELDS[name], value)):
            raise InvalidInput(f"{source}: {name} is {_shown(value)}; {wrong}")
    kept: dict[str, Any] = json.loads(json.dumps(dict(fields)))
    for name, value in kept.items():
        if value is not None and FIELDS[name].kind in _CLEANED:
            kept[name] = _CLEANED[FIELDS[name].kind](value)
    if kept.get("tags"):
        kept["tags"] = list(dict.fromkeys(normalize("NFC", tag) for tag in kept["tags"]))
    return {name: value for name, value in kept.items() if clearing or value is not None}


def is_almost_a_field(name: str) -> bool:
    """Whether a name is that of a field but for a slip."""
    from difflib import get_close_matches

    return bool(get_close_matches(name, FIELDS, 1, cutoff=0.75))


def _hint(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, FIELDS, 1)
    return f"; did you mean {close[0]!r}?" if close else "; fields of your own go into custom_metadata"


def _shown(value: object) -> str:
    """A value as an error repeats it: as JSON, which YAML reads as well, cut to 80 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        # It holds itself, or has keys that JSON has not.
        text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _is_whole(value: object) -> bool:
    """Whether it is a whole number, also as 7e9 or 3.0 are."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(field: Field, value: Any) -> str | None:
    """What is allowed, when `value` is not."""
    return _CHECKS[field.kind](field, value)


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "it must be text (in YAML, put quotes around it)"
    return None if len(value) <= field.longest else f"it may have {field.longest:,} characters"


def _texts(field: Field, value: Any) -> str | None:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return "it must be a list of texts"
    if len(value) > field.most:
        return f"it may have {field.most} items"
    long = [item for item in value if len(item) > field.longest]
    return f"{_shown(long[0])} has more than {field.longest} characters" if long else None


def _number(field: Field, value: Any) -> str | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return None if known else "it must be a number, and finite"


def _shape(field: Field, value: Any) -> str | None:
    if not isinstance(value, list | tuple) or not all(_is_whole(item) for item in value):
        return "it must be a list of whole numbers"
    return None if len(value) <= field.most else f"it may have {field.most} numbers"


def _object(field: Field, value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "it must be an object"
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        return f"it must be JSON: {error}"
    if endless := _endless(value):
        return f"its {endless} is no finite number, and JSON has no other: write it as text"
    return None if size <= 65_536 else f"it may have 64 KB as JSON, and has {size:,} bytes"


def _endless(value: Any, path: str = "") -> str | None:
    """The path of a number in an object that is infinite or none, if there is one."""
    if isinstance(value, float):
        return None if isfinite(value) else path
    if isinstance(value, Mapping):
        items = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    else:
        return None
    return next((found for where, item in items if (found := _endless(item, where))), None)


_CHECKS: dict[str, Callable[[Field, Any], str | None]] = {
    "text": _text,
    "choice": lambda field, value: (
        None if value in field.choices else f"it must be one of {', '.join(field.choices)}"
    ),
    "whole": lambda field, value: None if _is_whole(value) else "it must be a whole number",
    "number": _number,
    "truth": lambda field, value: None if isinstance(value, bool) else "it must be true or false",
    "texts": _texts,
    "shape": _shape,
    "object": _object,
}


_CLEANED: dict[str, Callable[[Any], Any]] = {"whole": int, "shape": lambda value: list(map(int, value))}
"""What is kept in place of a value of a kind."""


def parsed(name: str, text: str) -> Any:
    """The value of a field as it is written on a command line; nothing clears it and gives None.

    Lists are separated by commas or written as JSON; objects are JSON. Raises `InvalidInput`.
    """
    field = FIELDS.get(name)
    if field is None:
        raise InvalidInput(f"there is no field {name!r}{_hint(name)}")
    if not text:
        return None
    try:
        return _list(text, name) if field.kind == "texts" else _PARSERS[field.kind](text)
    except (ValueError, RecursionError):
        wrong = "it must be JSON" if field.kind == "object" else _wrong(field, None)
        raise InvalidInput(f"{name} is {_shown(text)}; {wrong}") from None


def parsed_item(text: str) -> Any:
    """The value of one key of `custom_metadata` as it is written on a command line.

    A number is one only where writing it again returns what was typed: `12e4567` is the beginning of a hash, and
    `1.10` a release. JSON of another kind is what it says, and anything else is a text.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    exact = not is_number or (isfinite(value) and json.dumps(value) == text)
    return value if exact else text


def read_json(text: str) -> Any:
    """The value that a JSON text holds; `ValueError` where it is none, or has a number that is not finite."""

    def number(written: str) -> float:
        value = float(written)
        if not isfinite(value):
            raise ValueError(f"{written} is no finite number; in quotes it is text")
        return value

    return json.loads(text, parse_float=number, parse_constant=number)


def _truth(text: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _number_of(text: str) -> int | float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def _whole_of(text: str) -> int:
    try:
        return int(text.replace("_", ""))
    except ValueError:
        # 7e9 and 3.0 are whole numbers as well.
        value = float(text)
        if not value.is_integer():
            raise
        return int(value)


def _list(text: str, name: str) -> Any:
    if text.startswith("["):
        return json.loads(text)
    items = split_requirements(text) if name == "dependencies" else text.split(",")
    return [item.strip() for item in items if item.strip()]


# What a comma between two requirements is not: inside of brackets or quotes, or before another bound of a version
# (https://packaging.python.org/en/latest/specifications/dependency-specifiers/#grammar).
_MARK = re.compile(r"[\[\]()\"']|,(?!\s*[<>=!~])")
_CLOSING = {"[": "]", "(": ")", '"': '"', "'": "'"}


def split_requirements(text: str) -> list[str]:
    """The requirements in a text that separates them by commas, which they may hold themselves.

    >>> split_requirements("torch>=2.0,<3,ray[tune,serve]")
    ['torch>=2.0,<3', 'ray[tune,serve]']
    """
    items: list[str] = []
    start, closing = 0, ""
    for mark in _MARK.finditer(text):
        char = mark[0]
        if closing:
            closing = "" if char == closing else closing
        elif char == ",":
            items.append(text[start : mark.start()])
            start = mark.end()
        else:
            closing = _CLOSING.get(char, "")
    return [*items, text[start:]]


def _numbers(text: str) -> list[int]:
    return [int(item) for item in re.split(r"[,x×\s]+", text.strip("[]() "))]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "choice": str,
    "whole": _whole_of,
    "number": _number_of,
    "truth": _truth,
    "shape": _numbers,
    "object": read_json,
}
