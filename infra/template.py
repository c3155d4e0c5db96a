"""The stack's template: what Chalice makes of `app.py`, merged with ours."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from devserver.console import Halt
from infra import alarms, functions, gateway, stores
from infra.dependencies import ROOT
from infra.names import Names
from infra.package import own_files
from infra.parameters import PARAMETERS

STAGE = "api"
"""API Gateway's stage, as `.chalice/config.json` names it: the last part of the address."""
_TAGS = "Tags"


def merged_in(names: Names) -> dict[str, Any]:
    """Our part of the template, which `chalice package` merges with its own."""
    return {
        "Description": f"Weighthouse, a registry for AI model files: stage {names.stage}",
        "Parameters": {parameter.key: parameter.declaration() for parameter in PARAMETERS},
        "Conditions": {
            "AccessLogged": {"Fn::Equals": [{"Ref": "AccessLogs"}, "on"]},
            "Alarmed": _is_given("AlarmEmail"),
            "OwnDomain": _is_given("Domain"),
            "Secret": _is_given("JwtSecret"),
            "Traced": {"Fn::Equals": [{"Ref": "Xray"}, "on"]},
            "Versioned": {"Fn::Equals": [{"Ref": "Versioning"}, "on"]},
        },
        "Resources": {
            **stores.resources(names),
            **functions.resources(names),
            **gateway.resources(names),
            **alarms.resources(names),
        },
        "Outputs": {
            "BaseURL": {"Description": "Where the API answers.", "Value": gateway.base_url()},
            "Bucket": {"Description": "The bucket with all objects.", "Value": {"Ref": "Bucket"}},
            "Table": {"Description": "The table with the index.", "Value": {"Ref": "Table"}},
            "DeadLetters": {
                "Description": "The queue of calls that were given up.",
                "Value": {"Ref": "DeadLetters"},
            },
            "DomainTarget": {
                "Condition": "OwnDomain",
                "Description": "What the CNAME record of the domain points to.",
                "Value": {"Fn::GetAtt": ["CustomDomain", "RegionalDomainName"]},
            },
        },
    }


def _is_given(key: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": key}, ""]}]}


def build(names: Names, auth: str, code: str) -> dict[str, Any]:
    """The template of a stage; `code` is where the package lies, as in `s3://bucket/key`. `Halt` when Chalice fails."""
    template = _chalice_package(merged_in(names))
    resources = template["Resources"]
    # Its rights are those of the roles that replace it.
    del resources["DefaultRole"]
    for function in functions.FUNCTIONS:
        properties = resources[function.logical_id]["Properties"]
        properties["CodeUri"] = code
        # They name Chalice's own stage, which is not ours.
        del properties[_TAGS]
    gateway.complete_definition(resources["RestAPI"]["Properties"]["DefinitionBody"], names, auth)
    for output in ("APIHandlerArn", "APIHandlerName", "EndpointURL"):
        del template["Outputs"][output]
    return template


def _chalice_package(ours: dict[str, Any]) -> dict[str, Any]:
    """What `chalice package` makes of the app and our part.

    It sees a copy without requirements, so that it spends no time on a package of its own: ours is for any
    platform and has the same bytes every time.
    """
    with tempfile.TemporaryDirectory(prefix="weighthouse-") as temporary:
        project = Path(temporary) / "project"
        for file in [*own_files(), ROOT / ".chalice/config.json"]:
            target = project / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        (project / "requirements.txt").touch()
        (project / "merged.json").write_text(json.dumps(ours))
        chalice = str(Path(sys.executable).with_name("chalice"))
        command = [chalice, "package", "--merge-template=merged.json", "made"]
        done = subprocess.run(command, cwd=project, env=_environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise Halt(f"`chalice package` failed:\n{done.stdout}{done.stderr}")
        made: dict[str, Any] = json.loads((project / "made/sam.json").read_text())
        return made


def _environment() -> dict[str, str]:
    """What Chalice needs; a setting of the user's could keep `app.py` from being read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEIGHTHOUSE_")}
    # Chalice wants to know one, and writes it nowhere.
    return {**kept, "AWS_DEFAULT_REGION": kept.get("AWS_DEFAULT_REGION", "us-east-1")}
