"""The real thing: `python -m devserver` with its emulator, from start to stop and through kills."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from chalicelib.settings import MIB
from devserver.folder import users
from devserver.process import LocalService

ROOT = Path(__file__).parent.parent.parent


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalService]:
    """A service that a test may stop and kill."""
    with LocalService(tmp_path / "data") as running:
        yield running


def upload(service: LocalService, model_id: str = "m", content: bytes = b"bytes") -> requests.Response:
    fields = {"user_id": "me", "model_id": model_id, "name": "Model"}
    return requests.post(
        f"{service.url}/ai-models/upload/single", data=fields, files={"file": ("model.bin", content)}
    )


def get(service: LocalService, model_id: str = "m") -> int:
    return requests.get(f"{service.url}/ai-models/me/{model_id}").status_code


def runs(process: int) -> bool:
    """Whether a process does anything any more; one that nobody has waited for does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def devserver(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "devserver", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_says_where_it_serves_and_what_to_try(service: LocalService) -> None:
    assert f"serves on http://localhost:{service.port}" in service.log
    for first in ("/ai-models/upload/single", "/download?filename=", "/docs", "Ctrl-C"):
        assert first in service.log


def test_a_large_file_goes_through_a_form_and_back(service: LocalService) -> None:
    content = os.urandom(20 * MIB)
    assert upload(service, "large", content).status_code == 200
    answer = requests.get(
        f"{service.url}/ai-models/me/large/download?filename=model.bin",
        headers={"Accept": "application/octet-stream"},
        allow_redirects=False,
    )
    assert answer.status_code == 200
    assert answer.content == content


def test_ctrl_c_stops_it_and_the_data_is_there_again(own: LocalService) -> None:
    assert upload(own).status_code == 200
    emulator = own.emulator
    assert emulator is not None
    assert own.stop() == 0
    assert not runs(emulator)
    own.start()
    assert get(own) == 200
    assert "The index was lost" not in own.log


def test_sigterm_stops_it_as_well(own: LocalService) -> None:
    own.send(signal.SIGTERM)
    assert own.wait() == 0


def test_a_killed_machine_loses_no_model(own: LocalService) -> None:
    assert upload(own).status_code == 200
    own.kill()
    own.start()
    assert get(own) == 200
    assert "The index is whole again: 1 versions with 1 files" in own.log


def test_a_killed_server_takes_its_emulator_along(own: LocalService) -> None:
    assert upload(own).status_code == 200
    emulator = own.emulator
    assert emulator is not None
    own.send(signal.SIGKILL)
    own.wait()
    wait_until(lambda: not runs(emulator))
    own.start()
    assert get(own) == 200
    # It had the time to write its tables.
    assert "The index was lost" not in own.log


def test_what_it_writes_is_for_its_user_alone(service: LocalService) -> None:
    names = (
        "",
        "lock",
        "users.json",
        "credentials.json",
        "history.jsonl",
        "emulator.log",
        "objects",
        "tables",
    )
    written = [service.data_dir / name for name in names]
    assert [str(path) for path in written if path.exists() and path.stat().st_mode & 0o077] == []
    assert (service.data_dir / "credentials.json").exists()


SERVER = """
import http.server
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Healthy)
print(f"serves on http://localhost:{server.server_port}", flush=True)
server.serve_forever()
"""
TESTS = """
import sys, time
from pathlib import Path
from devserver.process import LocalService
service = LocalService(Path(sys.argv[1]), env={"PYTHONPATH": sys.argv[1]}, module="healthy")
service.start()
print(service._process.pid, flush=True)
time.sleep(600)
"""


def test_a_server_of_tests_ends_with_them(tmp_path: Path) -> None:
    (tmp_path / "healthy.py").write_text(SERVER)
    command = [sys.executable, "-c", TESTS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        server = int(tests.stdout.readline())
        assert runs(server)
        tests.kill()
    wait_until(lambda: not runs(server))


def test_a_store_of_tests_ends_with_them() -> None:
    command = [sys.executable, "-m", "benchmarks._leash", "sleep", "600"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as store:
        assert store.stdin is not None
        store.stdin.close()
        assert store.wait(20) == -signal.SIGKILL % 256


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_leash_ends_the_store(number: signal.Signals) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    command = [sys.executable, "-m", "benchmarks._leash", sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as leash:
        assert leash.stdout is not None
        store = int(leash.stdout.readline())
        try:
            leash.send_signal(number)
            wait_until(lambda: not runs(store))
        finally:
            if runs(store):
                os.kill(store, signal.SIGKILL)


def test_a_server_whose_emulator_died_stops_and_says_so(own: LocalService) -> None:
    emulator = own.emulator
    assert emulator is not None
    os.kill(emulator, signal.SIGKILL)
    assert own.wait() == 1
    assert "the AWS stand-in ended" in own.log


def test_two_run_side_by_side(service: LocalService, own: LocalService) -> None:
    assert upload(own, "only-here").status_code == 200
    assert get(own, "only-here") == 200
    assert get(service, "only-here") == 404


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = devserver(PORT=str(port), DATA_DIR=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith(f"Weighthouse: Port {port} is taken by another program")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [[], ["rebuild"]])
def test_a_data_folder_in_use_is_told(service: LocalService, command: list[str]) -> None:
    result = devserver(*command, PORT="0", DATA_DIR=str(service.data_dir))
    assert result.returncode == 1
    assert f"is in use by process {users(service.data_dir)['server']}" in result.stderr


def test_the_index_can_be_made_again(own: LocalService) -> None:
    assert upload(own).status_code == 200
    own.stop()
    result = devserver("rebuild", DATA_DIR=str(own.data_dir))
    assert result.returncode == 0
    assert "1 versions with 1 files" in result.stdout
    own.start()
    assert get(own) == 200


def s3(service: LocalService) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=service.aws_url,
        region_name="us-east-1",
        aws_access_key_id=service.aws_keys.id,
        aws_secret_access_key=service.aws_keys.secret,
        config=Config(s3={"addressing_style": "path"}),
    )


def test_objects_under_tasks_call_the_worker(service: LocalService) -> None:
    s3(service).put_object(Bucket="weighthouse", Key="tasks/verify/nobody")
    wait_until(lambda: "on_object_created tasks/verify/nobody" in service.log)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_an_aws_that_is_named_is_used_with_its_own_keys(
    variable: str, service: LocalService, tmp_path: Path
) -> None:
    name = f"other{variable[16:].lower().replace('_', '.')}"
    keys = {"AWS_ACCESS_KEY_ID": service.aws_keys.id, "AWS_SECRET_ACCESS_KEY": service.aws_keys.secret}
    names = {"WEIGHTHOUSE_BUCKET": name, "WEIGHTHOUSE_TABLE": name}
    with LocalService(tmp_path, env={variable: service.aws_url, **keys, **names}) as other:
        assert (other.emulator is None) == (variable == "AWS_ENDPOINT_URL")
        assert upload(other, "elsewhere").status_code == 200
        assert get(other, "elsewhere") == 200
        assert get(service, "elsewhere") == 404
        assert (
            requests.get(f"{other.url}/ai-models/me/elsewhere/download?filename=model.bin").content
            == b"bytes"
        )
        bucket = other if variable.endswith("DYNAMODB") else service
        s3(bucket).put_object(Bucket=names["WEIGHTHOUSE_BUCKET"], Key="tasks/verify/somebody")
        wait_until(lambda: "on_object_created tasks/verify/somebody" in other.log)
