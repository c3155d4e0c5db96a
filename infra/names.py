"""What things are called in an account. The two stores' names are literals in the template.

CloudFormation takes a bucket and a table that are there already into a new stack only by a literal name
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html).
"""

import re
from dataclasses import dataclass

from devserver.console import Halt

STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""So that the bucket's name stays within S3's 63 characters, whatever the region."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one stage's things."""

    stage: str
    bucket: str
    table: str

    @property
    def stack(self) -> str:
        """The stack, and what the names of its functions begin with."""
        return stack_name(self.stage)


def stack_name(stage: str) -> str:
    """The stack of a stage; `Halt` when there can be no stage of this name."""
    if not STAGE.fullmatch(stage):
        raise Halt(
            f"STAGE is {stage!r}: it must begin with a lower-case letter, have only those, digits and hyphens,"
            " and at most 20 of them, as in STAGE=prod."
        )
    return f"weighthouse-{stage}"


def default_names(stage: str, account: str, region: str) -> Names:
    """The names that are taken where none is given."""
    stack = stack_name(stage)
    return Names(stage, bucket=f"{stack}-{account}-{region}", table=stack)


def deployment_bucket(account: str, region: str) -> str:
    """The bucket that CloudFormation takes packages and templates from."""
    return f"weighthouse-deployments-{account}-{region}"
