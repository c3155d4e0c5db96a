"""What each function may do with bucket and table. `tests/infra/test_policies.py` holds it to what they do."""

from collections.abc import Mapping
from typing import Any

from infra.intrinsics import if_on, sub
from infra.names import Names

Rights = Mapping[str, tuple[str, ...]]
"""Actions by what they are done to: the bucket (""), objects under a prefix, the table, its indexes."""

TABLE, INDEXES = "table", "index"

_ALL_OBJECTS = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
_OBJECTS = {
    "": ("s3:ListBucket", "s3:ListBucketMultipartUploads"),
    "models/": (*_ALL_OBJECTS, "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    "manifests/": _ALL_OBJECTS,
    "uploads/": (*_ALL_OBJECTS, "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    "zips/": (*_ALL_OBJECTS, "s3:AbortMultipartUpload"),
    "tasks/": ("s3:PutObject", "s3:DeleteObject"),
}
_ROWS = {
    TABLE: (
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ),
    INDEXES: ("dynamodb:Query",),
}
RIGHTS: Mapping[str, Rights] = {
    "api": _OBJECTS | _ROWS,
    "on-object-created": _OBJECTS | {TABLE: _ROWS[TABLE]},
    "sweep": _OBJECTS | {TABLE: _ROWS[TABLE]},
}


def statements(names: Names, function: str) -> list[Any]:
    """The statements of a function's role about the service's own things."""
    made = [
        {"Effect": "Allow", "Action": list(actions), "Resource": _resource(names, where)}
        for where, actions in RIGHTS[function].items()
    ]
    if function == "api":
        made.append(_secret())
    return made


def _resource(names: Names, where: str) -> dict[str, str]:
    table = f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{names.table}"
    if where == TABLE:
        return sub(table)
    if where == INDEXES:
        return sub(f"{table}/index/*")
    return sub(f"arn:${{AWS::Partition}}:s3:::{names.bucket}" + (f"/{where}*" if where else ""))


def _secret() -> dict[str, Any]:
    """The secret of HS256, where there is one: its ARN says which of the two actions is meant."""
    return if_on(
        "Secret",
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameter"],
            "Resource": {"Ref": "JwtSecret"},
        },
    )
