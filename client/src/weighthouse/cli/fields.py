"""The flags that say something of a version: one for each field of the metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from weighthouse.errors import InvalidInput
from weighthouse.metadata import FIELDS, parsed

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
    "object": "KEY=JSON",
}


class FieldOption(click.Option):
    """A flag that sets a field."""


def field_options(command: F) -> F:
    """Adds the flags; the command gets each as a keyword argument of the field's name."""
    for name in reversed(FIELDS):
        command = _option(name)(command)
    return command


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
    return {name: _value(name, value) for name, value in flags.items() if value not in (None, ())}


def _value(name: str, value: Any) -> Any:
    kind = FIELDS[name].kind
    if kind == "texts":
        return list(value)
    if kind == "object":
        return dict(map(_pair, value))
    return value if kind == "truth" else parsed(name, value)


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidInput(f"--metadata is {text!r}; it must be KEY=JSON")
    try:
        return key, json.loads(value)
    except ValueError:
        raise InvalidInput(
            f"--metadata {key} is {value!r}; it must be JSON, such as 3, true or '\"text\"'"
        ) from None
