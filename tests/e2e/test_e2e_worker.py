"""Uploads that are too large to be checked within a request: the triggered function checks them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import Client, Door, pieces, put, sha256

from chalicelib.settings import MIB
from devserver.process import LocalService


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A service that reads at most 1 MiB within a request."""
    limit = {"WEIGHTHOUSE_REQUEST_VERIFY_LIMIT": str(MIB)}
    with LocalService(tmp_path_factory.mktemp("data"), env=limit) as running:
        yield Door(running)


def send(client: Client, data: bytes, folder: Path, **fields: Any) -> Any:
    plan = client.plan("single", "m", filename="m.onnx", file_size=len(data), **fields)
    put(pieces(plan, {"m.onnx": data}), folder)
    answer = client.complete(plan)
    assert answer.status_code == 202, answer.text
    assert answer.json()["upload_id"] == plan["upload_id"]
    return plan


def test_a_large_file_is_published_once_it_is_checked(patient: Door, tmp_path: Path) -> None:
    client, data = Client(patient, "right"), os.urandom(9 * MIB)
    plan = send(client, data, tmp_path, file_hash=sha256(data))
    # Asking again is harmless at any time.
    assert client.complete(plan).status_code in (200, 202)
    state = client.end(plan)
    assert (state["state"], state["bytes_done"], state["bytes_total"]) == ("ready", len(data), len(data))
    document = client.complete(plan).json()
    assert document == client.json("/m")
    assert (document["files"][0]["file_hash"], document["files"][0]["hash_verified"]) == (sha256(data), True)
    assert client.content("m", filename="m.onnx") == data


def test_a_wrong_hash_is_found_by_the_function_too(patient: Door, tmp_path: Path) -> None:
    client, data = Client(patient, "wrong"), os.urandom(9 * MIB)
    plan = send(client, data, tmp_path, file_hash=sha256(b"another"))
    state = client.end(plan)
    assert state["state"] == "failed"
    assert sha256(data) in state["detail"]
    assert sha256(b"another") in state["detail"]
    assert client.get("/m").status_code == 404
    assert patient.traces("wrong") == []
    assert client.end(send(client, data, tmp_path, file_hash=sha256(data)))["state"] == "ready"
