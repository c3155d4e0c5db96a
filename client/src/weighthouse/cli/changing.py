"""Changing and deleting: `set`, `rm`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import click

from weighthouse.cli.arguments import version_argument
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import count, plain, size, value
from weighthouse.errors import InvalidInput
from weighthouse.metadata import checked, parsed
from weighthouse.names import Name

if TYPE_CHECKING:
    from weighthouse.documents import Version


@click.command("set", context_settings={"ignore_unknown_options": True})
@version_argument
@click.argument(
    "changes", metavar="FIELD=VALUE|+TAG|-TAG ...", nargs=-1, required=True, type=click.UNPROCESSED
)
@common
@pass_session
def set_command(session: Session, /, target: Name, changes: tuple[str, ...]) -> None:
    """Change what is said of a version.

    FIELD=VALUE sets a field, FIELD= clears it, +TAG adds a tag and -TAG removes one; a tag to remove that is not there
    is said, and no error. Lists are separated by commas. Fields that are not named stay.

    \b
      weighthouse set mira/net test_accuracy=0.97 algorithm= +small -draft
    """
    fields, added, removed = read_changes(changes)
    if added or removed:
        present = session.client.get(*target)
        # Without a version it is the latest, and that may be another one by now.
        target = target._replace(version=present.version)
        tags = [normalize("NFC", tag) for tag in fields.get("tags", present.tags) or []]
        for tag in dict.fromkeys(removed):
            if tag not in tags and tag not in added:
                session.note(f"{target} has no tag {tag!r} to remove")
        fields["tags"] = [tag for tag in dict.fromkeys([*tags, *added]) if tag not in removed]
    version = session.client.update(*target, **fields)
    if session.json:
        session.emit(version)
        return
    shown = "; ".join(f"{field}: {value(field, getattr(version, field))}" for field in fields)
    session.done(f"{plain(f'{version.user_id}/{version.model_id}:{version.version}')}  {shown}")


def read_changes(changes: tuple[str, ...]) -> tuple[dict[str, Any], list[str], list[str]]:
    """The fields that are set or (None) cleared, the tags that are added, and those that are removed.

    Raises `InvalidInput` for what is none of these.
    """
    fields: dict[str, Any] = {}
    added: list[str] = []
    removed: list[str] = []
    for change in changes:
        if change[:1] in ("+", "-") and len(change) > 1:
            (added if change[0] == "+" else removed).append(normalize("NFC", change[1:]))
            continue
        field, equals, text = change.partition("=")
        if not equals:
            raise InvalidInput(f"{change!r} is no change: write FIELD=VALUE, +TAG or -TAG")
        field = field.replace("-", "_")
        if field == "primary_file_path":
            fields[field] = text or None
        else:
            fields.update(checked({field: parsed(field, text)}, "set", clearing=True))
    return fields, added, removed


@click.command("rm")
@version_argument
@click.option("--all-versions", is_flag=True, help="Delete every version of the model.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@common
@pass_session
def rm_command(session: Session, /, target: Name, all_versions: bool, yes: bool) -> None:
    """Delete a version, or a model.

    Without a version it must be the only one, unless --all-versions is given. Asks first; where there is no terminal to
    ask on, it needs --yes.
    """
    if all_versions and target.version:
        raise click.UsageError("--all-versions goes with USER/MODEL.", click.get_current_context())
    if not yes:
        target = _ask(session, target, all_versions)
    gone = session.client.delete(*target, all_versions=all_versions)
    if session.json:
        session.emit({"user_id": target.user_id, "model_id": target.model_id, "versions": gone})
        return
    session.done(f"{plain(f'{target.user_id}/{target.model_id}')}: deleted {plain(', '.join(gone))}")


def _ask(session: Session, name: Name, all_versions: bool) -> Name:
    """What is to be deleted, by its version where that can be said, once a person has agreed to it."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"Deleting {name} needs --yes where nobody can be asked.")
    doomed = [session.client.get(*name)] if name.version else list(session.client.versions(*name[:2]))
    if len(doomed) > 1 and not all_versions:
        raise click.UsageError(f"{name} has {len(doomed)} versions: name one, or give --all-versions.")
    if not click.confirm(f"Delete {_summary(doomed)}?", err=True):
        raise click.ClickException("Nothing was deleted.")
    return name if all_versions else name._replace(version=doomed[0].version)


def _summary(doomed: list[Version]) -> str:
    first = doomed[0]
    files = count(sum(version.files_total for version in doomed), "file")
    content = size(sum(version.model_size_mb for version in doomed) * 1_048_576)
    if len(doomed) == 1:
        return plain(f"{first.user_id}/{first.model_id}:{first.version} ({first.name}; {files}, {content})")
    return plain(f"all {len(doomed)} versions of {first.user_id}/{first.model_id} ({files}, {content})")
