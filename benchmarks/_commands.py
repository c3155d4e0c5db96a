"""Commands as a shell starts them: how long they take, and the most memory that they have."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_LOOK = 0.02
"""Seconds between two looks at a process's memory; the peak only grows, so little is missed."""

WEIGHTHOUSE = (sys.executable, "-m", "weighthouse")
"""The client of this repository."""


class Failed(Exception):
    """A command ended with an error."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command took."""

    seconds: float
    """From its start to its end."""
    peak_mib: float
    """The most memory that its process has had: Linux's VmHWM, 0 elsewhere."""
    output: str


def client_environment(url: str, state: Path) -> dict[str, str]:
    """The variables for a client of the service at `url` which keeps its notes in `state`."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEIGHTHOUSE_"))
    }
    return {
        **inherited,
        "PYTHONPATH": str(_ROOT / "client" / "src"),
        "WEIGHTHOUSE_URL": url,
        "XDG_STATE_HOME": str(state),
        # A proxy for the world outside cannot reach this machine's own ports.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def run(command: Sequence[str | Path], environment: Mapping[str, str]) -> Ran:
    """Runs a command to its end; `Failed` with what it said when that was an error."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        watch = _Watch(process.pid)
        status = process.wait()
        seconds = time.perf_counter() - began
        peak = watch.stop()
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if status:
            raise Failed(f"{' '.join(map(str, command))} ended with {status}: {said[-4000:]}")
        return Ran(seconds, peak, output.read().decode(errors="replace"))


def run_until_killed(command: Sequence[str | Path], environment: Mapping[str, str], after: float) -> bool:
    """Runs a command, and kills it after so many seconds; whether it was still running. `Failed` as in `run`."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            status = process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        output.seek(0)
        if status:
            said = output.read().decode(errors="replace")
            raise Failed(f"{' '.join(map(str, command))} ended with {status}: {said[-4000:]}")
        return False


class _Watch(threading.Thread):
    """Looks at a process's peak until it ends."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{process}/status")
        self._ended = threading.Event()
        self._peak = 0.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_LOOK):
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
            except OSError:
                return
            if found:
                self._peak = int(found[1]) / 1024

    def stop(self) -> float:
        """The peak in MiB."""
        self._ended.set()
        self.join()
        return self._peak
