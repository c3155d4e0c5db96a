"""What each function of the service does in AWS, as actions of IAM on parts of bucket and table."""

import urllib.parse
from contextlib import contextmanager
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

import app as service
from chalicelib.store.signing import Signer
from infra.policies import INDEXES, TABLE

BUCKET = ""
_OBJECTS = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
}
_BUCKETS = {
    "HeadBucket": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
}
_COPIES = ("CopyObject", "UploadPartCopy")
_WRITES = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


def needs(operation, arguments):
    """The pairs of part and action that a call needs; `KeyError` for one that nobody has thought of."""
    if operation == "TransactWriteItems":
        return {(TABLE, f"dynamodb:{_WRITES[kind]}") for item in arguments["TransactItems"] for kind in item}
    if "TableName" in arguments or "RequestItems" in arguments:
        return {(INDEXES if "IndexName" in arguments else TABLE, f"dynamodb:{operation}")}
    if operation in _BUCKETS:
        return {(BUCKET, _BUCKETS[operation])}
    if operation == "DeleteObjects":
        return {(_part(item["Key"]), "s3:DeleteObject") for item in arguments["Delete"]["Objects"]}
    if operation in _COPIES:
        return {
            (_part(arguments["Key"]), "s3:PutObject"),
            (_part(_source(arguments["CopySource"])), "s3:GetObject"),
        }
    return {(_part(arguments["Key"]), _OBJECTS[operation])}


def _part(key):
    return key.partition("/")[0] + "/"


def _source(given):
    return given["Key"] if isinstance(given, dict) else urllib.parse.unquote(given).partition("/")[2]


class Recorder:
    """Notes what the three functions do while it is entered."""

    def __init__(self):
        self.needed = {"api": set(), "on-object-created": set(), "sweep": set()}
        self._function = None

    def _note(self, pairs):
        if self._function:
            self.needed[self._function] |= pairs

    def _within(self, name, run):
        def recorded(*arguments):
            self._function = name
            try:
                return run(*arguments)
            finally:
                self._function = None

        return recorded

    @contextmanager
    def recording(self):
        original, url = BaseClient._make_api_call, Signer.url
        handler = type(service.app).__call__

        def call(client, operation, arguments):
            self._note(needs(operation, arguments))
            try:
                return original(client, operation, arguments)
            except ClientError as error:
                # That an object is missing is said only to who may list the bucket.
                if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                    self._note({(BUCKET, "s3:ListBucket")})
                raise

        def sign(signer, method, key, *arguments, **named):
            # A URL does what its maker may do.
            self._note({(_part(key), _OBJECTS[{"GET": "GetObject", "PUT": "UploadPart"}[method]])})
            return url(signer, method, key, *arguments, **named)

        with (
            patch.object(BaseClient, "_make_api_call", call),
            patch.object(Signer, "url", sign),
            patch.object(type(service.app), "__call__", self._within("api", handler)),
            patch.object(
                service, "on_object_created", self._within("on-object-created", service.on_object_created)
            ),
            patch.object(service, "sweep", self._within("sweep", service.sweep)),
        ):
            yield self

    def table(self):
        """Actions by part, for each function."""
        made = {}
        for function, pairs in self.needed.items():
            parts = sorted({part for part, _ in pairs})
            made[function] = {part: sorted(action for at, action in pairs if at == part) for part in parts}
        return made
