"""What is inside the package that Lambda runs, as CycloneDX JSON (https://cyclonedx.org/docs/1.6/json/)."""

import json
import re
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

NAME = "weighthouse-service"


def _described(metadata: Path) -> tuple[dict[str, Any], list[str]]:
    """A component, and the names of what it needs where no extra is asked for."""
    read = HeaderParser().parsestr(metadata.read_text())
    name, version = re.sub(r"[-_.]+", "-", read["Name"]).lower(), read["Version"]
    component = {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    if read["License-Expression"]:
        component["licenses"] = [{"expression": read["License-Expression"]}]
    elif read["License"] and "\n" not in read["License"]:
        component["licenses"] = [{"license": {"name": read["License"]}}]
    wanted = [line for line in read.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line) for line in wanted]
    return component, [re.sub(r"[-_.]+", "-", found[0]).lower() for found in names if found]


def made(installed: Path, package_sha256: str) -> bytes:
    """The bill of a package with this hash: the same bytes for the same packages in the folder."""
    described = [_described(file) for file in installed.glob("*.dist-info/METADATA")]
    described.sort(key=lambda pair: str(pair[0]["name"]))
    names = {component["name"] for component, _ in described}
    root = {
        "type": "application",
        "bom-ref": NAME,
        "name": NAME,
        "hashes": [{"alg": "SHA-256", "content": package_sha256}],
    }
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": [component for component, _ in described],
        "dependencies": [
            {"ref": NAME, "dependsOn": sorted(names)},
            *({"ref": one["name"], "dependsOn": sorted(names & set(needs))} for one, needs in described),
        ],
    }
    return json.dumps(bill, indent=2).encode() + b"\n"
