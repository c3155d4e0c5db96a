"""The flags that say something of a version: one for each field of the metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from weighthouse.errors import InvalidInput
from weighthouse.metadata import FIELDS, parsed, parsed_item, read_json

F = TypeVar("F", bound=Callable[..., Any])

# Those that are not written as --field VALUE.
_FLAGS = {
    "tags": "--tag",
    "dependencies": "--dependency",
    "custom_metadata": "--metadata",
    "is_active": "--active/--inactive",
    "is_production_ready": "--production-ready/--not-production-ready",
}
_METAVARS = {
    "text": "TEXT",
    "whole": "COUNT",
    "number": "NUMBER",
    "texts": "TEXT",
    "shape": "N,N,…",
    "object": "KEY=VALUE",
}


_JSON = "custom_metadata_json"
"""What the command gets of the second flag for `custom_metadata`."""


class FieldOption(click.Option):
    """A flag that sets a field."""


def field_options(command: F) -> F:
    """Adds the flags; the command gets each as a keyword argument of the field's name."""
    for name in reversed(FIELDS):
        if name == "custom_metadata":
            command = _json_option(command)
        command = _option(name)(command)
    return command


def _json_option(command: F) -> F:
    text = "The same, with JSON as the value; can be repeated."
    return click.option(
        "--metadata-json", _JSON, cls=FieldOption, metavar="KEY=JSON", multiple=True, help=text
    )(command)


def _option(name: str) -> Callable[[F], F]:
    field = FIELDS[name]
    flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
    several = field.kind in ("texts", "object")
    text = f"{field.help[0].upper()}{field.help[1:]}{'; can be repeated' if several else ''}."
    if field.kind == "truth":
        return click.option(flag, name, cls=FieldOption, default=None, help=text)
    if field.kind == "choice":
        kind = click.Choice(field.choices)
        return click.option(
            flag,
            name,
            cls=FieldOption,
            type=kind,
            metavar="NAME",
            help=f"{text} One of {', '.join(field.choices)}.",
        )
    return click.option(
        flag, name, cls=FieldOption, metavar=_METAVARS[field.kind], multiple=several, help=text
    )


def given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that flags set; raises `InvalidInput` for a value that can't be one."""
    fields = {name: value for name, value in flags.items() if name != _JSON and value not in (None, ())}
    found = {name: _value(name, value) for name, value in fields.items()}
    if items := flags.get(_JSON):
        found["custom_metadata"] = {**found.get("custom_metadata", {}), **dict(map(_json_pair, items))}
    return found


def _value(name: str, value: Any) -> Any:
    kind = FIELDS[name].kind
    if kind == "texts":
        return list(value)
    if kind == "object":
        return dict(map(_pair, value))
    return value if kind == "truth" else parsed(name, value)


def _pair(text: str) -> tuple[str, Any]:
    key, value = _split(text, "--metadata", "VALUE")
    return key, parsed_item(value)


def _json_pair(text: str) -> tuple[str, Any]:
    key, value = _split(text, "--metadata-json", "JSON")
    try:
        return key, read_json(value)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"--metadata-json {key} is {value!r}; it must be JSON, such as 3e-5 or '[1, 2]': {error}"
        ) from None


def _split(text: str, flag: str, what: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidInput(f"{flag} is {text!r}; it must be KEY={what}")
    return key, value
