"""The bucket and the table, as the service itself sets them up where it may: from the same values."""

from typing import Any

from chalicelib.store import keys
from chalicelib.store.bucket import CORS_RULES, LIFECYCLE_RULES
from infra.account import NOT_PUBLIC
from infra.functions import WORKER, function_arn
from infra.intrinsics import if_on, sub
from infra.names import Names

_KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_OLD_VERSIONS = {
    "Id": "old-versions",
    "Status": "Enabled",
    "Prefix": "",
    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    "ExpiredObjectDeleteMarker": True,
}
"""With versioning on, what is deleted would otherwise be paid for for ever."""
_PASSING = ("uploads/", "tasks/", "zips/", "quarantine/")
"""Where nothing lies for long: of what was removed there, no old version is of use. The shorter of two rules counts
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html)."""


def resources(names: Names) -> dict[str, Any]:
    """Bucket, its policy, the right of the bucket to call the worker, and the table."""
    return {
        "Bucket": bucket(names),
        "BucketPolicy": _bucket_policy(names),
        "WorkerPermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": WORKER.logical_id},
                "Principal": "s3.amazonaws.com",
                "SourceAccount": {"Ref": "AWS::AccountId"},
                "SourceArn": bucket_arn(names),
            },
        },
        "Table": table(names),
    }


def bucket_arn(names: Names, path: str = "") -> dict[str, str]:
    """The bucket, or objects in it."""
    return sub(f"arn:${{AWS::Partition}}:s3:::{names.bucket}{path}")


def bucket(names: Names) -> dict[str, Any]:
    """The bucket: nobody but this account, encrypted, kept when the stack goes."""
    return {
        "Type": "AWS::S3::Bucket",
        **_KEPT,
        # S3 tries whether it may call the function when it is told to.
        "DependsOn": ["WorkerPermission"],
        "Properties": {
            "BucketName": names.bucket,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "CorsConfiguration": {"CorsRules": [_cors_rule(rule) for rule in CORS_RULES]},
            "LifecycleConfiguration": {
                "Rules": [
                    *(_lifecycle_rule(rule) for rule in LIFECYCLE_RULES),
                    *(_old_versions_gone(prefix) for prefix in _PASSING),
                    _OLD_VERSIONS,
                ]
            },
            "NotificationConfiguration": {
                "LambdaConfigurations": [_notification(names, prefix) for prefix in keys.WORKER_PREFIXES]
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": dict.fromkeys(NOT_PUBLIC, True),
            # Where it was never on nothing is said: a bucket with suspended versions marks what is deleted.
            "VersioningConfiguration": if_on("Versioned", {"Status": "Enabled"}),
        },
    }


def _notification(names: Names, prefix: str) -> dict[str, Any]:
    return {
        "Event": "s3:ObjectCreated:*",
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}},
        "Function": function_arn(names, WORKER),
    }


def _cors_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of S3's API as CloudFormation has it, which calls one field otherwise."""
    return {"ExposedHeaders" if name == "ExposeHeaders" else name: value for name, value in rule.items()}


def _old_versions_gone(prefix: str) -> dict[str, Any]:
    return {
        "Id": f"old-{prefix.rstrip('/')}",
        "Status": "Enabled",
        "Prefix": prefix,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of S3's API as CloudFormation has it; `KeyError` for one that this does not know."""
    given = dict(rule)
    made = {"Id": given.pop("ID"), "Status": given.pop("Status"), "Prefix": given.pop("Filter")["Prefix"]}
    if "Expiration" in given:
        made["ExpirationInDays"] = given.pop("Expiration")["Days"]
    if given:
        made["AbortIncompleteMultipartUpload"] = given.pop("AbortIncompleteMultipartUpload")
    if given:
        raise KeyError(f"no such field in CloudFormation: {sorted(given)}")
    return made


def _bucket_policy(names: Names) -> dict[str, Any]:
    statement = {
        "Sid": "OnlyByTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn(names), bucket_arn(names, "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }


def table(names: Names) -> dict[str, Any]:
    """The table, with the keys and indexes of `chalicelib.store.rows`, kept when the stack goes."""
    from chalicelib.store.rows import Row

    # Also what `Row.create_table` goes by.
    schema = Row._get_schema()
    return {
        "Type": "AWS::DynamoDB::Table",
        **_KEPT,
        "Properties": {
            "TableName": names.table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": schema["attribute_definitions"],
            "KeySchema": schema["key_schema"],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": index["index_name"],
                    "KeySchema": index["key_schema"],
                    "Projection": index["projection"],
                }
                for index in schema["global_secondary_indexes"]
            ],
            "DeletionProtectionEnabled": True,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        },
    }
