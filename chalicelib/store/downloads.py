"""Counts of downloads: of each version one in each of 16 partitions, so that no row takes all of them.

They are known by the upload that brought the version: one that is made anew under its name begins at 0.
"""

import logging
from functools import lru_cache
from random import randrange
from typing import Any

from chalicelib import telemetry
from chalicelib.schema.records import VersionRecord
from chalicelib.store import keys, table, versions
from chalicelib.store.rows import Row
from chalicelib.store.table import Key

SHARDS = 16
"""Partitions. Each takes 1,000 writes a second, and API Gateway 10,000 requests:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
WAIT = 1.0
"""Seconds after which a count is given up: it is lost, and the download is not slowed down."""

log = logging.getLogger(__name__)


def _key(upload_id: str, shard: int) -> Key:
    return keys.downloads_pk(upload_id, shard), keys.DOWNLOADS_SK


def count(record: VersionRecord) -> None:
    """Counts a download of a version. One UpdateItem, and for its first download a transaction more.

    Nothing is tried again: what the store has no room for is lost, and logged.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    client, shard = _impatient(table.client()), randrange(SHARDS)  # noqa: S311 - any of them will do
    try:
        # Only the first download makes rows, and only while the version is there: nothing comes after a deletion.
        if not _add(client, record.upload_id, shard) and not _begin(client, record, shard):
            _add(client, record.upload_id, shard)
    except (BotoCoreError, ClientError) as error:
        log.warning("A download could not be counted: %s", type(error).__name__)


def _add(client: Any, upload_id: str, shard: int) -> bool:
    """Adds 1 to a row; False when it is not there."""
    try:
        client.update_item(
            TableName=Row.Meta.table_name,
            Key=_item(*_key(upload_id, shard)),
            UpdateExpression="ADD downloads :one",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _begin(client: Any, record: VersionRecord, shard: int) -> bool:
    """Makes all rows of a version, with 1 in this one; False when they are there, or the version is not."""
    name = {"TableName": Row.Meta.table_name}
    rows = [
        {**_item(*_key(record.upload_id, number)), "downloads": {"N": str(int(number == shard))}}
        for number in range(SHARDS)
    ]
    missing = "attribute_not_exists(pk)"
    puts = [{"Put": {**name, "Item": row, "ConditionExpression": missing}} for row in rows]
    check = {
        **name,
        "Key": _item(*versions.key(*record.id)),
        "ConditionExpression": "#state = :ready AND upload_id = :upload_id",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {
            ":ready": {"S": versions.READY},
            ":upload_id": {"S": record.upload_id},
        },
    }
    try:
        client.transact_write_items(TransactItems=[*puts, {"ConditionCheck": check}])
    except client.exceptions.TransactionCanceledException:
        return False
    return True


def _item(pk: str, sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@lru_cache(maxsize=1)
def _impatient(client: Any) -> Any:
    """A client like this one that waits for no answer long, and tries nothing again."""
    from botocore.config import Config

    config = Config(
        connect_timeout=WAIT,
        read_timeout=WAIT,
        retries={"total_max_attempts": 1},
        max_pool_connections=Row.Meta.max_pool_connections,
    )
    made = table.another_client(config)
    telemetry.watch(made.meta.events)
    return made


def total(upload_id: str) -> int:
    """How many downloads of a version were counted. One BatchGetItem."""
    rows = table.get_many([_key(upload_id, shard) for shard in range(SHARDS)])
    return sum(int(row.downloads) for row in rows.values())


def forget(upload_id: str) -> None:
    """Removes the counts of a version. One BatchWriteItem."""
    table.write_many(deletes=(_key(upload_id, shard) for shard in range(SHARDS)))
