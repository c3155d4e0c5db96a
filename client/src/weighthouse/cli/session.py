"""What every command shares: where the service is, and whether a program or a person reads the answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weighthouse.cli.text import plain

if TYPE_CHECKING:
    from rich.console import Console

    from weighthouse.client import Client

F = TypeVar("F", bound=Callable[..., Any])

_WIDE = 10_000
"""Columns of what is not a terminal: what a program reads is not cut."""


class Session:
    """One run of the command."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.json = False

    @cached_property
    def client(self) -> Client:
        """The registry; raises `InvalidInput` for an address that can't be one."""
        from weighthouse.client import Client

        return Client(self.url)

    @cached_property
    def console(self) -> Console:
        """Where answers for people go."""
        return console(stderr=False)

    def emit(self, document: Any) -> None:
        """Writes a document, a dataclass or what JSON knows, as one line of JSON; all of it in ASCII."""
        if dataclasses.is_dataclass(document) and not isinstance(document, type):
            document = dataclasses.asdict(document)
        click.echo(json.dumps(document, default=str))

    def done(self, text: str) -> None:
        """Says in a line what was done, unless a program reads the answer."""
        from rich.text import Text

        if not self.json:
            self.console.print(Text.assemble(("✓", "green"), " ", text), soft_wrap=True)

    def note(self, text: str) -> None:
        """Says in a line on stderr what is no error and should be known, for programs as JSON."""
        line = json.dumps({"note": text}) if self.json else f"weighthouse: {plain(text)}"
        click.echo(line, err=True)


def console(*, stderr: bool) -> Console:
    """A console that takes nothing in a text for markup, emoji or something to highlight."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal:
        made.width = _WIDE
    return made


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and param.name:
        setattr(ctx.ensure_object(Session), param.name, value)


def common(command: F) -> F:
    """The options that every command takes, before and after its name."""
    options = (
        click.option(
            "--url",
            metavar="URL",
            expose_value=False,
            callback=_keep,
            help="The service's address; else WEIGHTHOUSE_URL, that of the last login, or http://localhost:8000.",
        ),
        click.option("--json", is_flag=True, expose_value=False, callback=_keep, help="Answer for programs."),
    )
    for option in reversed(options):
        command = option(command)
    return command


pass_session = click.make_pass_decorator(Session, ensure=True)
