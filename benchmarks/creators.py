"""Twelve creators of one version at once, round after round: one wins, with his own bytes, and nothing is left.

    python -m benchmarks.creators [--url URL] [--rounds N]

By forms, by plans, and by both; without `--url` on a service that it starts itself.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

from benchmarks._audit import audit, embedded
from benchmarks._report import machine, progress, table, verdict
from benchmarks._service import USER, Client, Refused, sha256
from devserver.process import LocalService
from devserver.signatures import Keys

CREATORS = 12
ROUNDS = 200
FILE = "model.bin"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

Creator = Callable[[Client, dict[str, str], bytes], Any]


def by_form(client: Client, fields: dict[str, str], data: bytes) -> Any:
    """Creates the version with one request."""
    return client.form("single", fields, FILE, data)


def by_plan(client: Client, fields: dict[str, str], data: bytes) -> Any:
    """Creates the version with a plan, sends its bytes and completes it."""
    plan = client.plan("single", {**fields, "filename": FILE, "file_size": len(data)})
    return client.send(plan, {FILE: data}).json()


KINDS: dict[str, list[Creator]] = {
    "forms": [by_form] * CREATORS,
    "plans": [by_plan] * CREATORS,
    "both": [by_form, by_plan] * (CREATORS // 2),
}


def race(
    client: Client, pool: ThreadPoolExecutor, creators: list[Creator], fields: dict[str, str]
) -> list[str]:
    """One round: what went wrong, in one word each."""
    together = Barrier(len(creators))

    def create(creator: Creator) -> tuple[int, str, Any]:
        # Each with other bytes, and another number of them.
        data = os.urandom(20_000 + int.from_bytes(os.urandom(2)))
        together.wait()
        try:
            return 200, sha256(data), creator(client, fields, data)
        except Refused as refusal:
            return refusal.status, str(refusal), None

    outcomes = list(pool.map(create, creators))
    wrong = [f"status {status}: {text}" for status, text, _ in outcomes if status not in (200, 409)]
    winners = [(digest, document) for status, digest, document in outcomes if status == 200]
    if len(winners) != 1:
        return [*wrong, f"{len(winners)} winners"]
    [(digest, document)] = winners
    published = client.sha256(fields["model_id"], fields["version"], FILE)
    if not published == digest == document["files"][0]["file_hash"]:
        wrong.append("corrupt")
    return wrong


@contextmanager
def service(url: str | None) -> Iterator[tuple[Client, Keys]]:
    """The service with this URL, or one of its own, and the keys of its stores."""
    if url:
        yield Client(url.rstrip("/")), Keys(*(os.environ.get(name, "test") for name in KEYS))
        return
    with (
        tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as folder,
        LocalService(Path(folder) / "data") as own,
    ):
        yield Client(own.url), own.aws_keys


def main() -> int:
    """Races, prints, and gives the exit status: 1 when a round had not one winner or anything is left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.creators", description=__doc__)
    parser.add_argument(
        "--url", help=f"a running service, whose stores hold nothing else and take {' and '.join(KEYS)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    lines: list[list[str]] = []
    wrong: list[str] = []
    with service(asked.url) as (client, keys), ThreadPoolExecutor(CREATORS) as pool:
        for kind, creators in KINDS.items():
            found: Counter[str] = Counter()
            begun = time.monotonic()
            for number in range(asked.rounds):
                fields = {"user_id": USER, "model_id": kind, "name": "Race", "version": f"v{number}"}
                found.update(race(client, pool, creators, fields))
                progress(f"{kind}: {number + 1} of {asked.rounds} rounds")
            rate = asked.rounds / (time.monotonic() - begun)
            lines.append([kind, str(asked.rounds), str(found.total()), f"{rate:.1f}"])
            wrong += [f"{kind}: {count} x {text}" for text, count in found.items()]
        left = audit(embedded(client.stores(), keys))
    progress("")
    wrong += [f"{left.versions} versions are there"] * (left.versions != asked.rounds * len(KINDS))
    for name in ("orphans", "missing", "rows"):
        wrong += [f"{name}: {one}" for one in getattr(left, name)]
    print(f"{CREATORS} creators of one version at once, on {machine()}\n")
    print(table(["by", "rounds", "not one whole winner", "rounds/s"], lines))
    print(f"\nVersions: {left.versions}. Objects and parts that belong to none: {len(left.orphans)}.")
    print(f"Objects that lack: {len(left.missing)}. Rows that are wrong: {len(left.rows)}.")
    return verdict(wrong)


if __name__ == "__main__":
    sys.exit(main())
