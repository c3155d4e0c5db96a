"""What was answered before a stop, a kill or a lost table is answered after it."""

import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from doors import Client, Door, eventually, pieces, put, sha256
from each import each
from repeats import again

from benchmarks._seaweed import seaweedfs
from chalicelib.settings import MIB
from devserver.process import LocalService

ROOT = Path(__file__).parent.parent.parent
USER = "owner"


@pytest.fixture(scope="module", params=["emulator", again("seaweedfs")])
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service that tests may stop and kill, with a bit of everything in it."""
    folder = tmp_path_factory.mktemp("own")
    with ExitStack() as running:
        s3 = running.enter_context(seaweedfs()) if request.param == "seaweedfs" else None
        environment = s3.environment if s3 else {}
        service = running.enter_context(LocalService(folder / "data", env=environment))
        client = Client(Door(service, s3), USER)
        fill(client, folder)
        yield client


def fill(client: Client, folder: Path) -> None:
    for version in ("v1", "v2", "v10"):
        # What a store's own failures look like must keep no index from being made again.
        looks = {"algorithm": "<Error><Code>SlowDown</Code></Error>", "tags": "demo,flowers"}
        data = f"<Error>{version}".encode()
        client.upload("iris", "模型 1.pkl", data, version=version, test_accuracy=0.9, **looks)
    answer = requests.put(
        client.url("/iris?version=v2"), json={"description": "changed", "tags": ["flowers", "two"]}
    )
    assert answer.status_code == 200
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.pt", os.urandom(6 * MIB))
        for number in range(30):
            archive.writestr(f"folder/{number}.txt", f"text {number}")
    assert client.form("folder", "net", "net.zip", buffer.getvalue(), model_type="nlp").status_code == 200
    data = os.urandom(9 * MIB)
    plan = client.plan(
        "single", "large", filename="m.onnx", file_size=len(data), name="Large", is_active=False
    )
    put(pieces(plan, {"m.onnx": data}), folder)
    assert client.complete(plan).status_code == 200
    client.upload("gone")
    assert requests.delete(client.url("/gone")).status_code == 200
    assert requests.put(client.url("/iris/access"), json={"users": ["ben"]}).status_code == 200
    assert client.content("iris", version="v1", filename="模型 1.pkl") == b"<Error>v1"
    assert [len(history(client, model)) for model in ("iris", "gone")] == [5, 2]


def history(client: Client, model: str) -> list[Any]:
    """What was done to a model up to its sharing, which ends the filling."""
    told: list[Any] = client.json(f"/{model}/history", limit=1000)["history"]
    first = next((n for n, entry in enumerate(reversed(told), 1) if entry["action"] == "share"), len(told))
    return told[-first:]


def answers(client: Client) -> dict[str, Any]:
    """What the service answers about everything that it has."""
    listed = client.json()["models"]
    found: dict[str, Any] = {"list": listed, "page": client.json(limit=2, skip=1)["models"]}
    for filters in ({"framework": "sklearn"}, {"model_type": "nlp"}, {"tags": "flowers,two"}):
        found[str(filters)] = client.json(**filters)
    for query in ("changed", "iris flow", "net"):
        answer = requests.get(f"{client.door.url}/ai-models/search/{USER}", params={"query": query})
        found[query] = answer.json()
    for model in ("iris", "net", "large", "gone"):
        latest = client.get(f"/{model}")
        found[model] = latest.status_code, latest.json(), client.get(f"/{model}/versions").json()
    for document in each(listed):
        path, version = f"/{document['model_id']}", {"version": document["version"]}
        files = client.json(f"{path}/files", **version)["files"]
        contents = [
            client.content(document["model_id"], filename=file["filename"], **version) for file in files
        ]
        assert [file["file_hash"] for file in files] == [sha256(content) for content in contents]
        found[f"{path} {version}"] = client.json(path, **version), files
    found["access"] = client.json("/iris/access")
    found["history"] = [history(client, model) for model in ("iris", "net", "large", "gone")]
    found["zip"] = sha256(client.content("net"))
    return found


def again_after(client: Client, way: str) -> None:
    service = client.door.service
    if way == "killed":
        service.kill()
    else:
        assert service.stop() == 0
    if way == "rebuilt":
        environment = {**os.environ, **service.environment}
        command = [sys.executable, "-m", "devserver", "rebuild"]
        rebuilt = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "whole again: 5 versions with 35 files" in rebuilt.stdout
    service.start()


@pytest.mark.parametrize("way", [again("stopped"), "killed", "rebuilt"])
def test_every_answer_is_the_same_after_it_was(way: str, own: Client) -> None:
    before = answers(own)
    assert len(before["list"]) == 5
    again_after(own, way)
    assert ("The index was lost" in own.door.service.log) == (way == "killed")
    assert answers(own) == before


def test_an_upload_goes_on_after_a_stop_where_the_store_keeps_parts(own: Client) -> None:
    plan = own.plan("single", "resumed", filename="m.bin", file_size=5)
    again_after(own, "stopped")
    assert own.on_upload("GET", plan).json()["state"] == "uploading"
    fresh = own.on_upload("POST", plan, "/parts", json={"files": [{"filename": "m.bin"}]}).json()
    (url, data) = pieces(fresh, {"m.bin": b"bytes"})[0]
    kept = requests.put(url, data=data).status_code == 200
    answer = own.complete(plan)
    # The embedded AWS stand-in forgets parts when it stops.
    assert kept == own.door.durable
    if kept:
        assert answer.status_code == 200
        assert own.content("resumed", filename="m.bin") == b"bytes"
    else:
        assert answer.status_code == 400
        assert "start a new" in answer.json()["detail"]
        own.upload("resumed")
    assert requests.delete(own.url("/resumed")).status_code == 200


def _in_use(own: Client, part: str) -> list[str]:
    """The objects whose key holds `part`, but for those that a rebuild has put into quarantine."""
    return [key for key in own.door.keys(part) if not key.startswith("quarantine/")]


def test_a_kill_in_the_middle_of_uploads_loses_nothing_that_was_answered(own: Client) -> None:
    asked: list[str] = []
    acknowledged: list[str] = []

    def uploads(thread: int) -> None:
        for number in range(1000):
            asked.append(version := f"v{thread}.{number}")
            try:
                answer = own.form(
                    "single", "many", "m.bin", version.encode() * 1000, version=version, tags="many"
                )
            except requests.ConnectionError:
                return
            if answer.status_code == 200:
                acknowledged.append(version)

    threads = [threading.Thread(target=uploads, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(acknowledged) >= 20, 90)
    own.door.service.kill()
    for thread in threads:
        thread.join()
    own.door.service.start()

    there = {document["version"] for document in own.json("/many/versions", limit=1000)["models"]}
    assert set(acknowledged) <= there <= set(asked)
    for version in each(there):
        assert own.content("many", version=version, filename="m.bin") == version.encode() * 1000
    assert {document["version"] for document in own.json(tags="many", limit=1000)["models"]} == there
    whole = [f"models/{USER}/many/{version}/m.bin" for version in there]
    eventually(lambda: sorted(_in_use(own, f"{USER}/many/")) == sorted(whole + manifests(there)))
    assert requests.delete(own.url("/many?all_versions=true")).status_code == 200


def manifests(versions: set[str]) -> list[str]:
    return [f"manifests/{USER}/many/{version}.json" for version in versions]
