"""A run that was stopped for longer than its lease, a sleeping laptop say, ends the write it was at, and no other.

Another may have ended its work since, and somebody else have published a version of that name.
"""

import hashlib
from threading import Lock
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from shrinking import shrink
from uploading import LATER

from chalicelib.registry import deleting
from chalicelib.registry.leases import for_seconds
from chalicelib.store import keys, multipart, objects, versions

READS = ("Get", "Head", "List", "Query", "Scan", "BatchGet")
VERSION = ("ana", "m", "v1")
RUNS = {"complete": 9, "bundle": 9, "twins": 11, "unpack": 8, "abort": 9, "delete": 9}
"""The writes of each run after the first, at least: with fewer it would be another run."""


@pytest.fixture
def small(uploader, monkeypatch):
    """One unit of work at a time; two files are a long list, and two tags an index beyond the transaction."""
    shrink(monkeypatch, FILES_PER_ROW=1, INLINE_FILES=1, THREADS=1, TRANSACTION=8)
    return uploader


def begin_parts():
    for key in (keys.file_key(*VERSION, "begun"), f"{keys.zip_prefix(*VERSION)}begun"):
        multipart.create(key, "a/b")


class Runs:
    """What is prepared for each run, and the run."""

    @staticmethod
    def complete(uploader):
        def prepare():
            uploader.plan_files()
            uploader.send()

        return prepare, uploader.complete

    @staticmethod
    def bundle(uploader):
        def prepare():
            files = dict.fromkeys("ab", b"together")
            listed = [{"filename": name, "file_size": len(data)} for name, data in files.items()]
            uploader._asked("files", files=listed, bundle=True)
            uploader.send(files)

        return prepare, uploader.complete

    @staticmethod
    def twins(uploader):
        def prepare():
            declared = {"file_size": 4, "file_hash": hashlib.sha256(b"same").hexdigest()}
            uploader._asked("files", files=[{"filename": name, **declared} for name in "abc"])
            uploader.send(dict.fromkeys("abc", b"same"))

        return prepare, uploader.complete

    @staticmethod
    def unpack(uploader):
        def prepare():
            uploader.plan_folder()
            uploader.send()
            assert uploader.complete().status == 202

        return prepare, uploader.api.deliver

    @staticmethod
    def abort(uploader):
        def prepare():
            uploader.plan_files()
            uploader.send()
            for key in (
                keys.file_key(*VERSION, "model.pt"),
                f"{keys.upload_prefix(uploader.plan['upload_id'])}a",
            ):
                objects.put(key, b"made by a run that died")
            begin_parts()

        return prepare, uploader.abort

    @staticmethod
    def delete(uploader):
        def prepare():
            assert uploader.form_folder().status == 200
            objects.put(f"{keys.zip_prefix(*VERSION)}made.zip", b"")
            begin_parts()
            with patch.object(deleting, "_remove_here"):
                assert uploader.api.delete(uploader.address, version="v1").status == 200

        def run():
            row = versions.find(*VERSION)
            deleting.remove(VERSION, row.upload_id, for_seconds(60), held_by=row.owner)

        return prepare, run


def writes(uploader, run, asleep):
    """The writes of a run, which sleeps at the one with this number."""
    original, lock, made = BaseClient._make_api_call, Lock(), []

    def hooked(client, name, arguments):
        with lock:
            if not name.startswith(READS):
                made.append((name, arguments))
                uploader.late += LATER if len(made) == asleep + 1 else 0
        return original(client, name, arguments)

    with patch.object(BaseClient, "_make_api_call", hooked):
        run()
    return made


def unheld(kind, calls):
    """The calls of a run that lost its lease: but a transaction that publishes finds that out by itself."""
    for name, arguments in calls:
        if kind not in ("abort", "delete") and name == "TransactWriteItems":
            return
        if "downloads#" not in str(arguments):
            yield name, arguments


@pytest.mark.parametrize("kind", RUNS)
def test_who_sleeps_longer_than_the_lease_writes_nothing_that_may_be_anothers(small, kind):
    prepare, run = getattr(Runs, kind)(small)
    # Once it holds the upload, a run puts together the bundle, which no other upload can have.
    prepared, asleep = small.once(prepare), int(kind == "bundle")
    while True:
        prepared()
        made = writes(small, run, asleep)
        if asleep and made[asleep][0] == "TransactWriteItems":
            break  # What follows on its end is its own.
        assert not list(unheld(kind, made[asleep + 1 :])), asleep
        asleep += 1
    assert asleep >= RUNS[kind]
