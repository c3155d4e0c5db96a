"""Comparing two versions: `diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from weighthouse.cli.arguments import NameType, version_argument
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import count, plain, size, value
from weighthouse.metadata import FIELDS
from weighthouse.names import Name

if TYPE_CHECKING:
    from weighthouse.documents import File, Version

_FIELDS = (*FIELDS, "primary_file_path")


_STYLES = {"-": "red", "~": "yellow", "+": "green"}
_WIDEST = 60
"""Columns up to which what follows a name is aligned."""


class _Line(NamedTuple):
    sign: str
    what: str
    how: str


@dataclass(frozen=True)
class Changes:
    """What must be done to one set of files to get another; sizes in bytes."""

    added: list[dict[str, Any]]
    removed: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    unchanged: int


def compare_files(old: Iterable[File], new: Iterable[File]) -> Changes:
    """Compares by path, and what has the same path by its content."""
    before = {file.filename: file for file in old}
    changes = Changes([], [], [], 0)
    unchanged = 0
    for file in new:
        was = before.pop(file.filename, None)
        if was is None:
            changes.added.append({"filename": file.filename, "file_size": file.file_size})
        elif _same(was, file):
            unchanged += 1
        else:
            sizes = {"old_size": was.file_size, "new_size": file.file_size}
            changes.changed.append({"filename": file.filename, **sizes})
    removed = [{"filename": file.filename, "file_size": file.file_size} for file in before.values()]
    return Changes(changes.added, removed, changes.changed, unchanged)


def _same(old: File, new: File) -> bool:
    """Whether the content is known to be the same: where a SHA-256 is missing, by the CRC-32."""
    if old.file_size != new.file_size:
        return False
    if old.file_hash and new.file_hash:
        return old.file_hash == new.file_hash
    return old.crc32 is not None and old.crc32 == new.crc32


def compare_metadata(old: Version, new: Version) -> dict[str, dict[str, Any]]:
    """The fields that differ, each as ``{"old": …, "new": …}``."""
    pairs = {field: (getattr(old, field), getattr(new, field)) for field in _FIELDS}
    return {field: {"old": was, "new": now} for field, (was, now) in pairs.items() if was != now}


@click.command("diff")
@version_argument
@click.argument("other", metavar="VERSION|USER/MODEL[:VERSION]")
@common
@pass_session
def diff_command(session: Session, /, target: Name, other: str) -> None:
    """Compare two versions.

    Of one model or of two. Files are compared by their content. The exit status is 0 also when there are differences.

    \b
      weighthouse diff mira/net:v1 v2
    """
    old, new = session.client.get(*target), session.client.get(*_other(target, other))
    files = compare_files(_files(session, old), _files(session, new))
    fields = compare_metadata(old, new)
    if session.json:
        session.emit({"old": _address(old), "new": _address(new), "files": asdict(files), "metadata": fields})
    else:
        _show(session, old, new, files, fields)


def _other(name: Name, other: str) -> Name:
    text = other if "/" in other else f"{name.user_id}/{name.model_id}:{other}"
    found: Name = NameType().convert(text, None, click.get_current_context())
    return found


def _files(session: Session, version: Version) -> Iterable[File]:
    if version.files_total == len(version.files):
        return version.files
    return session.client.files(version.user_id, version.model_id, version.version)


def _address(version: Version) -> str:
    return str(Name(version.user_id, version.model_id, version.version))


def _show(
    session: Session, old: Version, new: Version, files: Changes, fields: dict[str, dict[str, Any]]
) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    lines = [*_field_lines(fields), *sorted(_file_lines(files), key=lambda line: line.what)]
    width = min(_WIDEST, max((cell_len(line.what) for line in lines), default=0))
    session.console.print(Text(f"{_address(old)} → {_address(new)}", "bold"))
    # One by one: a table of 100,000 rows takes half a minute.
    for line in lines:
        space = " " * (2 + max(0, width - cell_len(line.what)))
        styled = ((line.sign, _STYLES[line.sign]), "  ", line.what, space, line.how)
        session.console.print(Text.assemble(*styled), soft_wrap=True)
    session.console.print(Text(_summary(files, len(fields)), "dim"))


def _field_lines(fields: dict[str, dict[str, Any]]) -> Iterator[_Line]:
    for field, values in fields.items():
        yield _Line("~", field, f"{value(field, values['old'])} → {value(field, values['new'])}")


def _file_lines(files: Changes) -> Iterator[_Line]:
    for file in files.removed:
        yield _Line("-", plain(file["filename"]), size(file["file_size"]))
    for file in files.changed:
        yield _Line("~", plain(file["filename"]), f"{size(file['old_size'])} → {size(file['new_size'])}")
    for file in files.added:
        yield _Line("+", plain(file["filename"]), size(file["file_size"]))


def _summary(files: Changes, fields: int) -> str:
    parts = [
        f"{len(files.added):,} added",
        f"{len(files.removed):,} removed",
        f"{len(files.changed):,} changed",
        f"{files.unchanged:,} the same",
    ]
    return f"Files: {', '.join(parts)}. Metadata: {count(fields, 'field')} changed."
