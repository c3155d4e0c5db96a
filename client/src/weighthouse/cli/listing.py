"""Lists of versions: `ls`, `search`, `versions`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weighthouse.cli.arguments import NameType, model_argument
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import moment, plain, size
from weighthouse.metadata import FRAMEWORKS, MODEL_TYPES
from weighthouse.names import Name

if TYPE_CHECKING:
    from rich.text import Text

    from weighthouse.documents import Version

F = TypeVar("F", bound=Callable[..., Any])

_ROWS = 100
"""How many versions a person is shown, unless they ask for more."""
_OTHERS = 36
"""Columns for all but the version, its time and its title."""
_SHORTEST = 12
"""Columns below which a title says nothing, and is left out."""


def _filters(command: F) -> F:
    for option in (
        click.option(
            "--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag; can be repeated."
        ),
        click.option(
            "--model-type", type=click.Choice(MODEL_TYPES), metavar="TYPE", help="Only of this type."
        ),
        click.option(
            "--framework", type=click.Choice(FRAMEWORKS), metavar="NAME", help="Only of this framework."
        ),
    ):
        command = option(command)
    return command


_limit = click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help=f"Show so many at most; {_ROWS} unless given, with --json all.",
)


class _UserOrModel(NameType):
    """A user, or what names a model."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if "/" in str(value) else value


@click.command("ls")
@click.argument("what", metavar="USER|USER/MODEL", type=_UserOrModel())
@_filters
@_limit
@common
@pass_session
def ls_command(session: Session, /, what: str | Name, limit: int | None, **filters: Any) -> None:
    """List a user's versions, or those of a model.

    Of a user the newest come first, of a model the highest.
    """
    if isinstance(what, str):
        _show(session, session.client.models(what, **filters), limit)
        return
    if any(filters.values()):
        raise click.UsageError("Filters go with a user, not with a model.", click.get_current_context())
    _show(session, session.client.versions(what.user_id, what.model_id), limit)


@click.command("search")
@click.argument("user", metavar="USER")
@click.argument("words", metavar="WORDS...", nargs=-1, required=True)
@_filters
@_limit
@common
@pass_session
def search_command(
    session: Session, /, user: str, words: tuple[str, ...], limit: int | None, **filters: Any
) -> None:
    """Search a user's versions by words.

    Every word must occur, as a word or the beginning of one, in the name, model id, description, algorithm, tags or
    training dataset. The best match comes first.
    """
    _show(session, session.client.search(user, " ".join(words), **filters), limit)


@click.command("versions")
@model_argument
@_limit
@common
@pass_session
def versions_command(session: Session, /, target: Name, limit: int | None) -> None:
    """List every version of a model.

    The highest comes first.
    """
    _show(session, session.client.versions(target.user_id, target.model_id), limit)


def _show(session: Session, found: Iterator[Version], limit: int | None) -> None:
    if session.json:
        for version in islice(found, limit):
            session.emit(version)
        return
    rows = list(islice(found, limit or _ROWS))
    if not rows:
        click.echo("Nothing found.", err=True)
        return
    _table(session, rows)
    if limit is None and next(found, None) is not None:
        click.echo(f"These are the first {_ROWS}; --limit shows more.", err=True)


def _table(session: Session, found: list[Version]) -> None:
    from rich.table import Table
    from rich.text import Text

    names = [_named(version) for version in found]
    title, times = _times([moment(version.created_at) for version in found])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("VERSION", overflow="fold")
    table.add_column("FRAMEWORK", no_wrap=True)
    table.add_column("FILES", justify="right", no_wrap=True)
    table.add_column("SIZE", justify="right", no_wrap=True)
    table.add_column(title, no_wrap=True)
    room = session.console.width - max(name.cell_len for name in names) - max(map(len, times)) - _OTHERS
    if room >= _SHORTEST:
        table.add_column("NAME", no_wrap=True, overflow="ellipsis", max_width=room)
    for version, name, time in zip(found, names, times, strict=True):
        cells = [
            Text(plain(version.framework)),
            Text(f"{version.files_total:,}"),
            Text(size(version.model_size_mb * 1_048_576)),
            Text(time),
            Text(plain(version.name)),
        ]
        table.add_row(name, *cells[: len(table.columns) - 1])
    session.console.print(table)


def _times(times: list[str]) -> tuple[str, list[str]]:
    """The title of their column, and the times; an offset that is that of all is in the title."""
    offsets = {time[-6:] for time in times}
    if len(offsets) > 1:
        return "CREATED", times
    return f"CREATED ({offsets.pop()})", [time[:-7] for time in times]


def _named(version: Version) -> Text:
    from rich.text import Text

    name = Text(plain(f"{version.user_id}/{version.model_id}:{version.version}"), "cyan")
    if version.is_production_ready:
        name.append(" ●", "green")
    if not version.is_active:
        name.append(" ○", "dim")
    return name
