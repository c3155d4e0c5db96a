"""Files and folders that come in a form, as curl and requests send them, and go out again."""

import io
import os
import pickle
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from doors import OCTETS, Client, sha256, zipped

from chalicelib.settings import MIB


def curl(*arguments: str | Path) -> bytes:
    command = ["curl", "-sS", "--fail-with-body", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


class Forest:
    """Stands for an estimator: a class of the user's own, with its learned values."""

    def __init__(self) -> None:
        self.trees = [{"feature": number % 4, "threshold": number / 7} for number in range(500)]
        self.classes_ = ["setosa", "versicolor", "virginica"]


@pytest.mark.also_deployed
def test_a_pickled_model_with_every_field_comes_back_and_loads(client: Client) -> None:
    data = pickle.dumps(Forest())
    document = client.upload(
        "iris",
        "model.pkl",
        data,
        description="Species of iris by petal and sepal",
        model_type="classification",
        algorithm="RandomForest",
        input_shape="4",
        output_shape="[3]",
        num_parameters="500",
        training_dataset="Iris 1936",
        training_accuracy=0.99,
        validation_accuracy="0.97",
        test_accuracy="1e-1",
        training_loss="0.02",
        python_version="3.11",
        dependencies="scikit-learn==1.7.0,numpy>=2",
        hardware_requirements="CPU",
        tags="demo, flowers",
        custom_metadata='{"seed": 7, "note": "größer"}',
        is_production_ready=True,
        is_primary="yes",
    )
    assert document == client.json("/iris") == client.json("/iris", version="v1")
    assert document["framework"] == "sklearn"
    assert document["primary_file_path"] == "model.pkl"
    assert document["is_active"] is document["is_production_ready"] is True
    assert (document["input_shape"], document["output_shape"]) == ([4], [3])
    assert document["dependencies"] == ["scikit-learn==1.7.0", "numpy>=2"]
    assert document["tags"] == ["demo", "flowers"]
    assert document["custom_metadata"] == {"seed": 7, "note": "größer"}
    assert document["test_accuracy"] == 0.1
    assert document["model_size_mb"] == pytest.approx(len(data) / MIB)
    (file,) = document["files"]
    assert (file["file_hash"], file["hash_verified"], file["file_size"]) == (sha256(data), True, len(data))
    assert file["file_path"] in client.door.keys("iris/v1/")

    back = pickle.loads(client.content("iris", filename="model.pkl"))
    assert back.trees == Forest().trees


@pytest.mark.parametrize(
    "filename", ["最终 模型 «v1».pkl", "it's 100% (really).pkl", "a+b&c=d;e,f#g?.pkl", "Ünïcode 🌷.pkl"]
)
def test_a_file_keeps_the_name_that_people_give_it(client: Client, filename: str, tmp_path: Path) -> None:
    name = "鸢尾花 “分类” 模型's"
    (tmp_path / filename).write_bytes(b"weights")
    document = client.upload("by-requests", filename, b"weights", name=name)
    curl("-F", f"file=@\"{tmp_path / filename}\"", "-F", f"user_id={client.user}", "-F", "model_id=by-curl",
         "-F", f"name={name}", f"{client.door.url}/ai-models/upload/single")  # fmt: skip

    for model_id in ("by-requests", "by-curl"):
        document = client.json(f"/{model_id}")
        assert (document["name"], document["files"][0]["filename"]) == (name, filename)
        answer = client.get(f"/{model_id}/download", filename=filename)
        assert answer.content == b"weights"
        saved_as = answer.headers["Content-Disposition"].partition("filename*=UTF-8''")[2]
        assert unquote(saved_as) == filename


def test_a_quote_in_a_file_name(client: Client) -> None:
    document = client.upload("quoted", 'the "best" one.pkl')
    assert document["files"][0]["filename"] == 'the "best" one.pkl'
    assert client.content("quoted", filename='the "best" one.pkl') == b"weights"


@pytest.mark.parametrize(
    ("sent", "means"), [(True, True), (False, False), ("on", True), ("NO", False), (1, True)]
)
def test_booleans_as_clients_write_them(client: Client, sent: Any, means: bool) -> None:
    assert client.upload("m", is_active=True, is_production_ready=sent)["is_production_ready"] is means


def test_curl_without_following_redirects_gets_the_bytes(client: Client, tmp_path: Path) -> None:
    data = os.urandom(20 * MIB)
    client.upload("large", "model.safetensors", data)
    url = client.url("/large/download?filename=model.safetensors")
    headers = tmp_path / "headers"
    assert curl("-D", headers, "-H", "accept: application/octet-stream", url) == data
    assert headers.read_text().startswith("HTTP/1.1 200")
    assert curl("-L", url) == data


@pytest.mark.also_deployed
def test_plain_requests_follows_the_redirect_whatever_the_content(client: Client) -> None:
    client.upload("text", "notes.txt", b"any \xff bytes")
    answer = client.get("/text/download", filename="notes.txt")
    assert [step.status_code for step in answer.history] == [307]
    assert answer.content == b"any \xff bytes"
    assert answer.headers["Content-Type"] == "text/plain"
    assert 'filename="notes.txt"' in answer.headers["Content-Disposition"]


@pytest.mark.also_deployed
def test_an_empty_file(client: Client) -> None:
    client.upload("empty", "empty.txt", b"")
    assert client.content("empty", filename="empty.txt") == b""
    inline = requests.get(client.url("/empty/download?filename=empty.txt"), headers=OCTETS)
    assert (inline.status_code, inline.content) == (200, b"")


def test_a_pytorch_folder_comes_back_file_by_file_and_as_a_zip(client: Client) -> None:
    # A .pt file is itself a ZIP, whose members are stored.
    state = {
        "net/data.pkl": pickle.dumps({"layer": "0"}),
        "net/data/0": os.urandom(6 * MIB),
        "net/version": b"3\n",
    }
    folder = {
        "model.pt": zipped(state, zipfile.ZIP_STORED),
        "config.json": b'{"hidden_size": 768}',
        "tokenizer/vocab.txt": b"[PAD]\n[UNK]\n" * 1000,
        "tokenizer/tokenizer.json": b"{}",
        "README.md": "# Ein Netz für Blüten\n".encode(),
    }
    archive = zipped({**folder, "__MACOSX/._model.pt": b"x", ".DS_Store": b"x"})
    answer = client.form("folder", "net", "net.zip", archive, model_type="nlp", tags="bert")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["framework"], document["primary_file_path"]) == ("pytorch", "model.pt")
    assert {file["filename"]: file["file_hash"] for file in document["files"]} == {
        path: sha256(data) for path, data in folder.items()
    }
    assert {path: client.content("net", filename=path) for path in folder} == folder
    with zipfile.ZipFile(io.BytesIO(client.content("net"))) as back:
        assert back.testzip() is None
        assert {name: back.read(name) for name in back.namelist()} == folder


