"""The service with SeaweedFS as its S3, each run of a function in a process of its own, as on Lambda."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from benchmarks._function import Taken
from benchmarks._seaweed import SeaweedFS, seaweedfs
from benchmarks._service import USER, Client
from benchmarks._stand_ins import ministack
from devserver.events import ListedEvents, Record
from devserver.gateway import Gateway
from devserver.options import listen
from devserver.server import http_server

_ROOT = Path(__file__).resolve().parent.parent
ENDING = 1_800.0
"""Seconds that an upload may take."""


class Functions:
    """Runs the function for each record, up to eight processes at a time."""

    def __init__(self) -> None:
        self.runs: list[Taken] = []
        self.failures: list[str] = []
        self._pool = ThreadPoolExecutor(8)

    def __call__(self, record: Record, /) -> None:
        """Has it run soon."""
        self._pool.submit(self._run, record)

    def _run(self, record: Record) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "benchmarks._function"],
            input=json.dumps(record).encode(),
            capture_output=True,
            cwd=_ROOT,
        )
        if process.returncode:
            self.failures.append(process.stderr.decode(errors="replace"))
        else:
            self.runs.append(Taken(**json.loads(process.stdout)))

    def settle(self) -> None:
        """Waits until all runs have ended."""
        self._pool.shutdown()


@dataclass
class Stage:
    """A service that runs, and what stands behind it."""

    client: Client
    store: SeaweedFS
    bucket: str
    functions: Functions = field(default_factory=Functions)

    def s3(self) -> Any:
        """boto3's client as anyone has it who reads its manual."""
        import boto3

        # A session of its own: the default one keeps the keys of the first store that it saw.
        return boto3.session.Session().client("s3", endpoint_url=self.store.url)

    def await_ready(self, upload_id: str) -> None:
        """Waits until an upload is published; `RuntimeError` when it fails or takes too long."""
        deadline = time.monotonic() + ENDING
        while True:
            state = self.client.ask("GET", f"/uploads/{upload_id}").json()
            if state["state"] == "ready":
                return
            if (
                state["state"] in ("failed", "expired")
                or self.functions.failures
                or time.monotonic() > deadline
            ):
                raise RuntimeError(f"{state}\n{''.join(self.functions.failures)}")
            time.sleep(0.05)

    def hashes(self, model_id: str) -> dict[str, str]:
        """SHA-256 of every file of a model's latest version, as the service tells it."""
        found: dict[str, str] = {}
        token: str | None = None
        while True:
            query: Mapping[str, Any] = {"limit": 1_000, **({"next_token": token} if token else {})}
            page = self.client.ask("GET", f"/{USER}/{model_id}/files", params=query).json()
            found |= {file["filename"]: file["file_hash"] for file in page["files"]}
            token = page["next_token"]
            if token is None:
                return found


@contextmanager
def stage() -> Iterator[Stage]:
    """A service on new stores; all is gone afterwards."""
    with seaweedfs() as store, ministack():
        os.environ.update(store.environment)
        from chalicelib.settings import settings
        from chalicelib.store import bucket, table

        _forget()
        bucket.create()
        table.create_table()
        app = importlib.import_module("app")
        listener = listen(0)
        server = http_server(Gateway(app.app, settings().form_limit))
        running = Stage(Client(f"http://127.0.0.1:{listener.getsockname()[1]}"), store, bucket.name())
        stop = Event()
        events = ListedEvents(bucket.name(), running.functions)
        threads = [
            Thread(target=server.run, args=([listener],), daemon=True),
            Thread(target=events.run, args=(stop,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield running
        finally:
            stop.set()
            server.should_exit = True
            for thread in threads:
                thread.join()
            running.functions.settle()


def _forget() -> None:
    """Lets this process find the stores that the environment names now."""
    from chalicelib.store import bucket, wire
    from chalicelib.store.rows import Row

    for made in (bucket.session, bucket.client, bucket.signer, bucket.public_signer, wire.pool):
        made.cache_clear()
    Row._connection = None
