"""The stores that benchmarks run against."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devserver.emulator import Emulator
from devserver.environment import Stores, apply_defaults, use_emulator
from devserver.folder import Folder, users
from devserver.signatures import Keys


@contextmanager
def ministack(dynamodb: str | None = None) -> Iterator[str]:
    """MiniStack as `make run` starts it, in a folder and on a port of its own; the service is led to it. Its URL.

    It takes any keys: those of a SeaweedFS beside it are the same process's.

    `dynamodb` is the URL of another DynamoDB to use in its place, for the table alone.
    """
    with tempfile.TemporaryDirectory(prefix="weighthouse-bench-", ignore_cleanup_errors=True) as path:
        emulator = Emulator(Folder(Path(path)), None)
        try:
            apply_defaults(os.environ)
            stores = Stores(embedded_s3=True, embedded_dynamodb=True, queue=True)
            use_emulator(os.environ, stores, emulator.url, Keys("test", "test"))
            if dynamodb:
                os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb
            yield emulator.url
        finally:
            # A clean stop would write tables that nobody wants any more, for minutes when they are large.
            os.kill(users(Path(path))["emulator"], signal.SIGKILL)
            emulator.stop()


@contextmanager
def moto() -> Iterator[None]:
    """Moto in this process; its S3 cannot be reached by presigned URLs."""
    from moto import mock_aws

    apply_defaults(os.environ)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"):
        os.environ.pop(name, None)
    with mock_aws():
        yield
