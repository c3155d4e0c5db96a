"""One CloudFormation stack: brought to a state by a change set, watched while it changes, and read."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devserver.console import Halt, say
from infra.account import Account
from infra.names import stack_name

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_NEVER_MADE = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
"""States of a stack that has nothing in it but what a failed creation or deletion has left."""
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_LONGEST = 5.0
"""Seconds between two looks at what is going on."""


@dataclass(frozen=True, slots=True)
class Described:
    """A stack as it is."""

    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


class Stack:
    """The stack of a stage, whether it is there or not."""

    def __init__(self, account: Account, stage: str) -> None:
        """`Halt` for a stage that can't be one."""
        self.name = stack_name(stage)
        self._client: CloudFormationClient = account.client("cloudformation")
        self._emulated = bool(account.endpoint)
        self._told: set[str] = set()

    def describe(self) -> Described | None:
        """The stack, or None where there is none."""
        from botocore.exceptions import ClientError

        try:
            (found,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        if found["StackStatus"] == "DELETE_COMPLETE":
            return None
        return Described(
            found["StackStatus"],
            {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])},
            {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])},
        )

    def bring_to(self, template_url: str, parameters: Mapping[str, str]) -> None:
        """Creates or updates it, and takes in a bucket and a table that are there already.

        Raises `Halt` with what CloudFormation says when that fails; the stack is then as it was before.
        """
        current = self.describe()
        if current and current.status in _NEVER_MADE:
            self.delete()
            current = None
        if current and current.status.endswith("_IN_PROGRESS"):
            raise Halt(
                f"The stack {self.name} is just being changed ({current.status}): wait until it is not."
            )
        self._remember_events()
        change_set = self._change_set("UPDATE" if current else "CREATE", template_url, parameters)
        if change_set is None:
            say("Nothing has changed.")
            return
        self._client.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        status = self._wait_while_changing()
        self._tell_validation()
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            raise Halt(f"The stack {self.name} could not be brought to the new state ({status}): see above.")

    def _change_set(self, kind: Any, template_url: str, parameters: Mapping[str, str]) -> str | None:
        """The id of a change set that can be executed; None when there is nothing to change."""
        made = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType=kind,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            # Roles have no names of their own; Chalice's part is written in SAM's form.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            ImportExistingResources=True,
            # MiniStack 1.5.33 takes a bucket that is to be taken in for one that is in the way.
            DisableValidation=self._emulated,
        )["Id"]
        pause = 0.1
        while True:
            found = self._client.describe_change_set(ChangeSetName=made)
            if found["Status"] == "CREATE_COMPLETE":
                return made
            if found["Status"] == "FAILED":
                self._tell_validation()
                self._client.delete_change_set(ChangeSetName=made)
                if any(text in found.get("StatusReason", "") for text in _NO_CHANGES):
                    return None
                raise Halt(f"CloudFormation refuses the template: {found.get('StatusReason')}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def _tell_validation(self) -> None:
        """Says what CloudFormation found before it began: its other events only say that there is something."""
        from botocore.exceptions import ClientError

        with suppress(ClientError):
            for event in self._client.describe_events(StackName=self.name)["OperationEvents"]:
                if event.get("ValidationStatus") == "FAILED" and event["EventId"] not in self._told:
                    self._told.add(event["EventId"])
                    say(f"{event.get('LogicalResourceId')}: {event.get('ValidationStatusReason')}")

    def delete(self) -> None:
        """Deletes it, but for what it retains; `Halt` when that fails."""
        found = self._client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        self._remember_events()
        self._client.delete_stack(StackName=self.name)
        # A stack that is gone is known by its id alone.
        status = self._wait_while_changing(found)
        if status != "DELETE_COMPLETE":
            raise Halt(f"The stack {self.name} could not be deleted ({status}): see above.")

    def _wait_while_changing(self, name: str | None = None) -> str:
        pause = 0.1
        while True:
            (found,) = self._client.describe_stacks(StackName=name or self.name)["Stacks"]
            self._tell_failures(name)
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return found["StackStatus"]
            time.sleep(pause)
            pause = min(1.5 * pause, _LONGEST)

    def _events(self, name: str | None = None) -> list[Any]:
        from botocore.exceptions import ClientError

        try:
            return self._client.describe_stack_events(StackName=name or self.name)["StackEvents"]
        except ClientError:
            return []

    def _remember_events(self) -> None:
        self._told |= {event["EventId"] for event in self._events()}

    def _tell_failures(self, name: str | None) -> None:
        for event in reversed(self._events(name)):
            if event["EventId"] in self._told:
                continue
            self._told.add(event["EventId"])
            if event.get("ResourceStatus", "").endswith("FAILED"):
                say(
                    f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason')}"
                )
