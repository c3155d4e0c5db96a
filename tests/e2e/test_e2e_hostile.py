"""Texts, names and contents that look like something else, through every door and on every store."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import requests
from doors import OCTETS, Client, Door, pieces, put, sha256, zipped
from each import each

from benchmarks._hostile import TEXTS, contents, metadata

ROOT = Path(__file__).parent.parent.parent
FILES = contents()


def lose_the_rows(door: Door, user: str) -> None:
    """Removes all rows of a user's versions."""
    rows = [(pk, sk) for pk, sk in door.rows(user) if not pk.startswith("upload#")]
    assert rows
    for pk, sk in rows:
        door.dynamodb.delete_item(TableName=door.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})


def rebuild(door: Door) -> None:
    """Makes the index again while the service runs, as another process."""
    environment = {**os.environ, **door.environment}
    code = "from chalicelib.registry.rebuilding import rebuild; print(rebuild())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_metadata(document: Any, wanted: dict[str, Any]) -> None:
    assert {name: document[name] for name in wanted} == wanted


def check_contents(client: Client, version: str, files: dict[str, bytes]) -> None:
    listed = client.json("/net/files", version=version)["files"]
    assert [file["filename"] for file in listed] == sorted(files)
    assert {file["filename"]: file["file_hash"] for file in listed} == {
        n: sha256(d) for n, d in files.items()
    }
    for name, data in each(files.items()):
        assert client.content("net", version=version, filename=name) == data, name
        if len(data) < 4_000_000:
            inline = requests.get(
                client.url("/net/download"),
                params={"version": version, "filename": name},
                headers=OCTETS,
                timeout=60,
            )
            assert (inline.status_code, inline.content) == (200, data), name


def check_zip(client: Client, version: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(client.content("net", version=version))) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == files


def test_whatever_is_stored_is_text_and_bytes(client: Client, tmp_path: Path) -> None:
    first, second = metadata(0), metadata(3)
    listed = [
        {"filename": name, "file_size": len(data), "file_hash": sha256(data), "description": text[:500]}
        for (name, data), text in zip(FILES.items(), TEXTS * 2, strict=False)
    ]
    plan = client.plan("files", "net", files=listed, **first)
    put(pieces(plan, FILES), tmp_path)
    done = client.complete(plan)
    assert done.status_code == 200, done.text
    check_metadata(done.json(), first)
    # The same again is copied inside the store; a form and a ZIP bring them as well.
    again = client.plan("files", "net", version="v2", files=listed, **second)
    assert all(file["already_stored"] or not file["file_size"] for file in each(again["files"]))
    assert client.complete(again).status_code == 200
    small = {name: data for name, data in FILES.items() if len(data) < 1_000_000}
    assert client.form("folder", "net", "<Error>.zip", zipped(small), version="v3").status_code == 200

    check_contents(client, "v1", FILES)
    for version, files in (("v1", FILES), ("v2", FILES), ("v3", small)):
        check_zip(client, version, files)

    assert requests.put(client.url("/net?version=v1"), json=second, timeout=60).status_code == 200
    check_metadata(client.json("/net", version="v1"), second)
    before = answers(client)
    assert len(before["list"]) == 3
    assert all(len(before[query]["models"]) >= 2 for query in ("error", "🦊 turn 3", "<Code>"))

    lose_the_rows(client.door, client.user)
    assert client.json()["models"] == []
    rebuild(client.door)
    assert answers(client) == before
    check_zip(client, "v1", FILES)

    gone = requests.delete(client.url("/net"), params={"all_versions": "true"}, timeout=60)
    assert gone.status_code == 200
    assert client.door.keys(client.user) == []


def answers(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = {
        "list": client.json()["models"],
        "tag": client.json(tags="<Error>,🦊\u200b")["models"],
    }
    for query in ("error", "🦊 turn 3", "<Code>"):
        url = f"{client.door.url}/ai-models/search/{client.user}"
        answer = requests.get(url, params={"query": query}, headers=client.headers, timeout=60)
        assert answer.status_code == 200, answer.text
        found[query] = answer.json()
    return found
