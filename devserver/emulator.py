"""The embedded AWS stand-in, MiniStack: S3, DynamoDB and SQS on a port of its own."""

import http.client
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from devserver.console import Halt
from devserver.folder import Folder
from devserver.options import listen
from devserver.signatures import Keys

_ROOT = Path(__file__).resolve().parent.parent
_START = 600
"""Seconds until it must answer; it reads all tables first."""
_STOP = 600
"""Seconds until it must have written all tables."""


class Emulator:
    """MiniStack on a data folder; ends when `stop` is called or when this process ends in any way.

    Objects are on the disk when their request is answered. Tables are in memory, and written when it
    ends by `stop` or because this process ended, but not when it is itself killed. Multipart uploads in
    progress are lost in each case.
    """

    def __init__(self, folder: Folder, keys: Keys | None) -> None:
        """Starts it and waits until it answers; `Halt` when it doesn't.

        With `keys` it serves callers who sign with them, and nobody else; without, every caller.
        """
        self._folder = folder
        self._keys = keys
        folder.prepare()
        listener = listen(0)
        self.port: int = listener.getsockname()[1]
        python = Path(os.environ.get("WEIGHTHOUSE_EMULATOR_PYTHON") or _ROOT / ".venv-emulator/bin/python")
        try:
            with folder.log.open("w") as log:
                self._process = subprocess.Popen(
                    [python, "-m", "devserver.emulator_main", str(listener.fileno()), *self._shielded()],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=self._environment(),
                    cwd=_ROOT,
                    # The folder stays locked while the emulator lives.
                    pass_fds=(listener.fileno(), folder.lock),
                    # A terminal sends Ctrl-C to all of a group: the server is to stop first.
                    start_new_session=True,
                )
        except FileNotFoundError:
            raise Halt(f"There is no {python}: `make run` sets it up.") from None
        finally:
            listener.close()
        folder.name_users(emulator=self._process.pid, emulator_port=self.port)
        self._await_answer()
        folder.use_snapshot()

    @property
    def url(self) -> str:
        """Where it serves all its services."""
        return f"http://127.0.0.1:{self.port}"

    def _shielded(self) -> list[str]:
        return ["shielded"] if self._keys else []

    def _environment(self) -> dict[str, str]:
        # Nothing else of the user's: MiniStack takes settings under names that others use as well.
        temporary = self._folder.path / "tmp"
        temporary.mkdir(exist_ok=True)
        keys = self._keys or Keys("test", "test")
        return {
            "AWS_ACCESS_KEY_ID": keys.id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder.path),
            "TMPDIR": str(temporary),
            "GATEWAY_PORT": str(self.port),
            "SERVICES": "s3,dynamodb,sqs",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder.tables),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder.objects),
            "LOG_LEVEL": "WARNING",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }

    def _await_answer(self) -> None:
        # The socket listens already, so this request waits in its queue until the emulator reads it. That nobody
        # signed it is answer enough.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_START)
        try:
            connection.request("GET", "/_ministack/health")
            answered = connection.getresponse().status in (http.HTTPStatus.OK, http.HTTPStatus.FORBIDDEN)
        except OSError:
            answered = False
        finally:
            connection.close()
        if not answered:
            raise Halt(f"The AWS stand-in did not start: see {self._folder.log}.")

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.poll() is not None

    def when_ended(self, act: Callable[[], None]) -> None:
        """Calls `act`, from another thread, when it has ended for whatever reason."""

        def wait() -> None:
            self._process.wait()
            act()

        threading.Thread(target=wait, name="emulator-watch", daemon=True).start()

    def stop(self) -> None:
        """Ends it after it has written its tables; a table that was not written is made again at the next start."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
