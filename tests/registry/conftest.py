"""The whole service in this process, on moto's S3 and DynamoDB: quick, and every AWS call can be counted."""

import copy
from collections import defaultdict
from functools import cache, lru_cache, partial
from threading import RLock
from types import SimpleNamespace
from unittest.mock import patch

import direct
import moto.dynamodb.models
import pytest
import stores
import wired
from api import Api, CallCounter
from botocore.client import BaseClient
from moto import backend_index, mock_aws
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.s3.exceptions import NoSuchUpload

# moto tries the patterns of 140 services before it finds that a request is for S3.
_S3_FIRST = sorted(backend_index.backend_url_patterns, key=lambda pattern: pattern[0] != "s3")


class _Multiparts(dict):
    """moto's multipart uploads: asking for one that is gone is S3's error, where moto has a KeyError."""

    def __missing__(self, upload_id):
        raise NoSuchUpload(upload_id=upload_id)


@cache
def _clients():
    # Making clients takes most of a second, so all tests of a process share them; moto stands behind each.
    from chalicelib.store import bucket, table
    from chalicelib.store.rows import Row

    s3 = bucket._new_client(None)
    Row._connection = None
    connection = table._connection()
    Row._connection = None
    return lru_cache(lambda: s3), connection


def _sorted_rows(moto_table):
    # moto sorts its whole table for every Query, by keys that it unwraps at each comparison.
    found = [row for partition in moto_table.items.values() for row in partition.values()]
    return sorted(found, key=lambda row: (row.hash_key.value, row.range_key.value))


def _copied_where_changed(transact):
    # moto copies its whole table for each single change of a transaction, to have it back when one fails.
    def transacted(backend, changes):
        @cache
        def table_as_it_was(table):
            was = copy.copy(table)
            was.items = defaultdict(dict, {key: dict(rows) for key, rows in table.items.items()})
            for change in changes:
                ((_, written),) = change.items()
                row = written.get("Key") or written["Item"]
                partition = was.items.get(DynamoType(row[table.hash_key_attr]), {})
                place = DynamoType(row[table.range_key_attr])
                if place in partition:
                    partition[place] = copy.deepcopy(partition[place])
            return was

        def copied(thing):
            return table_as_it_was(thing) if isinstance(thing, Table) else copy.deepcopy(thing)

        with patch.object(moto.dynamodb.models, "copy", SimpleNamespace(deepcopy=copied)):
            return transact(backend, changes)

    return transacted


def _looked_at_once(get_value):
    # moto asks each value of a row for all ten types that it could have, by every name that these could have.
    def got(serializer, value, key, shape):
        if type(value) is dict and len(value) == 1 and value.keys() <= {"S", "N", "SS", "NS"}:
            return value.get(key)
        return get_value(serializer, value, key, shape)

    return got


def _one_at_a_time(make_api_call):
    # moto's dictionaries lose rows that two threads write at once, and its transactions are none between threads.
    lock = RLock()

    def locked(client, name, arguments):
        with lock:
            if name in direct.OPERATIONS:
                return direct.call(client, name, arguments)
            return make_api_call(client, name, arguments)

    return locked


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "WEIGHTHOUSE_FORM_LIMIT": "20000000",
}
UNSET = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE")


def _set(monkeypatch):
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def _forget():
    from chalicelib.settings import settings
    from chalicelib.store import bucket

    for cached in (settings, bucket.signer, bucket.public_signer, bucket.session):
        cached.cache_clear()


@pytest.fixture(scope="module")
def _moto():
    """moto with the empty stores, one for all tests of a file: to make them takes longer than most tests."""
    from chalicelib.store import bucket, table, wire
    from chalicelib.store.rows import Row

    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        _set(monkeypatch)
        _forget()
        s3, connection = _clients()
        monkeypatch.setattr("moto.dynamodb.models.table.Table.all_items", _sorted_rows)
        monkeypatch.setattr(ResponseSerializer, "get_value", _looked_at_once(ResponseSerializer.get_value))
        monkeypatch.setattr(
            DynamoDBBackend,
            "transact_write_items",
            _copied_where_changed(DynamoDBBackend.transact_write_items),
        )
        monkeypatch.setattr(backend_index, "backend_url_patterns", _S3_FIRST)
        monkeypatch.setattr(BaseClient, "_make_api_call", _one_at_a_time(BaseClient._make_api_call))
        monkeypatch.setattr(s3()._endpoint, "make_request", partial(direct.send, s3()._endpoint))
        monkeypatch.setattr(bucket, "client", s3)
        monkeypatch.setattr(wire, "send", wired.send)
        monkeypatch.setattr(Row, "_connection", connection)
        table.create_table()
        bucket.create()
        stores.bucket().multiparts = _Multiparts()
        yield stores.Pristine()
    _forget()


@pytest.fixture
def aws(_moto, monkeypatch):
    _set(monkeypatch)
    _forget()
    # As if another process had made it, and this one had read it.
    from chalicelib.store import token_key

    monkeypatch.setattr(token_key, "key", lambda: b"k" * token_key.BYTES)
    _moto.restore()
    yield
    _forget()


@pytest.fixture
def api(aws):
    """A client of the service; it plays the bucket's notifications too."""
    return Api()


@pytest.fixture
def calls():
    """Counts AWS calls while it is entered."""
    return CallCounter()


@pytest.fixture
def uploader(api, monkeypatch):
    """Uploads as clients do, on a clock that `uploader.late` moves on."""
    from uploading import Uploader

    from chalicelib.registry import clock

    uploader, now = Uploader(api), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + uploader.late)
    return uploader
