"""Bucket and table at the start, and the index made again where it was lost."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devserver.console import Halt, say
from devserver.credentials import keys_of
from devserver.environment import Stores
from devserver.folder import Folder
from devserver.history import HistoryLog

if TYPE_CHECKING:
    from chalicelib.registry.rebuilding import RebuildReport


def sign_in(folder: Folder, which: Stores) -> None:
    """Has what is embedded asked with the stand-in's keys: those of the environment may be for a store beside it."""
    from chalicelib.store import bucket
    from chalicelib.store.rows import Row

    keys = keys_of(folder.path)
    if which.embedded_s3:
        bucket.session()._session.set_credentials(keys.id, keys.secret)
    if which.embedded_dynamodb:
        meta: Any = Row.Meta
        meta.aws_access_key_id, meta.aws_secret_access_key = keys.id, keys.secret


def open_stores(folder: Folder, *, embedded_table: bool) -> None:
    """Makes bucket and table where there are none, and the index again where the bucket has more than it.

    That is so after the emulator was killed, which loses its tables, and after a rebuild was cut short: it begins
    again. What can't be restored is said, and does not keep the rest from being served.
    """
    from chalicelib.store import bucket, objects, table

    bucket.create()
    table.create_table()
    empty = table.is_empty()
    if embedded_table:
        _keep_history(folder, lost=empty)
    lost = empty and any(islice(objects.list_keys(""), 1))
    if lost or folder.rebuilding:
        say("The index was lost with the last stop: making it again from the bucket …")
        if folder.rebuilding:
            _clear()
        _rebuild(folder)


def _keep_history(folder: Folder, *, lost: bool) -> None:
    from chalicelib.store import table

    history = HistoryLog(folder.history)
    if lost:
        history.restore()
    history.follow(table.client())


def rebuild_index(folder: Folder, *, embedded_table: bool, dry_run: bool) -> "RebuildReport":
    """Empties the table and makes it again from the bucket; says what it found. The history stays as it is.

    With `dry_run` it only says what it would find.
    """
    from chalicelib.store import bucket, table

    bucket.create()
    table.create_table()
    if embedded_table:
        _keep_history(folder, lost=table.is_empty())
    if not dry_run:
        folder.rebuilding = True
        _clear()
    return _rebuild(folder, dry_run=dry_run)


def _rebuild(folder: Folder, *, dry_run: bool = False) -> "RebuildReport":
    from chalicelib.registry.rebuilding import rebuild

    if not dry_run:
        folder.rebuilding = True
    report = rebuild(dry_run=dry_run, say=say)
    tell(report, folder.report)
    if not dry_run:
        folder.rebuilding = False
    return report


def _clear() -> None:
    """Empties the table but for what the bucket can't bring back."""
    from chalicelib.store import keys, table

    table.clear(keep=(keys.HISTORY, keys.DOWNLOADS))


def check(report: "RebuildReport") -> None:
    """Raises `Halt` when something could not be restored."""
    if report.failed:
        raise Halt(
            "not everything could be restored. What failed was left as it is: mend it, and rebuild again."
        )


def tell(report: "RebuildReport", path: Path) -> None:
    """Says what a rebuild found, and writes the whole report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in report.lines()))
    say(f"{report}\nThe whole report is in {path}")
