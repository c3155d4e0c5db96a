"""What moto's S3 and DynamoDB hold, read and put back without a call."""

import copy
import re

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import FakeDeleteMarker, s3_backends

from chalicelib.registry import clock
from chalicelib.settings import settings
from chalicelib.store import keys


def bucket():
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[settings().bucket]


def table():
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[settings().table]


def objects():
    """The objects that are there, by key."""
    return {key: found for key, found in bucket().keys.items() if not isinstance(found, FakeDeleteMarker)}


def rows():
    """The table's rows as DynamoDB writes them, but for the history."""
    found = [
        row.to_json()["Attributes"] for partition in table().items.values() for row in partition.values()
    ]
    return [row for row in found if not row["pk"]["S"].startswith(keys.HISTORY)]


class Pristine:
    """The bucket and the table as they were made, empty."""

    def __init__(self):
        self._bucket, self._table = copy.deepcopy(bucket()), copy.deepcopy(table())

    def restore(self):
        """Puts both in place of all buckets and tables that there are."""
        buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets
        tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
        buckets.clear()
        tables.clear()
        buckets[settings().bucket] = copy.deepcopy(self._bucket)
        tables[settings().table] = copy.deepcopy(self._table)


class Snapshot:
    """Both stores at one moment."""

    def __init__(self):
        # moto closes the file behind an object that is deleted, so each time gets copies.
        self._objects = {key: copy.copy(found) for key, found in objects().items()}
        self._uploads = {key: _copied(upload) for key, upload in bucket().multiparts.items()}
        self._rows = copy.deepcopy(table().items)

    def restore(self):
        clear()
        for key, found in self._objects.items():
            bucket().keys[key] = copy.copy(found)
        bucket().multiparts.update((key, _copied(upload)) for key, upload in self._uploads.items())
        table().items.update(copy.deepcopy(self._rows))


def once(prepare):
    """`prepare` for a loop: it runs the first time; later the stores are put back to where it ended."""
    ended = []

    def prepared(*arguments):
        if ended:
            ended[0].restore()
        else:
            prepare(*arguments)
            ended.append(Snapshot())

    return prepared


def _copied(upload):
    copied = copy.copy(upload)
    copied.parts = {number: copy.copy(part) for number, part in upload.parts.items()}
    copied.partlist = list(upload.partlist)
    return copied


def clear():
    """Empties both stores."""
    bucket().keys.clear()
    bucket().multiparts.clear()
    table().items.clear()


_IDS = re.compile(r"\b[0-9a-f]{12}([0-9a-f]{20})?\b|(?<=\"multipart_id\":\")[^\"]*")
_MOMENTS = re.compile(r"\b(?:00)?(1[6-9]\d{8})(?:\.\d+)?\b|\b20\d\d-\d\d-\d\dT[\d:.]+Z")


def shape():
    """What the stores hold, the same for two that differ but in random names, and in moments on one side of now."""
    now = clock.now()

    def moment(found):
        return "later" if (float(found[1]) if found[1] else 0) > now else "earlier"

    held = [f"{key} {found.etag}" for key, found in objects().items()]
    held += [f"{upload.key_name} {sorted(upload.parts)}" for upload in bucket().multiparts.values()]
    held += [_described(row) for row in rows()]
    return frozenset(_IDS.sub("id", _MOMENTS.sub(moment, text)) for text in held)


def _described(row):
    attributes = {name: _plain(value) for name, value in row.items()}
    if attributes["pk"].startswith(keys.DOWNLOADS):
        # A download is counted in one of several rows, whichever chance picks.
        return attributes["pk"].rpartition("#")[0]
    return str(sorted(attributes.items()))


def _plain(value):
    ((kind, inner),) = value.items()
    return sorted(inner) if kind in ("SS", "NS") else inner
