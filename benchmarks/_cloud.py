"""AWS on this machine, with everything that `make deploy` needs, and what was deployed to it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_SERVICES = (
    "apigateway,cloudformation,dynamodb,events,iam,lambda,logs,monitoring,s3,secretsmanager,sns,sqs,ssm,sts"
)
_START = 60.0
"""Seconds until it must answer."""
_DEPLOY = 300.0
"""Seconds that a deployment may take, its package included."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stage: its stack's outputs."""

    url: str
    bucket: str
    table: str
    log: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """An emulated account that checks signatures, and what every identity may do by its policies."""

    url: str

    @property
    def keys(self) -> dict[str, str]:
        """The keys of the account's root, as boto3's clients take them."""
        return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which boto3 finds it, as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def run(self, command: str, **variables: str) -> str:
        """What `make COMMAND` prints with these variables; `RuntimeError` with that when it fails."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "infra", command],
            cwd=_ROOT,
            env={**kept, **self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_DEPLOY,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stdout)
        return done.stdout

    def deploy(self, stage: str, **variables: str) -> Deployed:
        """Deploys a stage as `make deploy` does; everybody may use it, unless the variables say otherwise."""
        log = self.run("deploy", **{"STAGE": stage, "I_KNOW": "public", **variables})
        told = dict(line.split(": ", 1) for line in log.splitlines() if ": " in line)
        return Deployed(told["BaseURL"], told["Bucket"], told["Table"], log)


@contextmanager
def cloud() -> Iterator[Cloud]:
    """MiniStack on a folder and a port of its own; both are gone afterwards. `RuntimeError` when it won't start."""
    with tempfile.TemporaryDirectory(prefix="cloud-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        python = os.environ.get("WEIGHTHOUSE_EMULATOR_PYTHON") or _ROOT / ".venv-emulator/bin/python"
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [python, "-m", "devserver.emulator_main", str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=_environment(folder, port),
                cwd=_ROOT,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        listener.close()
        try:
            _await(port, folder / "log")
            yield Cloud(f"http://127.0.0.1:{port}")
        finally:
            # Its end ends the functions' processes as well.
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _environment(folder: Path, port: int) -> Mapping[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "SERVICES": _SERVICES,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "S3_DATA_DIR": str(folder / "s3"),
        "LOG_LEVEL": "WARNING",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }


def _await(port: int, log: Path) -> None:
    # The socket listens already, so this request waits in its queue until it is read.
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=_START) as answer:
            json.load(answer)
    except OSError as error:
        raise RuntimeError(f"MiniStack did not start ({error}):\n{log.read_text()[-4000:]}") from error
