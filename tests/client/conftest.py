"""What tests of the client share."""

import io
import zipfile

import pytest
import requests

from weighthouse import Client
from weighthouse.cli.running import run


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A state folder, and settings, of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("WEIGHTHOUSE_TOKEN", raising=False)
    monkeypatch.delenv("WEIGHTHOUSE_URL", raising=False)


@pytest.fixture
def client(service):
    """A client of the whole service."""
    with Client(service.url) as made:
        yield made


@pytest.fixture
def stored(service):
    """Stores files as a version, in one ZIP."""

    def store(user, model, files, version="v1"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        answer = requests.post(
            f"{service.url}/ai-models/upload/folder",
            data={"user_id": user, "model_id": model, "name": model, "version": version},
            files={"zip_file": ("files.zip", buffer.getvalue())},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return store


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `weighthouse` in this process and the test's folder: gives its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments):
        status = run(list(arguments))
        return status, *capsys.readouterr()

    return run_it


class Clock:
    """The time that the client's patience goes by: it passes where the client waits, and nowhere else."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def wait(self, patience, seconds):
        patience.check()
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """A client that waits in no time, and each time for the longest pause that it may make."""
    made = Clock()
    monkeypatch.setattr("weighthouse.patience.monotonic", lambda: made.now)
    monkeypatch.setattr(
        "weighthouse.patience.Patience.wait", lambda patience, seconds: made.wait(patience, seconds)
    )
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    return made
