"""`make destroy`: removes a stage's stack, and with `DATA=delete` what it keeps."""

import os
from typing import Any

from devserver.console import Halt, say
from infra.account import Account
from infra.deploy import names_of
from infra.names import Names
from infra.stack import Stack


def destroy(stage: str, *, data: bool) -> None:
    """Deletes the stack, and with `data` the bucket and the table with all that is in them.

    Raises `Halt` when there is nothing of that stage.
    """
    account = Account()
    stack = Stack(account, stage)
    current = stack.describe()
    names = names_of(stage, account, current, os.environ)
    if current is None and not data:
        raise Halt(
            f"There is no stack {stack.name} in account {account.id} in {account.region}; DATA=delete also removes"
            " a bucket and a table that it has left."
        )
    if current:
        say(f"Deleting the stack {stack.name} …")
        stack.delete()
    if data:
        _delete_data(account, names)
    else:
        say(
            f"Kept: the bucket {names.bucket} and the table {names.table}. A new deployment takes them in again."
        )


def _delete_data(account: Account, names: Names) -> None:
    s3, dynamodb = account.client("s3"), account.client("dynamodb")
    if _is_there(lambda: s3.head_bucket(Bucket=names.bucket)):
        say(f"Deleting the bucket {names.bucket} …")
        _empty(s3, names.bucket)
        s3.delete_bucket(Bucket=names.bucket)
    if _is_there(lambda: dynamodb.describe_table(TableName=names.table)):
        say(f"Deleting the table {names.table} …")
        dynamodb.update_table(TableName=names.table, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=names.table, WaiterConfig={"Delay": 2})
        dynamodb.delete_table(TableName=names.table)


def _is_there(look: Any) -> bool:
    from botocore.exceptions import ClientError

    try:
        look()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket", "ResourceNotFoundException"):
            return False
        raise
    return True


def _empty(s3: Any, bucket: str) -> None:
    """Removes every version of every object, and every multipart upload."""
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    # Always the first page: a marker may stand on what is deleted by then.
    while listed := _versions(s3.list_object_versions(Bucket=bucket)):
        refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": listed, "Quiet": True}).get("Errors")
        if refused:
            raise Halt(f"{bucket}/{refused[0]['Key']} could not be deleted: {refused[0].get('Message')}")


def _versions(page: Any) -> list[dict[str, str]]:
    """The versions and delete markers on a page of their list."""
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
