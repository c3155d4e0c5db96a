"""Twelve creators of one version at once, round after round: one wins, with his own bytes, and nothing is left.

    python -m benchmarks.creators [--url URL] [--rounds N] [--seed N]

By forms, by plans, by both, by ZIPs and by bundles whose numbers of files lie around those of a row, a batch and a
page, by all of these, and by forms and plans with a version of their own each, which `next` names. Without `--url`
on a service that it starts itself.
"""

import argparse
import os
import random
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
from benchmarks._reading import files_of, read_all
from benchmarks._report import machine, progress, table, verdict
from benchmarks._service import Client, Refused, sha256, zipped
from benchmarks._wide import Contents, fields, form_fields, many, planned
from devserver.process import LocalService
from devserver.signatures import Keys

CREATORS = 12
ROUNDS = 200
FILE = "model.bin"
NEXT = "next"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

Names = tuple[str, str]
Creator = Callable[[Client, Names, int, random.Random], tuple[Contents, Any]]
"""Creates a version with contents of its own, and hostile texts by its turn: what it sent, and the answer."""


def _one(chance: random.Random) -> Contents:
    # Each with other bytes, and another number of them.
    return {FILE: chance.randbytes(20_000 + chance.randrange(65_536))}


def _form(kind: str, client: Client, names: Names, turn: int, name: str, data: bytes) -> Any:
    return client.form(kind, form_fields(*names, turn), name, data)


def by_form(client: Client, names: Names, turn: int, chance: random.Random) -> tuple[Contents, Any]:
    """With one request."""
    contents = _one(chance)
    return contents, _form("single", client, names, turn, FILE, contents[FILE])


def by_zip(client: Client, names: Names, turn: int, chance: random.Random) -> tuple[Contents, Any]:
    """With one request, of many files."""
    contents = many(chance)
    return contents, _form("folder", client, names, turn, "f.zip", zipped(contents))


def by_plan(client: Client, names: Names, turn: int, chance: random.Random) -> tuple[Contents, Any]:
    """With a plan: sends its bytes and completes it."""
    return _planned(client, names, turn, _one(chance), chance, bundle=False)


def by_bundle(client: Client, names: Names, turn: int, chance: random.Random) -> tuple[Contents, Any]:
    """With a plan for many files that are sent together."""
    return _planned(client, names, turn, many(chance), chance, bundle=True)


def _planned(
    client: Client, names: Names, turn: int, contents: Contents, chance: random.Random, *, bundle: bool
) -> tuple[Contents, Any]:
    told = {**fields(*names, turn), "files": planned(contents, chance), "bundle": bundle}
    plan = client.plan("files", told)
    answer = client.send(plan, contents)
    while answer.status_code == 202:
        time.sleep(0.1)
        answer = client.ask("POST", f"/uploads/{plan['upload_id']}/complete")
    return contents, answer.json()


ALL: list[Creator] = [by_form, by_plan, by_zip, by_bundle]
KINDS: dict[str, list[Creator]] = {
    "forms": [by_form] * CREATORS,
    "plans": [by_plan] * CREATORS,
    "both": [by_form, by_plan] * (CREATORS // 2),
    "zips": [by_zip] * CREATORS,
    "bundles": [by_bundle] * CREATORS,
    "all": ALL * (CREATORS // 4),
    NEXT: [by_form, by_plan] * (CREATORS // 2),
}


def race(
    client: Client, pool: ThreadPoolExecutor, creators: list[Creator], names: Names, chance: random.Random
) -> tuple[int, list[str]]:
    """One round: how many won, and what went wrong, in one word each."""
    together = Barrier(len(creators))
    seeds = [chance.random() for _ in creators]

    def create(creator: Creator, turn: int, seed: float) -> tuple[int, str, Contents, Any]:
        together.wait()
        try:
            return 200, "", *creator(client, names, turn, random.Random(seed))
        except Refused as refusal:
            return refusal.status, str(refusal), {}, None

    outcomes = list(pool.map(create, creators, range(len(creators)), seeds))
    wrong = [f"status {status}: {text}" for status, text, _, _ in outcomes if status not in (200, 409)]
    winners = [(contents, document) for status, _, contents, document in outcomes if status == 200]
    versions = {document["version"] for _, document in winners}
    expected = len(winners) or 1 if names[1] == NEXT else 1
    if len(winners) != expected or len(versions) != expected:
        wrong.append(f"{len(winners)} winners of {len(versions)} versions")
    return len(winners), wrong + ["corrupt" for one in winners if not _is_whole(client, *one)]


def _is_whole(client: Client, contents: Contents, document: Any) -> bool:
    sent = {path: sha256(data) for path, data in contents.items()}
    listed = {file["filename"]: file["file_hash"] for file in files_of(client, document)}
    return sent == listed == read_all(client, (document["model_id"], document["version"]), sent, document)


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
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    lines: list[list[str]] = []
    wrong: list[str] = []
    chance, versions = random.Random(asked.seed), 0
    with service(asked.url) as (client, keys), ThreadPoolExecutor(CREATORS) as pool:
        for kind, creators in KINDS.items():
            found: Counter[str] = Counter()
            won, broken = 0, 0
            begun = time.monotonic()
            for number in range(asked.rounds):
                version = NEXT if kind == NEXT else f"v{number}"
                winners, problems = race(client, pool, creators, (kind, version), chance)
                won, broken = won + winners, broken + bool(problems)
                found.update(problems)
                progress(f"{kind}: {number + 1} of {asked.rounds} rounds")
            rate = asked.rounds / (time.monotonic() - begun)
            versions += won
            lines.append([kind, str(asked.rounds), str(won), str(broken), f"{rate:.1f}"])
            print("  ".join(lines[-1]), file=sys.stderr, flush=True)
            wrong += [f"{kind}: {count} x {text}" for text, count in found.items()]
        left = audit(embedded(client.stores(), keys))
    progress("")
    wrong += [f"{left.versions} versions are there, and {versions} were won"] * (left.versions != versions)
    for name in ("orphans", "missing", "rows"):
        wrong += [f"{name}: {one}" for one in getattr(left, name)]
    print(f"{CREATORS} creators of one version at once (seed {asked.seed}), on {machine()}\n")
    print(table(["by", "rounds", "won", "not one whole winner", "rounds/s"], lines))
    print(f"\nVersions: {left.versions}. Objects and parts that belong to none: {len(left.orphans)}.")
    print(f"Objects that lack: {len(left.missing)}. Rows that are wrong: {len(left.rows)}.")
    return verdict(wrong)


if __name__ == "__main__":
    sys.exit(main())
