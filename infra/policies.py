"""What each function may do with bucket and table. `tests/registry/test_rights.py` holds it to what they do."""

from collections.abc import Mapping
from typing import Any

from infra.intrinsics import if_on, sub
from infra.names import Names

Rights = Mapping[str, tuple[str, ...]]
"""Actions by what they are done to: the bucket (""), objects under a prefix, the table, its indexes."""

TABLE, INDEXES = "table", "index"

_GET, _PUT, _DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
_ABORT, _PARTS = "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"
_LISTS = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
"""Also that an object is missing is only said to who may list the bucket."""
_ROWS = (
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
RIGHTS: Mapping[str, Rights] = {
    "api": {
        "": _LISTS,
        # Presigned URLs do what the function may do that made them.
        "models/": (_ABORT, _DELETE, _GET, _PARTS, _PUT),
        "manifests/": (_DELETE, _GET, _PUT),
        "uploads/": (_ABORT, _DELETE, _GET, _PARTS, _PUT),
        "zips/": (_ABORT, _DELETE, _GET, _PUT),
        "tasks/": (_DELETE, _PUT),
        "access/": (_DELETE, _PUT),
        "tokens/": (_DELETE, _PUT),
        TABLE: ("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", *_ROWS),
        INDEXES: ("dynamodb:Query",),
    },
    "on-object-created": {
        "": _LISTS,
        "models/": (_ABORT, _DELETE, _GET, _PARTS, _PUT),
        # What an earlier run has left is replaced over its ETag, and read for that.
        "manifests/": (_DELETE, _GET, _PUT),
        "uploads/": (_ABORT, _DELETE, _GET, _PARTS, _PUT),
        "zips/": (_ABORT, _DELETE, _GET, _PUT),
        "tasks/": (_DELETE, _PUT),
        TABLE: _ROWS,
    },
    "sweep": {
        "": _LISTS,
        "models/": (_ABORT, _DELETE),
        "manifests/": (_DELETE,),
        "uploads/": (_ABORT, _DELETE),
        "zips/": (_ABORT, _DELETE),
        "tasks/": (_DELETE, _PUT),
        "access/": (_DELETE, _PUT),
        TABLE: ("dynamodb:ConditionCheckItem", *_ROWS),
    },
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
