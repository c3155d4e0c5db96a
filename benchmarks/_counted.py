"""`python -m devserver` that counts: on SIGUSR1 it writes what it has taken so far into `taken.json`.

service = LocalService(folder, module="benchmarks._counted")
before = taken(service)
"""

import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from devserver.process import LocalService

_FILE = "taken.json"
_ANSWER = 30.0
"""Seconds until a service must have written its figures."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a server has taken since its start: calls to the stores by name, CPU seconds, and MiB at its peak."""

    calls: dict[str, int]
    cpu: float
    peak: float

    def since(self, before: "Taken") -> "Taken":
        """What was taken after that; the peak is of the whole time."""
        return Taken(dict(Counter(self.calls) - Counter(before.calls)), self.cpu - before.cpu, self.peak)


def taken(service: LocalService) -> Taken:
    """What a service has taken that was started as this module."""
    file = service.data_dir / _FILE
    file.unlink(missing_ok=True)
    service.send(signal.SIGUSR1)
    deadline = time.monotonic() + _ANSWER
    while not file.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("The service does not say what it has taken")
        time.sleep(0.02)
    return Taken(**json.loads(file.read_text()))


def _count(calls: Counter[str]) -> None:
    from botocore.client import BaseClient

    from chalicelib.store import wire

    lock = Lock()
    ask: Callable[..., Any] = getattr(BaseClient, "_make_api_call")  # noqa: B009 - in no stub
    send = wire.send

    def counted_ask(client: Any, name: str, arguments: dict[str, Any]) -> Any:
        with lock:
            calls[name] += 1
        return ask(client, name, arguments)

    def counted_send(method: str, key: str, **options: Any) -> Any:
        with lock:
            calls[f"{method} of an object"] += 1
        return send(method, key, **options)

    BaseClient._make_api_call = counted_ask  # type: ignore[attr-defined]
    wire.send = counted_send


def _main() -> int:
    from devserver.__main__ import main

    calls: Counter[str] = Counter()
    file = Path(os.environ["DATA_DIR"]) / _FILE
    # Of getrusage's units macOS counts bytes, Linux KiB.
    unit = 2**20 if sys.platform == "darwin" else 2**10

    def write(_number: int, _frame: object) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        figures = Taken(dict(calls), used.ru_utime + used.ru_stime, used.ru_maxrss / unit)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(figures)))
        new.rename(file)

    signal.signal(signal.SIGUSR1, write)
    _count(calls)
    return main([])


if __name__ == "__main__":
    status = _main()
    os._exit(status)
