"""Pushes to the whole service, as programs make them."""

import hashlib
import os
import signal
import subprocess
import sys
import uuid
from itertools import count
from pathlib import Path

import pytest
import requests
from each import each

from weighthouse import (
    Client,
    Conflict,
    FileChanged,
    InvalidInput,
    NotFound,
    StoreRefused,
    TooLarge,
    Unreachable,
)
from weighthouse.patience import Transient
from weighthouse.transport import Transport

MIB = 1024 * 1024


@pytest.fixture
def user():
    return f"push-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def net(tmp_path):
    """A folder with a file of five parts, small files and an empty one."""
    folder = tmp_path / "net"
    (folder / "tokens").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(os.urandom(33 * MIB))
    (folder / "empty").touch()
    for number in range(6):
        (folder / "tokens" / f"{number}.txt").write_bytes(os.urandom(1000 + number))
    return folder


def here(folder):
    """Path to content of all files of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }


def there(client, user, model="net", version=None):
    """Path to content of all files of a version, by its documents' hashes and plain downloads."""
    found = {}
    for file in each(client.files(user, model, version)):
        url = f"{client.url}/ai-models/{user}/{model}/download"
        answer = requests.get(url, params={"filename": file.filename, "version": version}, timeout=60)
        assert hashlib.sha256(answer.content).hexdigest() == file.file_hash
        found[file.filename] = answer.content
    return found


def uploads_of(monkeypatch):
    """The ids of the uploads that are planned from now on."""
    planned, ask = [], Transport.ask

    def noting(self, method, path, **request):
        if path == "/ai-models/upload/files":
            planned.append(request["body"]["upload_id"])
        return ask(self, method, path, **request)

    monkeypatch.setattr(Transport, "ask", noting)
    return planned


def at_part(monkeypatch, number, act):
    """Has `act` called when so many parts are about to be sent, each time that it comes to that."""
    put, counted = Transport.put, count(1)

    def acting(self, url, content, size):
        if next(counted) == number:
            act()
        put(self, url, content, size)

    monkeypatch.setattr(Transport, "put", acting)


