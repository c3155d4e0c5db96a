"""Events that come twice, late and in any order: `python -m benchmarks._echoes SEED`.

It calls the worker function, in a process of its own, for keys that it has seen in the bucket and for those that
it reads from its standard input, one a line; each of them several times, soon and much later. At the end of
its input it calls the function once more for every key, and prints in JSON how many calls there were and what
those last ones raised.
"""

import json
import logging
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from devserver.proxy import Context

ROOT = Path(__file__).resolve().parent.parent
SIDE_BY_SIDE = 3
PAUSES = (0.0, 0.5)
"""Seconds between two calls."""
FRESH = 0.5
"""How many of the calls are for one of the ten newest keys."""


class Echoes:
    """The process, and what it said at its end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.calls = 0
        self.raised: list[str] = []
        """By the last calls, which nothing disturbs."""

    def heard_of(self, key: str) -> None:
        """Tells it of an object for which the worker function has been called or will be."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{key}\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Lets it make its last calls."""
        said, _ = self._process.communicate(timeout=300)
        if self._process.returncode:
            raise RuntimeError("The process that repeats events has failed")
        found = json.loads(said)
        self.calls, self.raised = found["calls"], found["raised"]


@contextmanager
def echoes(environment: Mapping[str, str], seed: int) -> Iterator[Echoes]:
    """Repeats events for as long as the block runs; `environment` leads to the stores."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._echoes", str(seed)],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Echoes(process)
    finally:
        process.kill()
        process.wait()


class _Caller:
    """Calls the worker function for keys, and counts."""

    def __init__(self, chance: random.Random) -> None:
        import app

        self.function = app.on_object_created
        self.chance = chance
        self.known: dict[str, None] = {}
        self.calls = 0
        self.over = threading.Event()
        self._lock = threading.Lock()

    def hear(self, keys: list[str]) -> None:
        with self._lock:
            self.known.update(dict.fromkeys(keys))

    def look(self) -> None:
        """Hears of what lies in the bucket."""
        from chalicelib.settings import settings
        from devserver.events import existing

        while not self.over.wait(0.1):
            # The store is made to fail now and then.
            with suppress(Exception):
                found = existing(settings().bucket)
                self.hear([record["s3"]["object"]["key"] for record in found])

    def repeat(self) -> None:
        """Calls for known keys, new ones and old ones."""
        while not self.over.wait(self.chance.uniform(*PAUSES)):
            with self._lock:
                keys = list(self.known)
            if keys:
                fresh = self.chance.random() < FRESH
                # What a call raises, S3 would have tried again.
                with suppress(Exception):
                    self.call(self.chance.choice(keys[-10:] if fresh else keys))

    def call(self, key: str) -> None:
        """Calls the function as for an object that was just made."""
        self.calls += 1
        record: Any = {"s3": {"object": {"key": key}}}
        self.function({"Records": [record]}, Context("on_object_created", 900.0))

    def last_call(self, key: str) -> str | None:
        """What the function raises for a key when the stores are well."""
        try:
            self.call(key)
        except Exception as error:
            return f"{key}: {error!r}"
        return None


def main(seed: int) -> None:
    """Repeats events until the end of the input, and prints."""
    logging.disable()
    caller = _Caller(random.Random(seed))
    threads = [threading.Thread(target=caller.repeat) for _ in range(SIDE_BY_SIDE)]
    threads.append(threading.Thread(target=caller.look))
    for thread in threads:
        thread.start()
    for line in sys.stdin:
        caller.hear([quote_plus(line.strip(), safe="/")])
    caller.over.set()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        raised = [found for found in pool.map(caller.last_call, caller.known) if found]
    print(json.dumps({"calls": caller.calls, "raised": raised}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
