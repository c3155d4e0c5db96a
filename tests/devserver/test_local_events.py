import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pytest
from moto import mock_aws

from chalicelib.settings import settings
from chalicelib.store import bucket as store
from devserver import events
from devserver.events import Events, ListedEvents, QueueEvents, Record
from devserver.functions import Worker, repeat
from devserver.proxy import Context

SOURCES = [ListedEvents, QueueEvents]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within 10 s"
        time.sleep(0.01)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(events, "_PAUSE", 0.01)
    with mock_aws():
        client = boto3.client("s3")
        monkeypatch.setattr(store, "client", lambda: client)
        client.create_bucket(Bucket=settings().bucket)
        yield settings().bucket


class Running:
    """A source of events in its thread, and the keys that it has handed on."""

    def __init__(self, source: Callable[[str, Any], Events], bucket: str) -> None:
        self.keys: list[str] = []
        self.stop = threading.Event()
        running = source(bucket, self._note)
        self.thread = threading.Thread(target=running.run, args=(self.stop,), daemon=True)

    def _note(self, record: Record) -> None:
        self.keys.append(unquote_plus(record["s3"]["object"]["key"]))

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()


def put(bucket: str, key: str, body: bytes = b"") -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


@pytest.mark.parametrize("source", SOURCES)
def test_what_lies_there_and_what_appears_is_handed_on(source: Any, bucket: str) -> None:
    put(bucket, "tasks/verify/1")
    put(bucket, "models/a/b/v1/c")
    with Running(source, bucket) as running:
        wait_until(lambda: running.keys == ["tasks/verify/1"])
        put(bucket, "models/a/b/v1/d")
        put(bucket, "uploads/x/ü +%.zip")
        wait_until(lambda: running.keys == ["tasks/verify/1", "uploads/x/ü +%.zip"])


def test_an_object_is_handed_on_once_by_looking(bucket: str) -> None:
    put(bucket, "tasks/a", b"1")
    with Running(ListedEvents, bucket) as running:
        wait_until(lambda: running.keys == ["tasks/a"])
        put(bucket, "tasks/b")
        wait_until(lambda: running.keys == ["tasks/a", "tasks/b"])
        put(bucket, "tasks/a", b"2")
        wait_until(lambda: running.keys == ["tasks/a", "tasks/b", "tasks/a"])


def test_a_store_that_fails_is_asked_again(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = events.existing
    failures = iter([True])

    def fails_once(name: str) -> Iterator[Record]:
        if next(failures, False):
            raise OSError("away")
        return found(name)

    put(bucket, "tasks/a")
    monkeypatch.setattr(events, "existing", fails_once)
    with Running(ListedEvents, bucket) as running:
        wait_until(lambda: running.keys == ["tasks/a"])


RECORD = {"s3": {"object": {"key": "tasks/a"}}}


@pytest.mark.parametrize(("failures", "runs"), [(0, 1), (2, 3), (9, 4)])
def test_a_failed_run_is_tried_again_three_times(
    failures: int, runs: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "devserver")
    seen: list[dict[str, Any]] = []
    contexts: list[Context] = []

    def function(event: dict[str, Any], context: Context) -> None:
        seen.append(event)
        contexts.append(context)
        if len(seen) <= failures:
            raise RuntimeError("once more")

    Worker(function, threading.Event(), pauses=(0, 0, 0))(RECORD)
    last = "on_object_created tasks/a" + ("" if failures < runs else " failed; given up")
    wait_until(lambda: last in caplog.messages)
    assert seen == [{"Records": [RECORD]}] * runs
    assert contexts[0].get_remaining_time_in_millis() > 890_000


def test_a_scheduled_function_is_called_again_whatever_becomes_of_it() -> None:
    stop = threading.Event()
    calls: list[str] = []

    def function(event: dict[str, Any], context: Context) -> None:
        calls.append(context.function_name)
        if len(calls) == 3:
            stop.set()
        raise RuntimeError("always")

    repeat(function, "sweep", 0, stop)
    assert calls == ["sweep"] * 3
