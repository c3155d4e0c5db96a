"""The service as a process of its own, for tests and benchmarks."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from devserver.credentials import keys_of
from devserver.folder import users
from devserver.signatures import Keys

_ROOT = Path(__file__).resolve().parent.parent
_START = 90.0
"""Seconds until it must serve."""
_STOP = 60.0
"""Seconds until it must have stopped."""


class LocalService:
    """`python -m devserver` on a data folder and a port of its own.

        with LocalService(folder) as service:
            requests.get(service.url + "/health")

    Leaving the block stops it, if it has not been stopped or killed.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        *,
        module: str = "devserver",
    ) -> None:
        """`port` 0 takes any free one. `env` is set in addition to this process's environment, of which
        no variable for AWS or the service is handed on. `module` is what is run to serve."""
        self._module = module
        self.data_dir = data_dir
        self.port = port
        self.environment = {**_inherited(), **(env or {}), "PORT": str(port), "DATA_DIR": str(data_dir)}
        self._log_file = data_dir / "service.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it serves; `RuntimeError` with its log when it doesn't."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devserver.leash", self._module],
                cwd=_ROOT,
                env=self.environment,
                # It ends with this process, however that ends; see `leash`.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The service did not start:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def _serves(self) -> bool:
        told = re.search(r"serves on http://localhost:(\d+)", self.log)
        if told is None:
            return False
        self.port = int(told[1])
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has printed since its start."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def emulator(self) -> int | None:
        """The process id of its AWS stand-in; None where it has none (yet)."""
        return self._users.get("emulator")

    @property
    def aws_url(self) -> str:
        """Where its AWS stand-in serves; `KeyError` where it has none."""
        return f"http://127.0.0.1:{self._users['emulator_port']}"

    @property
    def aws_keys(self) -> Keys:
        """The keys that its AWS stand-in takes."""
        return keys_of(self.data_dir)

    @property
    def _users(self) -> dict[str, int]:
        named = users(self.data_dir)
        return named if self._process is not None and named.get("server") == self._process.pid else {}

    def stop(self) -> int:
        """Stops it as Ctrl-C does, and gives its exit status."""
        self.send(signal.SIGINT)
        return self.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the server, not to its AWS stand-in."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Waits until the server has ended, and gives its exit status."""
        assert self._process is not None
        return self._process.wait(_STOP)

    def kill(self) -> None:
        """Ends it and its AWS stand-in at once, as a machine that goes away does."""
        assert self._process is not None
        for process in filter(None, (self.emulator, self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> "LocalService":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


def _inherited() -> dict[str, str]:
    ours = ("AWS_", "WEIGHTHOUSE_")
    kept = ("WEIGHTHOUSE_EMULATOR_PYTHON",)
    return {name: value for name, value in os.environ.items() if not name.startswith(ours) or name in kept}
