"""One run of the worker function in a process of its own, as Lambda runs it, with what it took.

    echo RECORD | python -m benchmarks._function

prints a line of JSON: peak memory in MiB, bytes read from and written to the store.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from benchmarks._memory import peak_mib
from devserver.proxy import Context

SECONDS = 900.0


@dataclass
class Taken:
    """What a run took."""

    key: str
    peak_mib: float = 0
    read: int = 0
    written: int = 0

    @property
    def through(self) -> int:
        """Bytes that passed through the function: in and out again, or one of both alone."""
        return max(self.read, self.written)


def run(record: dict[str, Any]) -> Taken:
    """Has the function run for an S3 record."""
    import app
    from chalicelib.store import wire

    taken = Taken(record["s3"]["object"]["key"])
    lock, send, chunks = Lock(), wire.send, wire.chunks

    def counted_send(*names: Any, **options: Any) -> Any:
        answer = send(*names, **options)
        body: bytes | Iterable[bytes] = options.get("body") or b""
        size = len(body) if isinstance(body, bytes) else sum(map(len, body))
        with lock:
            taken.written += size
        return answer

    def counted_chunks(answer: Any, size: int) -> Iterator[bytes]:
        for chunk in chunks(answer, size):
            with lock:
                taken.read += len(chunk)
            yield chunk

    wire.send, wire.chunks = counted_send, counted_chunks
    app.on_object_created({"Records": [record]}, Context("on_object_created", SECONDS))
    taken.peak_mib = peak_mib()
    return taken


if __name__ == "__main__":
    print(json.dumps(asdict(run(json.load(sys.stdin)))))
