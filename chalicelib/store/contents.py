"""Which contents a user has stored: found by SHA-256, so that they need not be sent again."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.schema.records import FileRecord
from chalicelib.store import keys, table
from chalicelib.store.rows import Row
from chalicelib.store.table import Range

WORTH = 100
"""Contents that one Query of a megabyte, some 2,500 rows, must answer to be less work than one Query each."""


class Content(NamedTuple):
    """A file of a version that holds a content."""

    model_id: str
    version: str
    file: FileRecord


def _content(row: Row) -> Content:
    _, model_id, version = row.sk.split("#")
    return Content(model_id, version, row.read(FileRecord))


def find(user_id: str, sha256: str) -> Content | None:
    """A file of the user's that holds this content; None when none does. One Query."""
    row = table.first(Range(keys.contents_pk(user_id), f"{sha256}#"))
    return _content(row) if row else None


def find_many(user_id: str, hashes: Iterable[str]) -> tuple[dict[str, Content], set[str]]:
    """Files of the user's that hold these contents, by SHA-256, and those that `find` has to look for.

    The user's contents are read in their order, by SHA-256, as long as that answers many at a time.
    """
    waiting = sorted(set(hashes))
    wanted = set(waiting)
    found: dict[str, Content] = {}
    if len(waiting) < WORTH:
        return found, wanted
    for page in table.pages(Range(keys.contents_pk(user_id))):
        for row in page.rows:
            sha256 = row.sk.partition("#")[0]
            if sha256 in wanted and sha256 not in found:
                found[sha256] = _content(row)
        if page.read_to is None:
            return found, set()
        answered = bisect_left(waiting, page.read_to.partition("#")[0])
        waiting = waiting[answered:]
        if answered < WORTH:
            break
    return found, set(waiting) - found.keys()