@pytest.mark.also_deployed
def test_a_folder_without_its_structure(client: Client) -> None:
    apart, same = zipped({"a/x.txt": b"1", "b/y.txt": b"2"}), zipped({"a/x.txt": b"1", "b/x.txt": b"2"})
    answer = client.form("folder", "flat", "f.zip", apart, preserve_structure=False)
    assert [file["filename"] for file in answer.json()["files"]] == ["x.txt", "y.txt"]
    answer = client.form("folder", "same", "f.zip", same, preserve_structure="no")
    assert answer.status_code == 400
    assert "a/x.txt" in answer.json()["detail"]
    assert "b/x.txt" in answer.json()["detail"]


DAMAGED = zipped({"good.txt": b"1", "bad.txt": b"CONTENT"}, zipfile.ZIP_STORED).replace(
    b"CONTENT", b"CHANGED"
)


@pytest.mark.parametrize(
    ("archive", "named"),
    [
        pytest.param(zipped({"good.txt": b"1", "../evil.txt": b"2"}), "../evil.txt", id="parent folder"),
        pytest.param(zipped({"good.txt": b"1", "Good.TXT": b"2"}), "Good.TXT", id="case only"),
        pytest.param(DAMAGED, "bad.txt", id="wrong crc"),
        pytest.param(zipped({}), "ZIP", id="no files"),
        pytest.param(b"no ZIP at all", "ZIP", id="no zip"),
    ],
)
def test_a_bad_zip_is_refused_and_leaves_nothing(client: Client, archive: bytes, named: str) -> None:
    answer = client.form("folder", "bad", "bad.zip", archive, tags="bad")
    assert answer.status_code == 400
    assert named in answer.json()["detail"]
    assert client.get("/bad").status_code == 404
    assert client.door.traces(client.user) == []
    assert client.form("folder", "bad", "good.zip", zipped({"good.txt": b"1"})).status_code == 200


@pytest.mark.also_deployed
def test_wrong_hash_and_taken_version_are_refused(client: Client) -> None:
    answer = client.form("single", "m", "model.pkl", b"weights", file_hash=sha256(b"others"))
    assert answer.status_code == 400
    assert sha256(b"weights") in answer.json()["detail"]
    assert sha256(b"others") in answer.json()["detail"]
    assert client.door.traces(client.user) == []

    client.upload("m", data=b"first", file_hash=sha256(b"first").upper())
    answer = client.form("single", "m", "model.pkl", b"second")
    assert answer.status_code == 409
    assert "v1" in answer.json()["detail"]
    assert client.content("m", filename="model.pkl") == b"first"
    assert client.upload("m", data=b"second", version="next")["version"] == "v2"


def test_what_is_too_large_for_a_form_says_which_way_takes_it(client: Client) -> None:
    answer = requests.post(
        f"{client.door.url}/ai-models/upload/single",
        data=(b"x" * MIB for _ in range(101)),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 413
    for hint in ("application/json", "file_size", "filename", "upload plan"):
        assert hint in answer.json()["detail"]
