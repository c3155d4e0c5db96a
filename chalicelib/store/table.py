"""The DynamoDB table: one model for all rows, and the few ways in which rows are read and written.

One Model class means one connection and one client, whose creation a cold start pays once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock
from typing import Any

from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex
from pynamodb.transactions import TransactWrite

from chalicelib import telemetry
from chalicelib.errors import StoreBusy
from chalicelib.store.backoff import pause
from chalicelib.store.parallel import batches, for_each
from chalicelib.store.rows import Row

BATCH = 25
"""Rows in one BatchWriteItem:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
WRITERS = 8
"""BatchWriteItems at a time."""
BATCH_GET = 100
"""Rows in one BatchGetItem:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
TRANSACTION = 100
"""Rows in one transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


Key = tuple[str, str]


class ConditionFailed(Exception):
    """A conditional write found another state than it expected."""


def _key(row: Row) -> Key:
    return row.pk, row.sk


_client_lock = Lock()


def _connection() -> Any:
    # Two threads that make the first call at once would both build a client, which botocore does not allow.
    with _client_lock:
        connection = Row._get_connection()
        telemetry.watch(connection.connection.client.meta.events)
    return connection


def client() -> Any:
    """The botocore client by which the table is reached."""
    return _connection().connection.client


def another_client(config: Any) -> Any:
    """Another botocore client for the same table, where its settings are to be others."""
    connection = _connection().connection
    with _client_lock:
        return connection.session.create_client(
            "dynamodb", connection.region, endpoint_url=connection.host, config=config
        )


def get(pk: str, sk: str) -> Row | None:
    """One row, as last written; None when there is none. One GetItem."""
    _connection()
    try:
        return Row.get(pk, sk, consistent_read=True)
    except Row.DoesNotExist:
        return None


def get_many(keys: Sequence[Key]) -> dict[Key, Row]:
    """The rows that exist of these, as last written. One BatchGetItem per 100 keys."""
    _connection()
    unique = list(dict.fromkeys(keys))
    return {_key(row): row for row in Row.batch_get(unique, consistent_read=True)}


@dataclass(frozen=True, slots=True)
class Range:
    """Rows of one partition, of the table or of an index, in the order of their sort keys."""

    pk: str
    prefix: str = ""
    index: GlobalSecondaryIndex[Row] | None = None
    backwards: bool = False
    condition: Condition | None = None
    after: Key | None = None
    """Goes on behind this row of the table."""
    at_most: str | None = None
    """Only sort keys up to and with this one."""
    at_least: str | None = None
    """With `at_most`: only sort keys from this one on."""
    below: str | None = None
    """Only sort keys below this one: what DynamoDB Local finds at once, while it counts its way to a start key."""


def _sort_condition(range_: Range) -> Condition | None:
    sort_key = Row.sk if range_.index is None else Row.created_key
    if range_.at_most is not None and range_.at_least is not None:
        return sort_key.between(range_.at_least, range_.at_most)
    if range_.at_most is not None:
        return sort_key <= range_.at_most
    if range_.below is not None:
        return sort_key < range_.below
    if not range_.prefix:
        return None
    # No key of ours equals the upper end. DynamoDB takes begins_with for the same range, but DynamoDB Local
    # reads the whole partition for it.
    last = ord(range_.prefix[-1])
    return sort_key.between(range_.prefix, range_.prefix[:-1] + chr(last + 1))


def _start_key(range_: Range) -> dict[str, dict[str, str]] | None:
    if range_.after is None:
        return None
    return {"pk": {"S": range_.after[0]}, "sk": {"S": range_.after[1]}}


@dataclass(frozen=True, slots=True)
class RowPage:
    """What one Query gave: the rows, and the sort key up to which it read, None at the end of the range."""

    rows: list[Row]
    read_to: str | None


KEYS_ONLY = ["pk", "sk", "created_key"]


def pages(range_: Range, *, size: int | None = None, keys_only: bool = False) -> Iterator[RowPage]:
    """The rows of a range, a page for each Query; a page may be empty where a condition left nothing of it.

    `size` is how many rows the first Query reads before the condition is applied; each further one reads
    twice as many, so that a page of rare matches is found in few requests. Without it a Query reads 1 MB.
    """
    _connection()
    source: Any = Row if range_.index is None else range_.index
    kwargs = {"consistent_read": True} if range_.index is None else {}
    requests = source.query(
        range_.pk,
        _sort_condition(range_),
        filter_condition=range_.condition,
        scan_index_forward=not range_.backwards,
        last_evaluated_key=_start_key(range_),
        attributes_to_get=KEYS_ONLY if keys_only else None,
        page_size=size,
        **kwargs,
    ).page_iter
    sort_name = "sk" if range_.index is None else "created_key"
    for page in requests:
        last = requests.last_evaluated_key
        yield RowPage(
            [Row.from_raw_data(item) for item in page["Items"]], last[sort_name]["S"] if last else None
        )
        if size is not None:
            size *= 2
            requests.page_size = size


def rows(range_: Range) -> Iterator[Row]:
    """All rows of a range, one Query a megabyte."""
    for page in pages(range_):
        yield from page.rows


def keys_of(range_: Range) -> Iterator[Key]:
    """The keys of all rows of a range, one Query a megabyte of rows."""
    for page in pages(range_, keys_only=True):
        yield from map(_key, page.rows)


