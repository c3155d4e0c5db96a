"""Upload plans: parts put with curl, a client that forgets everything, many files, and everything that goes wrong."""

import os
import time
from pathlib import Path

import pytest
import requests
from doors import OCTETS, Client, eventually, pieces, put, sha256
from each import each

from chalicelib.settings import MIB

PARTS_OF_THREE = 20 * MIB
"""Bytes of a file that has three parts."""


@pytest.mark.also_deployed
def test_a_file_in_parts_by_a_client_that_loses_its_state(client: Client, tmp_path: Path) -> None:
    data = os.urandom(PARTS_OF_THREE)
    plan = client.plan(
        "single", "net", filename="权重 1.safetensors", file_size=len(data), file_hash=sha256(data)
    )
    (file,) = plan["files"]
    assert (file["filename"], file["parts_total"], len(file["parts"])) == ("权重 1.safetensors", 3, 3)
    first, second, third = pieces(plan, {"权重 1.safetensors": data})
    put([third, first], tmp_path)

    # The id is all that is left.
    plan = {"upload_id": plan["upload_id"]}
    assert client.on_upload("GET", plan).json()["state"] == "uploading"
    answer = client.complete(plan)
    assert answer.status_code == 400
    assert "part 2" in answer.json()["detail"]
    arrived = client.on_upload("GET", plan, "/parts").json()
    (file,) = arrived["files"]
    assert [part["part_number"] for part in file["parts"]] == [1, 3]
    assert [part["size"] for part in file["parts"]] == [8 * MIB, 4 * MIB]
    missing = set(range(1, file["parts_total"] + 1)) - {part["part_number"] for part in file["parts"]}
    ranges = [{"filename": file["filename"], "first_part": number, "last_part": number} for number in missing]
    fresh = client.on_upload("POST", plan, "/parts", json={"files": ranges}).json()
    put(pieces(fresh, {"权重 1.safetensors": data}), tmp_path)
    assert client.get("/net").status_code == 404

    document = client.complete(plan).json()
    assert document["files"][0]["file_hash"] == sha256(data)
    assert document["files"][0]["hash_verified"] is True
    assert document["framework"] == "huggingface"
    assert client.complete(plan).json() == document == client.json("/net")
    state = client.on_upload("GET", plan).json()
    assert (state["state"], state["bytes_done"], state["bytes_total"]) == ("ready", len(data), len(data))
    assert requests.get(client.door.url + state["url"]).json() == document
    # Its URLs have nothing left to write to.
    assert requests.put(second[0], data=b"x" * len(second[1])).status_code == 404

    assert client.content("net", filename="权重 1.safetensors") == data
    link = client.get("/net/download", filename="权重 1.safetensors").url
    half = requests.get(link, headers={"Range": f"bytes={10 * MIB}-"})
    assert (half.status_code, half.content) == (206, data[10 * MIB :])
    assert half.headers["Content-Range"] == f"bytes {10 * MIB}-{len(data) - 1}/{len(data)}"


def test_a_larger_file_from_end_to_end(client: Client, tmp_path: Path) -> None:
    data = os.urandom(64 * MIB)
    plan = client.plan("single", "large", filename="model.onnx", file_size=len(data))
    parts = pieces(plan, {"model.onnx": data})
    assert len(parts) == 8
    put(parts, tmp_path)
    document = client.complete(plan).json()
    assert (document["framework"], document["model_size_mb"]) == ("onnx", 64.0)
    assert document["files"][0]["file_hash"] == sha256(data)
    inline = requests.get(
        client.url("/large/download?filename=model.onnx"), headers=OCTETS, allow_redirects=False
    )
    assert inline.content == data


def test_many_files_some_of_which_are_empty_or_stored_already(client: Client, tmp_path: Path) -> None:
    contents = {f"layer {number:02}/weights.bin": os.urandom(1000 + number) for number in range(30)}
    contents |= {f"empty/{number}.txt": b"" for number in range(5)}
    known = {f"known/{number}.json": b'{"known": %d}' % number for number in range(4)}
    known["known/large.pt"] = os.urandom(6 * MIB)
    for name, data in known.items():
        client.upload(f"known-{name.split('/')[1]}", "x.json", data)
    contents |= known
    assert len(contents) == 40

    files = [
        {"filename": name, "file_size": len(data), "file_hash": sha256(data)}
        for name, data in contents.items()
    ]
    files[7] |= {"description": "The eighth", "is_primary": True}
    plan = client.plan("files", "many", files=files, tags=["many"], custom_metadata={"a": [1, None]})
    stored = {file["filename"] for file in plan["files"] if file["already_stored"]}
    assert stored == {name for name, data in contents.items() if name.startswith("known/") or not data}
    assert plan["files_total"] == 40
    put(pieces(plan, contents), tmp_path)
    document = client.complete(plan).json()

    assert [file["filename"] for file in document["files"]] == sorted(contents)
    assert document["primary_file_path"] == "layer 07/weights.bin"
    assert {file["filename"]: file["file_hash"] for file in document["files"]} == {
        name: sha256(data) for name, data in contents.items()
    }
    assert all(file["hash_verified"] for file in each(document["files"]))
    for name in ("layer 07/weights.bin", "empty/0.txt", "known/0.json", "known/large.pt"):
        assert client.content("many", filename=name) == contents[name]

    first = client.json("/many/files", limit=25)
    second = client.json("/many/files", limit=25, next_token=first["next_token"])
    assert (len(first["files"]), len(second["files"]), second["next_token"]) == (25, 15, None)
    assert first["files"] + second["files"] == document["files"]
    assert [file["filename"] for file in client.json("")["models"][0]["files"]] == sorted(contents)[:10]


