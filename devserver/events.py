"""Two ways to hear of objects that appear under `uploads/` and `tasks/`."""

import json
import logging
from collections.abc import Iterator, Mapping
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote_plus

from chalicelib.store import keys

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger("devserver")

_PAUSE = 0.5
"""Seconds between two looks into a bucket without events, and before another try when a store is away."""

Record = Mapping[str, Any]


class Handler(Protocol):
    """Takes one S3 record; how it is done, and done again, is the handler's matter."""

    def __call__(self, record: Record, /) -> None: ...


class Events(Protocol):
    """A source of S3 records."""

    def run(self, stop: Event) -> None:
        """Hands on each object that lies there already, then each that appears, until `stop` is set."""


class QueueEvents:
    """S3's own events through a queue: what AWS itself delivers, at once, and at no cost while idle.

    A message leaves the queue as soon as it is handed on. What a kill interrupts is not lost: a task's
    object stays in the bucket until the task is done, and is found there at the next start.
    """

    def __init__(self, bucket: str, handle: Handler) -> None:
        """Makes the queue and leads the bucket's events to it; from here on none is missed."""
        self._bucket = bucket
        self._handle = handle
        self._sqs = _sqs()
        # A queue's name has no dots, a bucket's may.
        self._url = self._sqs.create_queue(QueueName=f"{bucket.replace('.', '-')}-events")["QueueUrl"]
        names: Any = ["QueueArn"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"][
            "QueueArn"
        ]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _policy(bucket, arn)})
        _notify(bucket, arn)

    def run(self, stop: Event) -> None:
        """See `Events`."""
        for record in existing(self._bucket):
            self._handle(record)
        while not stop.is_set():
            try:
                self._receive()
            except Exception:
                if not stop.wait(_PAUSE):
                    log.exception("The queue of events cannot be read; trying again")

    def _receive(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        for message in answer.get("Messages", []):
            # The first message of a bucket, s3:TestEvent, has no records.
            for record in json.loads(message["Body"]).get("Records", []):
                self._handle(record)
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


class ListedEvents:
    """Looks into the bucket twice a second: for an S3 that has no events, or sends them elsewhere."""

    def __init__(self, bucket: str, handle: Handler) -> None:
        self._bucket = bucket
        self._handle = handle
        self._known: set[tuple[str, str, str]] = set()

    def run(self, stop: Event) -> None:
        """See `Events`."""
        while not stop.is_set():
            try:
                self._look()
            except Exception:
                log.exception("The bucket cannot be listed; trying again")
            stop.wait(_PAUSE)

    def _look(self) -> None:
        # The time tells a task that was asked for again from the one before: both are empty objects.
        found = {_identity(record): record for record in existing(self._bucket)}
        for identity in found.keys() - self._known:
            self._handle(found[identity])
        self._known = set(found)


def existing(bucket: str) -> Iterator[Record]:
    """A record for each object that lies under the prefixes now."""
    pages = _s3().get_paginator("list_objects_v2")
    for prefix in keys.WORKER_PREFIXES:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield _record(
                    bucket, item["Key"], item["Size"], item["ETag"], item["LastModified"].isoformat()
                )


def _record(bucket: str, key: str, size: int, etag: str, created: str) -> Record:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": created,
        "s3": {
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag.strip('"')},
        },
    }


def _identity(record: Record) -> tuple[str, str, str]:
    created = record["s3"]["object"]
    return created["key"], created["eTag"], record["eventTime"]


def _policy(bucket: str, queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _notify(bucket: str, queue_arn: str) -> None:
    configurations: Any = [
        {
            "QueueArn": queue_arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        for prefix in keys.WORKER_PREFIXES
    ]
    _s3().put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )


def _s3() -> "S3Client":
    from chalicelib.store import bucket

    return bucket.client()


def _sqs() -> "SQSClient":
    from chalicelib.store import bucket

    # Where S3 is, its events are.
    return bucket.session().client("sqs")