def first(range_: Range) -> Row | None:
    """The first row of a range without a condition. One Query."""
    page = next(pages(range_, size=1))
    return page.rows[0] if page.rows else None


def scan(pk_prefix: str, sk_prefix: str = "") -> Iterator[Row]:
    """All rows whose keys begin so, by reading the whole table: for `rebuild` alone."""
    _connection()
    condition = Row.pk.startswith(pk_prefix)
    if sk_prefix:
        condition &= Row.sk.startswith(sk_prefix)
    yield from Row.scan(condition, consistent_read=True)


def _conditional(write: Callable[[], Any]) -> None:
    _connection()
    try:
        write()
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            raise ConditionFailed from error
        raise


def put(row: Row, condition: Condition | None = None) -> None:
    """Writes one row; `ConditionFailed` when the condition does not hold."""
    _conditional(lambda: row.save(condition))


def update(key: Key, actions: Sequence[Any], condition: Condition | None = None) -> Row:
    """Changes attributes of one row and gives it as it is then; `ConditionFailed` as `put`."""
    row = Row(*key)
    _conditional(lambda: row.update(list(actions), condition))
    return row


def delete(key: Key, condition: Condition | None = None) -> None:
    """Removes one row, if it is there; `ConditionFailed` as `put`."""
    _conditional(lambda: Row(*key).delete(condition))


@dataclass(slots=True)
class Changes:
    """Writes that belong together; at most `TRANSACTION` of them can be made as one."""

    puts: list[tuple[Row, Condition | None]] = field(default_factory=list)
    updates: list[tuple[Key, list[Any], Condition | None]] = field(default_factory=list)
    deletes: list[tuple[Key, Condition | None]] = field(default_factory=list)
    checks: list[tuple[Key, Condition]] = field(default_factory=list)
    """Conditions on rows that stay as they are."""

    def __len__(self) -> int:
        return len(self.puts) + len(self.updates) + len(self.deletes) + len(self.checks)


def transact(changes: Changes) -> None:
    """Makes all changes or none; `ConditionFailed` when a condition does not hold.

    A conflict with another transaction on the same rows is tried again a few times, then `StoreBusy`.
    """
    for attempt in range(8):
        try:
            with TransactWrite(connection=_connection().connection) as transaction:
                for row, condition in changes.puts:
                    transaction.save(row, condition)
                for key, actions, condition in changes.updates:
                    transaction.update(Row(*key), actions, condition)
                for key, condition in changes.deletes:
                    transaction.delete(Row(*key), condition)
                for key, condition in changes.checks:
                    transaction.condition_check(Row, *key, condition=condition)
            return
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason}
            if "ConditionalCheckFailed" in codes:
                raise ConditionFailed from error
            if not codes & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise
        pause(attempt, base=0.05, longest=2.0)
    raise StoreBusy("The table is busy; try again in a moment")


_Write = tuple[dict[str, Any] | None, dict[str, Any] | None]
"""An item to put, or a key to delete."""


def _write_batch(writes: list[_Write]) -> None:
    puts = [item for item, _ in writes if item]
    deletes = [key for _, key in writes if key]
    connection = _connection()
    for attempt in range(10):
        answer = connection.batch_write_item(put_items=puts, delete_items=deletes)
        left = answer.get("UnprocessedItems", {}).get(Row.Meta.table_name, [])
        if not left:
            return
        puts = [item["PutRequest"]["Item"] for item in left if "PutRequest" in item]
        deletes = [item["DeleteRequest"]["Key"] for item in left if "DeleteRequest" in item]
        pause(attempt, base=0.05, longest=2.0)
    raise StoreBusy("The table is busy; try again in a moment")


def write_many(puts: Iterable[Row] = (), deletes: Iterable[Key] = ()) -> None:
    """Writes and removes any number of rows, in no order and not as one; doing it again is harmless.

    One BatchWriteItem per 25 rows, eight at a time; rows are taken from the lists as they are written.
    """
    writes: Iterator[_Write] = chain(
        ((row.serialize(), None) for row in puts),
        ((None, {"pk": {"S": pk}, "sk": {"S": sk}}) for pk, sk in deletes),
    )
    pieces = batches(writes, BATCH)
    first = next(pieces, [])
    if len(first) < BATCH:
        # No pool of threads for the few rows that most requests write.
        if first:
            _write_batch(first)
        return
    for_each(chain([first], pieces), _write_batch, WRITERS)


def create_table() -> None:
    """Makes the table with its indexes and TTL, if it is not there yet."""
    if not Row.exists():
        Row.create_table(wait=True)


def is_empty() -> bool:
    """Whether the table has no row at all."""
    _connection()
    return next(iter(Row.scan(limit=1)), None) is None


def clear(*, keep: str | tuple[str, ...]) -> None:
    """Removes all rows but those whose partition begins with `keep`, or with one of these.

    For `rebuild` alone, while nobody else writes.
    """
    _connection()
    found = Row.scan(attributes_to_get=["pk", "sk"], consistent_read=True)
    write_many(deletes=(_key(row) for row in found if not row.pk.startswith(keep)))


def delete_table() -> None:
    """Removes the table, if it is there."""
    if Row.exists():
        Row.delete_table(wait=True)


def ping() -> None:
    """Raises an error when the table can't be reached."""
    _connection()
    try:
        Row.get("health", "health")
    except Row.DoesNotExist:
        return
