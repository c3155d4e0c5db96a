"""Callers by their AWS identity, whose signature API Gateway has verified before it calls us.

Formats of the ARNs: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

import re

from chalicelib.errors import InvalidRequest, Unauthorized
from chalicelib.registry.callers import READ, WRITE, Caller
from chalicelib.registry.naming import check_user_id, shown

_ARN = re.compile(
    r"arn:aws[a-z-]*:(?P<service>iam|sts)::(?P<account>\d{12}):(?P<kind>[a-z-]+)(?:/(?P<name>.+))?"
)


def caller_of(arn: str | None, account: str | None, api_account: str | None, address: str) -> Caller:
    """An IAM user by its name, whoever has assumed a role by the role's name; of the API's own account only.

    Which methods they may call is what IAM policies on `execute-api` say, so they have both scopes, and
    none is an admin. Raises `Unauthorized`, with the reason, for everybody else.
    """
    if arn is None:
        raise Unauthorized("This needs an AWS signature: sign the request with Signature Version 4")
    found = _ARN.fullmatch(arn)
    if found is None:
        raise Unauthorized("The request's AWS identity is neither an IAM user nor an assumed role")
    if {found["account"], account} != {api_account}:
        raise Unauthorized("The request's AWS identity is of another account than this service")
    user_id = _user_id(found["service"], found["kind"], found["name"] or "")
    try:
        check_user_id(user_id)
    except InvalidRequest:
        raise Unauthorized(
            f"The AWS identity's name {shown(user_id)} can't name a user here: allowed are letters, digits and"
            " . _ @ + -, a letter or digit first"
        ) from None
    return Caller(user_id, frozenset({READ, WRITE}), address=address)


def _user_id(service: str, kind: str, name: str) -> str:
    match service, kind:
        case "iam", "user":
            return name.rpartition("/")[2]
        case "sts", "assumed-role":
            # The session's name, after the role's, is chosen by whoever assumes the role.
            return name.partition("/")[0]
        case "iam", "root":
            raise Unauthorized("The account's root user can't be used here: use an IAM user or a role")
        case "sts", "federated-user":
            raise Unauthorized("Federated users can't be told apart here: use an IAM user or a role")
        case _:
            raise Unauthorized("The request's AWS identity is neither an IAM user nor an assumed role")
