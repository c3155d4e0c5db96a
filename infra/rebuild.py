"""`make rebuild STAGE=…`: makes a deployed stage's index again from its bucket, from this machine."""

import os
from pathlib import Path

from devserver.console import Halt, say
from devserver.stores import check, tell
from infra.account import Account
from infra.deploy import names_of
from infra.stack import Stack


def rebuild(stage: str, *, dry_run: bool) -> None:
    """Writes the rows of every version in the stage's bucket into its table.

    `Halt` when there is no such stage, or when something could not be restored. With `dry_run` nothing is changed.
    """
    account = Account()
    stack = Stack(account, stage)
    current = stack.describe()
    if current is None:
        raise Halt(
            f"There is no stack {stack.name} in account {account.id} in {account.region}: deploy it first. It takes in"
            " the bucket that it had, and makes a table where there is none."
        )
    names = names_of(stage, account, current, os.environ)
    os.environ.update(WEIGHTHOUSE_BUCKET=names.bucket, WEIGHTHOUSE_TABLE=names.table)
    # Not before the environment says which stores are meant: settings are read once.
    from chalicelib.registry import rebuilding

    say(f"Making the index in {names.table} again from {names.bucket} …")
    report = rebuilding.rebuild(dry_run=dry_run, say=say)
    tell(report, Path("build") / f"rebuild-{stage}.log")
    check(report)