def test_many_small_files_in_a_bundle(client: Client) -> None:
    contents = {f"{number:03}.txt": os.urandom(40_000 + number) for number in range(301)}
    files = [
        {"filename": name, "file_size": len(data), "file_hash": sha256(data)}
        for name, data in contents.items()
    ]
    plan = client.plan("files", "small", files=files, bundle=True)
    whole, size = b"".join(contents.values()), plan["part_size"]
    assert (plan["bundle"]["size"], len(plan["bundle"]["parts"])) == (len(whole), 2)
    for part in plan["bundle"]["parts"]:
        start = (part["part_number"] - 1) * size
        requests.put(part["url"], data=whole[start : start + size]).raise_for_status()
    assert client.complete(plan).json()["files_total"] == 301
    listed = client.json("/small/files?urls=true", limit=1_000)["files"]
    assert {file["filename"]: file["file_hash"] for file in listed} == {
        name: sha256(data) for name, data in contents.items()
    }
    for file in each(listed[::100]):
        assert requests.get(file["url"]).content == contents[file["filename"]]
    eventually(lambda: client.door.keys(plan["upload_id"]) == [])


def test_a_wrong_hash_fails_the_upload_and_leaves_nothing(client: Client, tmp_path: Path) -> None:
    right, wrong = sha256(b"what was sent"), sha256(b"what was declared")
    plan = client.plan("single", "m", filename="m.bin", file_size=13, file_hash=wrong, tags=["wrong"])
    put(pieces(plan, {"m.bin": b"what was sent"}), tmp_path)
    answer = client.complete(plan)
    assert answer.status_code == 400
    assert right in answer.json()["detail"]
    assert wrong in answer.json()["detail"]
    state = client.on_upload("GET", plan).json()
    assert state["state"] == "failed"
    assert right in state["detail"]
    assert client.complete(plan).status_code == 409
    assert client.get("/m").status_code == 404
    assert client.door.traces(client.user) == []
    client.upload("m")


@pytest.mark.also_deployed
def test_one_version_has_one_uploader(client: Client) -> None:
    ask = {"filename": "m.bin", "file_size": 9}
    plan = client.plan("single", "m", **ask)
    second = client.ask_plan("single", "m", **ask)
    assert second.status_code == 409
    assert plan["upload_id"] in second.json()["detail"]
    assert client.form("single", "m", "m.bin", b"form").status_code == 409
    assert client.plan("single", "m", version="v2", **ask)["version"] == "v2"

    assert client.on_upload("DELETE", plan).status_code == 204
    assert client.on_upload("GET", plan).status_code == 404
    assert requests.put(plan["files"][0]["parts"][0]["url"], data=b"late part").status_code == 404
    assert client.door.keys(f"{client.user}/m/v1") == []
    client.upload("m", data=b"form")
    exists = client.ask_plan("single", "m", **ask)
    assert exists.status_code == 409
    assert "already exists" in exists.json()["detail"]


def test_parts_of_another_size_do_not_arrive(client: Client, tmp_path: Path) -> None:
    plan = client.plan("single", "m", filename="m.bin", file_size=10)
    url = plan["files"][0]["parts"][0]["url"]
    sent = [requests.put(url, data=data).status_code for data in (b"", b"much more than ten", b"short")]
    assert sent == [403] * 3
    answer = client.complete(plan)
    assert answer.status_code == 400
    assert "m.bin part 1." in answer.json()["detail"]
    # What a store knows of when a part came is in whole seconds.
    began = time.time()
    eventually(lambda: int(time.time()) > int(began))
    put([(url, b"long enoug")], tmp_path)
    assert client.complete(plan).status_code == 200
    assert client.content("m", filename="m.bin") == b"long enoug"


def test_content_that_was_deleted_meanwhile_is_asked_for(client: Client, tmp_path: Path) -> None:
    client.upload("source", data=b"shared content")
    plan = client.plan("single", "copy", filename="c.bin", file_size=14, file_hash=sha256(b"shared content"))
    assert plan["files"][0]["already_stored"] is True
    assert requests.delete(client.url("/source")).status_code == 200
    answer = client.complete(plan)
    assert answer.status_code == 400
    assert "c.bin" in answer.json()["detail"]
    fresh = client.on_upload("POST", plan, "/parts", json={"files": [{"filename": "c.bin"}]}).json()
    put(pieces(fresh, {"c.bin": b"shared content"}), tmp_path)
    assert client.complete(plan).status_code == 200
    assert client.content("copy", filename="c.bin") == b"shared content"
