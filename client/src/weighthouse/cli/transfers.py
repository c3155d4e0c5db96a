"""Sending and fetching: `push`, `pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighthouse.cli.arguments import version_argument
from weighthouse.cli.fields import FieldOption, field_options, given
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import count, duration, plain, size
from weighthouse.names import NEXT, Name

if TYPE_CHECKING:
    from weighthouse.pull.pulling import Pulled
    from weighthouse.push.pushing import Pushed

_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress, and nothing when all went well.")


class _Push(click.Command):
    """Its help has the flags for metadata in a section of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Metadata": []}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                sections["Metadata" if isinstance(param, FieldOption) else "Options"].append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


@click.command("push", cls=_Push)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@version_argument
@click.option(
    "--model-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read metadata from this YAML file in place of PATH/model.yaml.",
)
@_quiet
@common
@field_options
@pass_session
def push_command(
    session: Session, /, path: Path, target: Name, model_file: Path | None, quiet: bool, **flags: Any
) -> None:
    """Send a file or a folder as a new version.

    Only content that the registry lacks is sent, and a push that was interrupted resumes when it is repeated. Without a
    version it is the number after the highest. What a .weighthouseignore in the folder names is left out.

    Metadata may also stand in a model.yaml in the folder, with fields as in the API; flags go before it.

    \b
      weighthouse push net/ mira/net
      weighthouse push model.onnx mira/iris:v3 --test-accuracy 0.97 --tag demo
    """
    from weighthouse.cli.watching import watch

    fields = given(flags)
    with watch(target, quiet=quiet) as on_progress:
        pushed = session.client.push(
            path,
            target.user_id,
            target.model_id,
            target.version or NEXT,
            metadata=fields,
            model_file=model_file,
            on_progress=on_progress,
        )
    if session.json:
        session.emit(pushed)
    elif not quiet:
        session.done(_told_of_push(pushed))
        for text in pushed.notes:
            session.note(text)


@click.command("pull")
@version_argument
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
@click.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="Fetch only what matches, as in .gitignore; can be repeated.",
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what matches; can be repeated.")
@click.option(
    "--cache",
    envvar="WEIGHTHOUSE_CACHE",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Share content between versions by hard links from this folder; else WEIGHTHOUSE_CACHE.",
)
@click.option("--force", is_flag=True, help="Replace files also where they were edited.")
@click.option(
    "--exact", is_flag=True, help="Remove what a former pull put there and the version does not have."
)
@_quiet
@common
@pass_session
def pull_command(
    session: Session,
    /,
    target: Name,
    directory: Path | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    cache: Path | None,
    force: bool,
    exact: bool,
    quiet: bool,
) -> None:
    """Fetch the files of a version.

    Into DIR, which is MODEL unless given. Files that are there and equal are not fetched, and a pull that was
    interrupted resumes when it is repeated. A file has its name only once its content is checked. A file that was
    edited since a pull or a push left it there is not replaced without --force.

    \b
      weighthouse pull mira/net
      weighthouse pull mira/net:v2 old/ --include '*.json' --exclude 'tokenizer/'
    """
    from weighthouse.cli.watching import watch

    with watch(target, quiet=quiet) as on_progress:
        pulled = session.client.pull(
            *target,
            directory=directory,
            include=include,
            exclude=exclude,
            cache=cache,
            force=force,
            exact=exact,
            on_progress=on_progress,
        )
    if session.json:
        session.emit(pulled)
    elif not quiet:
        session.done(_told_of_pull(pulled))


def _told_of_push(pushed: Pushed) -> str:
    version = pushed.version
    name = plain(f"{version.user_id}/{version.model_id}:{version.version}")
    whole = f"{count(pushed.files_total, 'file')}, {size(pushed.bytes_total)}"
    if pushed.existed:
        return f"{name} is there already, with the same content: {whole}"
    return f"{name} is published: {whole}; {_moved('sent', pushed.bytes_sent, pushed.seconds)}"


def _told_of_pull(pulled: Pulled) -> str:
    name = plain(f"{pulled.user_id}/{pulled.model_id}:{pulled.version}")
    whole = f"{count(pulled.files_total, 'file')}, {size(pulled.bytes_total)}"
    moved = _moved("fetched", pulled.bytes_fetched, pulled.seconds)
    removed = f", {count(pulled.files_removed, 'file')} removed" if pulled.files_removed else ""
    return f"{name} is in {plain(str(pulled.directory))}: {whole}; {moved}{removed}"


def _moved(verb: str, moved: int, seconds: float) -> str:
    return f"{size(moved)} {verb} in {duration(seconds)}" if moved else f"nothing had to be {verb}"
