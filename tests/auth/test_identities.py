"""Callers by the AWS identity that API Gateway has verified."""

import pytest

from chalicelib.auth.authentication import Credentials, authenticate
from chalicelib.errors import Unauthorized
from chalicelib.registry.callers import ADMIN, READ, WRITE, Caller

HERE, THERE = "123456789012", "210987654321"


def who(arn, account=HERE, api_account=HERE):
    return authenticate(Credentials("Bearer x", arn, account, api_account, "192.0.2.7"))


@pytest.fixture(autouse=True)
def iam(configure):
    configure(auth="iam")


@pytest.mark.parametrize(
    ("arn", "user_id"),
    [
        (f"arn:aws:iam::{HERE}:user/ana", "ana"),
        (f"arn:aws:iam::{HERE}:user/teams/vision/ana@x.example", "ana@x.example"),
        (f"arn:aws:sts::{HERE}:assumed-role/Training/ana", "Training"),
        (f"arn:aws:sts::{HERE}:assumed-role/Training/a/b", "Training"),
        (f"arn:aws-cn:sts::{HERE}:assumed-role/Training/i-0123", "Training"),
        (f"arn:aws-us-gov:iam::{HERE}:user/ana", "ana"),
    ],
)
def test_users_and_roles_are_known_by_name(arn, user_id):
    caller = who(arn)
    assert caller == Caller(user_id, frozenset({READ, WRITE}), address="192.0.2.7")
    assert not caller.may(ADMIN)


@pytest.mark.parametrize(
    ("arn", "account", "api_account"),
    [
        (f"arn:aws:iam::{THERE}:user/ana", THERE, HERE),
        (f"arn:aws:iam::{THERE}:user/ana", HERE, HERE),
        (f"arn:aws:iam::{HERE}:user/ana", THERE, HERE),
        (f"arn:aws:iam::{HERE}:user/ana", HERE, None),
        (f"arn:aws:iam::{HERE}:user/ana", None, HERE),
    ],
)
def test_other_accounts_are_refused(arn, account, api_account):
    with pytest.raises(Unauthorized, match="of another account than this service"):
        who(arn, account, api_account)


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (None, "sign the request with Signature Version 4"),
        ("", "neither an IAM user nor an assumed role"),
        ("anonymous", "neither an IAM user nor an assumed role"),
        (f"arn:aws:iam::{HERE}:role/Training", "neither an IAM user nor an assumed role"),
        (f"arn:aws:sts::{HERE}:user/ana", "neither an IAM user nor an assumed role"),
        (f"arn:aws:iam::{HERE}:assumed-role/Training/ana", "neither an IAM user nor an assumed role"),
        (f"arn:aws:iam::{HERE}:root", "root user"),
        (f"arn:aws:sts::{HERE}:federated-user/ana", "Federated users"),
        (f"arn:aws:iam::{HERE}:user/a=b", "'a=b' can't name a user"),
        (f"arn:aws:iam::{HERE}:user/uploads", "'uploads' can't name a user"),
        (f"arn:aws:iam::{HERE}:user/", "neither an IAM user nor an assumed role"),
        (f"arn:aws:sts::{HERE}:assumed-role/_x/ana", "'_x' can't name a user"),
    ],
)
def test_other_identities_are_refused_with_the_reason(arn, said):
    with pytest.raises(Unauthorized, match=said):
        who(arn)
