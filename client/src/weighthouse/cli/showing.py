"""One version: `info`, `files`, `url`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from weighthouse.cli.arguments import version_argument
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import count, moment, plain, size, value
from weighthouse.names import Name

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

    from weighthouse.documents import File, Version

_FILES = 10
"""How many files `info` shows."""
_FACTS = (
    "framework",
    "model_type",
    "algorithm",
    "input_shape",
    "output_shape",
    "num_parameters",
    "training_dataset",
    "training_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "training_loss",
    "python_version",
    "dependencies",
    "hardware_requirements",
    "tags",
)


@click.command("info")
@version_argument
@common
@pass_session
def info_command(session: Session, /, target: Name) -> None:
    """Show what is known of a version."""
    version = session.client.get(*target)
    if session.json:
        session.emit(version)
        return
    for part in _parts(version):
        session.console.print(part)


@click.command("files")
@version_argument
@common
@pass_session
def files_command(session: Session, /, target: Name) -> None:
    """List the files of a version.

    With size, SHA-256 and path; ★ marks the primary file.
    """
    for file in session.client.files(*target):
        if session.json:
            session.emit(file)
        else:
            click.echo(f"{size(file.file_size):>8}  {file.file_hash or '?' * 64}  {_path(file)}")


@click.command("url")
@version_argument
@click.argument("file", metavar="[FILE]", required=False)
@common
@pass_session
def url_command(session: Session, /, target: Name, file: str | None) -> None:
    """Print a link to a file, or to all files as a ZIP.

    Whoever has the link can download for 15 minutes, without a token.
    """
    url = session.client.download_url(target.user_id, target.model_id, file, target.version)
    if session.json:
        session.emit({"url": url})
    else:
        click.echo(plain(url))


def _path(file: File) -> str:
    return f"{plain(file.filename)}{' ★' if file.is_primary else ''}"


def _parts(version: Version) -> Iterator[RenderableType]:
    """What is shown of a version, from top to bottom."""
    from rich.text import Text

    head = Text(plain(f"{version.user_id}/{version.model_id}:{version.version}"), style="bold cyan")
    yield head.append(f"  {plain(version.name)}", style="not bold default")
    if version.description:
        yield ""
        yield "\n".join(map(plain, version.description.splitlines()))
    yield ""
    yield _grid(_facts(version))
    if version.custom_metadata:
        yield Text("\ncustom metadata", "bold")
        custom = version.custom_metadata.items()
        yield _grid((plain(key), plain(json.dumps(content, ensure_ascii=False))) for key, content in custom)
    yield Text(f"\n{count(version.files_total, 'file')}, {size(version.model_size_mb * 1_048_576)}", "bold")
    yield _grid(((size(file.file_size), _path(file)) for file in version.files[:_FILES]), "right")
    if version.files_total > _FILES:
        yield Text(f"… and {version.files_total - _FILES:,} more; `weighthouse files` lists them", "dim")


def _facts(version: Version) -> Iterator[tuple[str, str]]:
    for field in _FACTS:
        content = getattr(version, field)
        if content not in (None, []):
            yield field.replace("_", " "), value(field, content)
    state = ["active" if version.is_active else "not active"]
    if version.is_production_ready:
        state.append("ready for production")
    yield "state", ", ".join(state)
    yield "created", moment(version.created_at)
    if version.updated_at != version.created_at:
        yield "updated", moment(version.updated_at)


def _grid(rows: Iterable[tuple[str, str]], labels: JustifyMethod = "left") -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", overflow="fold", justify=labels)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, Text(text))
    return grid