def run_until_killed(script, client, user, net):
    """Runs a program that kills itself while it pushes."""
    killed = subprocess.run(
        [sys.executable, "-c", script, client.url, net, user], timeout=60, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL


def is_over(client, upload_id):
    answer = requests.get(f"{client.url}/ai-models/uploads/{upload_id}", timeout=60)
    return answer.status_code == 404 or answer.json()["state"] in ("failed", "ready")


def test_a_folder_becomes_a_version_with_the_same_files(client, user, net):
    seen = []
    pushed = client.push(net, user, "net", metadata={"tags": ["demo"]}, on_progress=seen.append)
    assert there(client, user) == here(net)
    assert (pushed.version.version, pushed.version.tags, pushed.version.name) == ("v1", ["demo"], "net")
    size = sum(map(len, here(net).values()))
    assert (pushed.files_total, pushed.bytes_total, pushed.bytes_sent) == (8, size, size)
    phases = [progress.phase for progress in seen]
    assert sorted(set(phases), key=phases.index) == ["scanning", "hashing", "sending", "publishing", "done"]
    assert all(0 <= progress.bytes_done <= max(progress.bytes_total, 0) for progress in each(seen))


def test_only_what_the_registry_lacks_travels(client, user, net):
    client.push(net, user, "net")
    (net / "tokens" / "3.txt").write_bytes(b"changed")
    again = client.push(net, user, "net")
    assert (again.version.version, again.files_sent, again.bytes_sent) == ("v2", 1, 7)
    assert there(client, user, version="v2") == here(net)


def test_equal_files_travel_once(client, user, tmp_path):
    large, small = os.urandom(2_000_000), os.urandom(1_000)
    files = {f"{name}/{copy}": data for name, data in (("l", large), ("s", small)) for copy in range(3)}
    for name, data in files.items():
        (tmp_path / "net" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "net" / name).write_bytes(data)
    pushed = client.push(tmp_path / "net", user, "net")
    assert (pushed.bytes_total, pushed.bytes_sent, pushed.files_sent) == (6_003_000, 2_001_000, 2)
    assert there(client, user) == files


def test_a_version_that_is_there_as_it_is_to_be_is_left_alone(client, user, net):
    client.push(net, user, "net", "v1", metadata={"tags": ["demo"]})
    again = client.push(net, user, "net", "v1", metadata={"tags": ["demo"]})
    assert (again.existed, again.bytes_sent) == (True, 0)
    with pytest.raises(Conflict, match="tags"):
        client.push(net, user, "net", "v1", metadata={"tags": ["other"]})
    (net / "tokens" / "3.txt").write_bytes(b"changed")
    with pytest.raises(Conflict, match="already exists"):
        client.push(net, user, "net", "v1")


def test_a_push_that_would_repeat_the_highest_version_makes_none(client, user, net):
    said = {
        "tags": ["demo", "demo"],
        "input_shape": (1, 28),
        "custom_metadata": {"shape": (1, 2), "rate": 0.1},
    }
    for version in ("v9", "v10"):
        client.push(net, user, "net", version, metadata={**said, "is_active": version == "v9"})
    again = client.push(net, user, "net", metadata={**said, "is_active": False})
    assert (again.version.version, again.existed, again.bytes_sent) == ("v10", True, 0)
    # The latest is the highest that is active.
    assert client.get(user, "net").version == "v9"
    assert client.push(net, user, "net", metadata={**said, "is_active": True}).version.version == "v11"
    (net / "empty").unlink()
    assert client.push(net, user, "net", metadata=said).version.version == "v12"


KILLED_AT_ITS_END = """
import os, signal, sys
from weighthouse import Client
from weighthouse.push.journal import Journal

clear = Journal.clear

def die(self):
    clear(self)
    os.kill(os.getpid(), signal.SIGKILL)

Journal.clear = die
Client(sys.argv[1]).push(sys.argv[2], sys.argv[3], "net")
"""


def test_a_push_that_was_killed_when_all_was_done_makes_no_second_version(client, user, net):
    run_until_killed(KILLED_AT_ITS_END, client, user, net)
    again = client.push(net, user, "net")
    assert (again.version.version, again.existed, again.bytes_sent) == ("v1", True, 0)
    assert [version.version for version in client.versions(user, "net")] == ["v1"]


KILLED = """
import itertools, os, signal, sys
from weighthouse import Client
from weighthouse.transport import Transport

put, counted = Transport.put, itertools.count(1)

def die(self, *part):
    if next(counted) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, *part)

Transport.put = die
Client(sys.argv[1]).push(sys.argv[2], sys.argv[3], "net")
"""


def test_a_push_that_was_killed_goes_on_with_what_is_missing(client, user, net, monkeypatch):
    size = sum(map(len, here(net).values()))
    run_until_killed(KILLED, client, user, net)
    planned = uploads_of(monkeypatch)
    again = client.push(net, user, "net")
    assert planned == []
    assert again.version.version == "v1"
    # One of the six parts must have arrived before the fifth was begun, by four workers.
    assert 0 < again.bytes_sent < size
    assert there(client, user) == here(net)


def test_a_file_that_changed_between_two_runs_is_sent_anew_and_nothing_stays_of_the_first(
    client, user, net, monkeypatch
):
    planned = uploads_of(monkeypatch)

    def stop():
        raise KeyboardInterrupt

    at_part(monkeypatch, 5, stop)
    with pytest.raises(KeyboardInterrupt):
        client.push(net, user, "net")
    (net / "model.safetensors").write_bytes(os.urandom(17 * MIB))
    client.push(net, user, "net")
    assert len(planned) == 2
    assert is_over(client, planned[0])
    assert there(client, user) == here(net)


def test_a_file_that_changes_while_it_is_sent_is_never_mixed(client, user, net, monkeypatch):
    at_part(monkeypatch, 4, lambda: (net / "model.safetensors").write_bytes(os.urandom(18 * MIB)))
    client.push(net, user, "net")
    assert there(client, user) == here(net)


def test_a_file_that_never_stops_changing_is_an_error_and_leaves_nothing(client, user, net, monkeypatch):
    planned = uploads_of(monkeypatch)

    put = Transport.put

    def changing(self, *part):
        (net / "model.safetensors").write_bytes(os.urandom(9 * MIB))
        put(self, *part)

    monkeypatch.setattr(Transport, "put", changing)
    with pytest.raises(FileChanged, match=r"model\.safetensors"):
        client.push(net, user, "net")
    assert len(planned) == 3
    assert all(is_over(client, upload_id) for upload_id in each(planned))
    with pytest.raises(NotFound):
        client.get(user, "net")


def test_content_that_changed_behind_its_time_stamp_is_noticed(client, user, net):
    file, old = net / "model.safetensors", 1_000_000_000
    os.utime(file, (old, old))
    client.push(net, user, "net")
    file.write_bytes(os.urandom(33 * MIB))
    os.utime(file, (old, old))
    # Another user's registry has not the content whose hash is remembered here, so this content is sent and read.
    client.push(net, f"{user}-2", "net")
    assert there(client, f"{user}-2") == here(net)


def test_a_lost_answer_to_the_plan_makes_no_second_upload(client, user, net, monkeypatch):
    planned, send, lost = uploads_of(monkeypatch), Transport._send, []

    def losing(self, method, url, **request):
        answer = send(self, method, url, **request)
        if url.endswith("/upload/files") and not lost:
            lost.append(url)
            raise Transient(Unreachable("lost"))
        return answer

    monkeypatch.setattr(Transport, "_send", losing)
    assert client.push(net, user, "net").version.version == "v1"
    assert (len(planned), len(lost)) == (1, 1)
    assert there(client, user) == here(net)


def test_more_files_than_a_request_can_name_are_refused_with_what_to_do(client, user, net, monkeypatch):
    ask = Transport.ask

    def full(self, method, path, **request):
        if path == "/ai-models/upload/files":
            raise TooLarge("Request Too Long", 413)
        return ask(self, method, path, **request)

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "ask", full)
        with pytest.raises(TooLarge, match=r"Request Too Long: 8 files .* ZIP"):
            client.push(net, user, "net")
    assert client.push(net, user, "net").version.version == "v1"


