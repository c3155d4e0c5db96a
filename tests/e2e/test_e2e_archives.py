"""ZIPs by presigned URLs, unpacked by the function that the bucket's events call; and whole versions as ZIPs."""

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from doors import Client, eventually, pieces, put, sha256, zipped

from chalicelib.settings import MIB

MEMBERS = {
    "config.json": b'{"layers": 12}' * 100,
    "model.safetensors": os.urandom(9 * MIB),
    "nested/deep/词表.txt": "词\n".encode() * 10_000,
    "nested/empty": b"",
    **{f"shards/{number:03}.bin": os.urandom(2_000) for number in range(60)},
}


def send(client: Client, model_id: str, archive: bytes, folder: Path, **fields: Any) -> Any:
    """Brings a ZIP to the bucket and completes its upload; gives the plan."""
    plan = client.plan("folder", model_id, file_size=len(archive), **fields)
    (file,) = plan["files"]
    put(pieces(plan, {file["filename"]: archive}), folder)
    answer = client.complete(plan)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("unpacking", "ready", "failed")
    return plan


@pytest.fixture
def net(client: Client, tmp_path: Path) -> Any:
    plan = send(client, "net", zipped(MEMBERS), tmp_path, tags=["zipped"])
    state = client.end(plan)
    assert state["state"] == "ready", state
    return plan


@pytest.mark.also_deployed
def test_a_zip_is_unpacked_by_the_triggered_function(client: Client, net: Any) -> None:
    state = client.on_upload("GET", net).json()
    size = sum(map(len, MEMBERS.values()))
    done = [state[name] for name in ("files_done", "files_total", "bytes_done", "bytes_total")]
    assert done == [len(MEMBERS), len(MEMBERS), size, size]
    document = requests.get(client.door.url + state["url"]).json()
    assert document == client.json("/net")
    assert (document["framework"], document["primary_file_path"]) == ("huggingface", "model.safetensors")
    assert {file["filename"]: file["file_hash"] for file in document["files"]} == {
        name: sha256(data) for name, data in MEMBERS.items()
    }
    for name in ("model.safetensors", "nested/deep/词表.txt", "nested/empty", "shards/059.bin"):
        assert client.content("net", filename=name) == MEMBERS[name]
    # The ZIP itself is not kept.
    eventually(lambda: client.door.keys(net["upload_id"]) == [])
    assert client.complete(net).json() == document


def test_a_whole_version_is_one_zip_for_every_tool(client: Client, net: Any, tmp_path: Path) -> None:
    archive = tmp_path / "net.zip"
    archive.write_bytes(client.content("net"))
    with zipfile.ZipFile(archive) as read:
        assert read.testzip() is None
        assert read.namelist() == sorted(MEMBERS)
        assert {member.compress_type for member in read.infolist()} == {zipfile.ZIP_STORED}
        assert {name: read.read(name) for name in read.namelist()} == MEMBERS
    for command in (["unzip", "-tqq"], ["7z", "t"], ["bsdtar", "-tf"]):
        if shutil.which(command[0]):
            subprocess.run([*command, archive], check=True, capture_output=True, timeout=60)

    answer = requests.get(
        client.url("/net/download"), headers={"Accept": "application/zip"}, allow_redirects=False
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert 'filename="net-v1.zip"' in answer.headers["Content-Disposition"]
    # The same bytes also when it is made anew.
    (kept,) = client.door.keys(f"zips/{client.user}/net/")
    client.door.s3.delete_object(Bucket=client.door.bucket, Key=kept)
    assert client.content("net") == archive.read_bytes() == answer.content
    part = requests.get(client.get("/net/download").url, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, answer.content[1000:2000])


@pytest.mark.also_deployed
def test_what_a_version_gave_can_be_uploaded_again(client: Client, net: Any, tmp_path: Path) -> None:
    plan = send(client, "net", client.content("net"), tmp_path, version="next")
    assert client.end(plan)["state"] == "ready"
    assert client.content("net", version="v2") == client.content("net", version="v1")


BAD = {
    "symlink": "link.txt",
    "wrong crc": "bad.txt",
    "absolute": "/etc/passwd",
    "truncated": "ZIP",
}


def bad_zip(kind: str) -> bytes:
    if kind == "absolute":
        return zipped({"good.txt": b"1", "/etc/passwd": b"2"})
    if kind == "truncated":
        return zipped(MEMBERS)[:-30]
    # Larger than what is read ahead, so that files before it are stored when it is met.
    members = {f"good/{number}.bin": os.urandom(1_000) for number in range(100)} | {"bad.txt": b"CONTENT"}
    if kind == "wrong crc":
        return zipped(members, zipfile.ZIP_STORED).replace(b"CONTENT", b"CHANGED")
    buffer = io.BytesIO(zipped(members))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_zip_fails_with_a_detail_and_leaves_nothing(client: Client, kind: str, tmp_path: Path) -> None:
    plan = send(client, "bad", bad_zip(kind), tmp_path, tags=["bad"])
    state = client.end(plan)
    assert state["state"] == "failed"
    assert BAD[kind] in state["detail"]
    assert state["url"] is None
    answer = client.complete(plan)
    assert answer.status_code == 409
    assert BAD[kind] in answer.json()["detail"]
    assert client.get("/bad").status_code == 404
    assert client.door.traces(client.user) == []
    eventually(lambda: client.door.keys(plan["upload_id"]) == [])
    assert client.end(send(client, "bad", zipped({"good.txt": b"1"}), tmp_path))["state"] == "ready"
