"""The service as `make run` starts it on SeaweedFS, for clients that are measured."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._commands import WEIGHTHOUSE, Ran, client_environment, run
from benchmarks._goods import Hashes, stored_hashes
from benchmarks._seaweed import SeaweedFS, seaweedfs
from benchmarks._wire import Wire
from devserver.process import LocalService

BUCKET = "weighthouse"
MODEL = "m"


@dataclass
class ClientStage:
    """A service that runs, and the store behind it."""

    service: LocalService
    store: SeaweedFS
    folder: Path
    """Where files can lie for a while."""

    def state(self) -> Path:
        """A folder in which a client keeps its notes that has none yet."""
        return self.folder / "states" / secrets.token_hex(8)

    def weighthouse(self, *arguments: str | Path, state: Path | None = None) -> Ran:
        """Runs the client, without notes of earlier runs unless `state` has some."""
        environment = client_environment(self.service.url, state or self.state())
        return run([*WEIGHTHOUSE, *arguments], environment)

    def stored(self, user: str, version: str = "v1") -> Hashes:
        """What of a version lies in the bucket, read by nothing of ours."""
        return stored_hashes(self.store.client(), BUCKET, f"models/{user}/{MODEL}/{version}/")

    def parts_in_progress(self) -> list[str]:
        """The keys of multipart uploads that have not ended."""
        answer: Any = self.store.client().list_multipart_uploads(Bucket=BUCKET)
        return [upload["Key"] for upload in answer.get("Uploads", [])]


@contextmanager
def client_stage(
    store: SeaweedFS, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[ClientStage]:
    """The service on a store, with variables beside those that lead to it."""
    with LocalService(folder / "data", env={**store.environment, **(env or {})}) as service:
        yield ClientStage(service, store, folder)


@contextmanager
def stage(uplink: float | None = None) -> Iterator[ClientStage]:
    """A store and the service on it, both new and gone afterwards.

    With `uplink`, the client's way to the store takes so many bytes a second.
    """
    with ExitStack() as running:
        name = tempfile.TemporaryDirectory(prefix="weighthouse-bench-", ignore_cleanup_errors=True)
        folder = Path(running.enter_context(name))
        store = running.enter_context(seaweedfs())
        env = {}
        if uplink:
            env["WEIGHTHOUSE_PUBLIC_S3_ENDPOINT"] = running.enter_context(Wire(store.url, uplink)).url
        yield running.enter_context(client_stage(store, folder, env))
