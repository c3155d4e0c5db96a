"""What requests write into the table, in bytes and in write units, from what they ask of it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-reads-writes-types.html: a unit for each
begun KB of an item, twice that in a transaction, and the same again for each index that the item is in.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from botocore.client import BaseClient

INDEXES = ("by_user", "by_framework", "by_model_type")


@dataclass
class Written:
    """What was written while it was watched."""

    bytes: int = 0
    units: int = 0
    largest: int = 0
    """Bytes of the largest row of a tag or word."""
    rows: list[tuple[str, str]] = field(default_factory=list)
    """The keys of the rows of tags and words that were put or deleted, as often as they were."""

    def add(self, item, times, *, is_put=True):
        size = sum(len(name.encode()) + _size(value) for name, value in item.items())
        copies = sum(name in item for name in INDEXES)
        self.bytes += size * (1 + copies) * is_put
        self.units += -(-size // 1024) * (times + copies)
        if item["pk"]["S"].startswith(("words#", "tag#")):
            self.rows.append((item["pk"]["S"], item["sk"]["S"]))
            self.largest = max(self.largest, size)


def _size(value):
    [(kind, held)] = value.items()
    return sum(len(one.encode()) + 1 for one in held) + 3 if kind in ("SS", "NS") else len(held.encode())


@contextmanager
def writes_watched():
    """Adds up what is put and deleted; an update counts as the key that it names."""
    original, written = BaseClient._make_api_call, Written()

    def watched(client, name, arguments):
        if name == "TransactWriteItems":
            for change in arguments["TransactItems"]:
                [what] = change.values()
                written.add(what.get("Item") or what["Key"], 2, is_put="Item" in what)
        elif name == "BatchWriteItem":
            for request in next(iter(arguments["RequestItems"].values())):
                [what] = request.values()
                written.add(what.get("Item") or what["Key"], 1, is_put="Item" in what)
        elif name in ("PutItem", "UpdateItem", "DeleteItem"):
            written.add(arguments.get("Item") or arguments["Key"], 1, is_put="Item" in arguments)
        return original(client, name, arguments)

    with patch.object(BaseClient, "_make_api_call", watched):
        yield written
