"""Bucket and table at the start, and the index made again where it was lost."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from devserver.console import say
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

    That is so after the emulator was killed, which loses its tables, and after a rebuild was cut short.
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
        say(str(_rebuild(folder)))


def _keep_history(folder: Folder, *, lost: bool) -> None:
    from chalicelib.store import table

    history = HistoryLog(folder.history)
    if lost:
        history.restore()
    history.follow(table.client())


def rebuild_index(folder: Folder, *, embedded_table: bool) -> None:
    """Empties the table and makes it again from the bucket; says what it found. The history stays as it is."""
    from chalicelib.store import bucket, keys, table

    bucket.create()
    table.create_table()
    if embedded_table:
        _keep_history(folder, lost=table.is_empty())
    folder.rebuilding = True
    table.clear(keep=(keys.HISTORY, keys.DOWNLOADS))
    say(str(_rebuild(folder)))


def _rebuild(folder: Folder) -> "RebuildReport":
    from chalicelib.registry.rebuilding import rebuild

    folder.rebuilding = True
    report = rebuild()
    folder.rebuilding = False
    return report