def test_expired_urls_are_replaced(client, user, net, monkeypatch):
    put, refused = Transport.put, []

    def refusing(self, url, content, size):
        if len(refused) < 3:
            refused.append(url)
            content.read(100)
            raise StoreRefused("Request has expired", 403)
        put(self, url, content, size)

    monkeypatch.setattr(Transport, "put", refusing)
    client.push(net, user, "net")
    assert there(client, user) == here(net)


def test_an_upload_that_someone_aborted_is_started_anew(client, user, net, monkeypatch):
    planned = uploads_of(monkeypatch)

    def abort():
        requests.delete(f"{client.url}/ai-models/uploads/{planned[0]}", timeout=60)

    at_part(monkeypatch, 3, abort)
    client.push(net, user, "net")
    assert len(planned) == 2
    assert there(client, user) == here(net)


def test_model_yaml_is_checked_before_anything_is_sent(net):
    nowhere = Client("http://127.0.0.1:9")
    (net / "model.yaml").write_text("name: A net\ntest_acuracy: 0.9\n")
    with pytest.raises(InvalidInput, match=r"model\.yaml.*test_acuracy.*test_accuracy"):
        nowhere.push(net, "ana", "net")


def test_model_yaml_describes_the_version_and_arguments_win(client, user, net):
    (net / "model.yaml").write_text("name: A net\ntest_accuracy: 0.9\ntags: [a, b]\ninput_shape: [1, 28]\n")
    version = client.push(net, user, "net", metadata={"test_accuracy": 0.95}).version
    assert (version.name, version.test_accuracy, version.tags, version.input_shape) == (
        "A net", 0.95, ["a", "b"], [1, 28],
    )  # fmt: skip
    assert "model.yaml" in there(client, user)
