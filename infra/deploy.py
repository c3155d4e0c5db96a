"""`make deploy`: from the files of this folder to an API that answers."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from devserver.console import Halt, say
from infra import emulator, package, parameters
from infra.account import Account
from infra.dependencies import Platform, lambda_platform, this_platform
from infra.functions import FUNCTIONS
from infra.names import Names, default_names
from infra.stack import Described, Stack
from infra.template import STAGE, build


def deploy(stage: str, *, public: bool) -> str:
    """Deploys a stage with the parameters of this environment, and gives the address of its API.

    `public` allows a service that anybody may use. Raises `Halt` when something outside must change first.
    """
    account = Account()
    stack = Stack(account, stage)
    current = stack.describe()
    values = parameters.completed(
        parameters.given(os.environ), current.parameters if current and current.outputs else {}
    )
    parameters.check(values, public=public)
    names = names_of(stage, account, current, os.environ)

    made = package.make(_platform(account, values))
    say(f"Package: {made.size:,} bytes, SHA-256 {made.sha256}")
    key = f"{made.sha256}.zip"
    bucket = account.upload(key, made.path.read_bytes())
    template = build(names, values["Auth"], f"s3://{bucket}/{key}")
    if account.endpoint:
        emulator.fit(template, [function.logical_id for function in FUNCTIONS], account.endpoint)
    say(f"Deploying the stack {stack.name} to account {account.id} in {account.region} …")
    stack.bring_to(_upload_template(account, template), values)
    return _finish(account, stack, template)


def names_of(
    stage: str, account: Account, current: Described | None, environment: Mapping[str, str]
) -> Names:
    """A stage's names: the stack's own where it is there, those given, or the defaults."""
    default = default_names(stage, account.id, account.region)
    there = current.outputs if current else {}
    names = Names(
        stage,
        bucket=there.get("Bucket") or environment.get("WEIGHTHOUSE_BUCKET") or default.bucket,
        table=there.get("Table") or environment.get("WEIGHTHOUSE_TABLE") or default.table,
    )
    for variable, name in (("WEIGHTHOUSE_BUCKET", names.bucket), ("WEIGHTHOUSE_TABLE", names.table)):
        if environment.get(variable, name) != name:
            raise Halt(
                f"{variable} is {environment[variable]!r}, but the stage {stage} keeps its data in {name!r}:"
                " leave it out, or deploy another stage."
            )
    return names


def _platform(account: Account, values: Mapping[str, str]) -> Platform:
    if account.endpoint and emulator.runs_functions_here(account.endpoint):
        return this_platform()
    return lambda_platform(values["Architecture"])


def _upload_template(account: Account, template: Mapping[str, Any]) -> str:
    """Where CloudFormation reads the template: in a request it takes 51,200 bytes.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    data = json.dumps(template, sort_keys=True).encode()
    key = f"{sha256(data).hexdigest()}.json"
    bucket = account.upload(key, data)
    s3 = account.client("s3")
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


def _finish(account: Account, stack: Stack, template: Mapping[str, Any]) -> str:
    """Tells what came out, the address first."""
    described = stack.describe()
    assert described is not None
    outputs = dict(described.outputs)
    if account.endpoint:
        api = outputs["RestAPIId"]
        definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        emulator.mend_api(account, api, STAGE, definition)
        outputs["BaseURL"] = emulator.base_url(account.endpoint, api, STAGE)
    url = outputs.pop("BaseURL")
    say(f"\nBaseURL: {url}")
    for key, value in sorted(outputs.items()):
        say(f"{key}: {value}")
    return url
