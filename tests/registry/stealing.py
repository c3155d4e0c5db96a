"""What somebody else does to a row or an object between the moment at which it is checked and the write of it.

A conditional write holds when the thief's change survives it; `with stolen(key, taken):` makes that moment.
"""

from contextlib import contextmanager
from threading import Lock
from unittest.mock import patch

import botocore.client

from chalicelib.registry import clock
from chalicelib.store import table
from chalicelib.store.rows import Row

THIEF = "somebody else"
HELD = 3_600
"""Seconds for which a thief holds what it takes."""


def written(name, arguments):
    """What a call to AWS writes: keys of rows as (pk, sk), and names of objects."""
    if name == "TransactWriteItems":
        singles = [single for item in arguments["TransactItems"] for single in item.items()]
        return [_row(single) for kind, single in singles if kind != "ConditionCheck"]
    if name == "BatchWriteItem":
        requests = [request for found in arguments["RequestItems"].values() for request in found]
        return [_row(single) for request in requests for single in request.values()]
    if name in ("PutItem", "UpdateItem", "DeleteItem"):
        return [_row(arguments)]
    if name == "DeleteObjects":
        return [found["Key"] for found in arguments["Delete"]["Objects"]]
    objects = ("PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload")
    return [arguments["Key"]] if name in objects else []


def _row(single):
    key = single["Item"] if "Item" in single else single["Key"]
    return key["pk"]["S"], key["sk"]["S"]


@contextmanager
def stolen(wanted, act, *, number=0):
    """Calls `act` with what is about to be written, once, right before the write numbered `number` from 0 of it.

    `wanted` is a row's key, an object's name, or a function that says of either whether it is meant. Yields what
    was stolen, in a list. Fails where nothing was.
    """
    is_wanted = wanted if callable(wanted) else lambda found: found == wanted
    original, lock = botocore.client.BaseClient._make_api_call, Lock()
    struck, passed = [], []

    def hooked(client, name, arguments):
        found = next(filter(is_wanted, written(name, arguments)), None)
        with lock:
            strikes = found is not None and not struck and len(passed) == number
            if found is not None:
                (struck if strikes else passed).append(found)
        if strikes:
            with patch.object(botocore.client.BaseClient, "_make_api_call", original):
                act(found)
        return original(client, name, arguments)

    with patch.object(botocore.client.BaseClient, "_make_api_call", hooked):
        yield struck
    assert struck, f"nothing was stolen; {len(passed)} writes came before"


def changed(**attributes):
    """An act that sets these attributes of the row that is about to be written."""
    actions = [getattr(Row, name).set(value) for name, value in attributes.items()]
    return lambda key: table.update(key, actions)


def taken(key):
    """Takes the row's lease for another owner."""
    changed(owner=THIEF, lease_until=clock.now() + HELD)(key)


def removed(key):
    """Removes the row."""
    table.delete(key)


def row(key):
    """All that a row holds as it is now, by attribute; None when there is none."""
    found = table.get(*key)
    return found and {name: next(iter(value.values())) for name, value in found.serialize().items()}
