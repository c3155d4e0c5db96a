"""What the service counts on in a store, asked of each store itself: a stand-in that lacks it fails here by name."""

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from doors import Door


def status(call: Callable[[], Any]) -> int:
    try:
        answer = call()
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def test_objects_are_written_and_removed_on_conditions(door: Door) -> None:
    s3, where = door.s3, {"Bucket": door.bucket, "Key": f"conditions/{uuid.uuid4().hex}"}

    def put(body: bytes, **condition: str) -> int:
        return status(lambda: s3.put_object(**where, Body=body, **condition))

    def delete(**condition: str) -> int:
        return status(lambda: s3.delete_object(**where, **condition))

    def etag() -> str:
        found: str = s3.head_object(**where)["ETag"]
        return found

    assert put(b"1", IfMatch='"0123"') in (404, 412)
    assert put(b"1", IfNoneMatch="*") == 200
    assert put(b"2", IfNoneMatch="*") == 412
    first = etag()
    assert put(b"2", IfMatch=first) == 200
    assert put(b"3", IfMatch=first) == 412
    assert delete(IfMatch=first) == 412
    assert s3.get_object(**where)["Body"].read() == b"2"
    assert delete(IfMatch=etag()) == 204
    assert delete(IfMatch=first) in (404, 412)
    assert put(b"4", IfNoneMatch="*") == 200
    s3.delete_object(**where)
