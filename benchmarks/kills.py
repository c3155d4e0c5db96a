"""`make run` killed with SIGKILL at random moments, and what is left when it has been started again.

    python -m benchmarks.kills [--kills N] [--seed N]

Clients upload by form, by plan and as folders, change and delete, until it dies: in turn the server with its
AWS stand-in, as when a machine goes away, and the server's process group alone. Started again on the same
folder, every acknowledged version must be there, intact and with its acknowledged metadata, every other one
absent or whole, and after the sweep nothing may be left that belongs to none.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import Any

import requests

from benchmarks._audit import EXPIRED, HANDED_ON, audit, embedded
from benchmarks._ledger import Ledger, settle
from benchmarks._report import machine, table, verdict
from benchmarks._service import USER, Client, Refused, zipped
from devserver.folder import users
from devserver.process import LocalService

KILLS = 20
SHORTEST, LONGEST = 0.3, 5.0
"""Seconds from the first request to the kill."""
CLIENTS = 8
SIZES = (1, 2_000, 200_000, 200_000, 9_000_000)
"""Bytes of files: the largest takes two parts."""
SETTLING = 60.0
"""Seconds that work which goes on after a restart may take."""


class Clients:
    """Threads that upload, change and delete, until the service is away."""

    def __init__(self, client: Client, ledger: Ledger, round_number: int, chance: random.Random) -> None:
        """They start at once."""
        self.done: Counter[str] = Counter()
        self.open: list[str] = []
        """Uploads that were handed over and not seen to end."""
        self.unexpected: list[str] = []
        self._client, self._ledger, self._round = client, ledger, round_number
        self._stop = Event()
        seeds = [chance.random() for _ in range(CLIENTS)]
        self._threads = [Thread(target=self._run, args=(n, random.Random(s))) for n, s in enumerate(seeds)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Lets no new request begin, and waits for those that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, chance: random.Random) -> None:
        kinds = [self._form, self._folder_form, self._plan, self._folder_plan, self._change, self._change]
        count = 0
        while not self._stop.is_set():
            kind = chance.choice([*kinds, self._delete] if count % 10 == 9 else kinds)
            count += 1
            fields = {
                "user_id": USER,
                "model_id": f"client-{number}",
                "version": f"v{self._round}.{count}",
                "name": f"Client {number}",
                "description": f"first of {count}",
                "tags": ["killed", f"client-{number}"],
            }
            try:
                kind(fields, chance)
                self.done[kind.__name__.strip("_")] += 1
            except requests.RequestException:
                # The service is away, or a store behind its URL.
                return
            except Refused as refusal:
                # Clients have only their own versions to do with: nothing refuses them but the kill.
                if not self._stop.is_set():
                    self.unexpected.append(str(refusal))
                return

    def _form(self, fields: dict[str, Any], chance: random.Random) -> None:
        contents = {"model.bin": chance.randbytes(chance.choice(SIZES))}
        known = self._ledger.sending(fields, contents)
        sent = {**fields, "tags": ",".join(fields["tags"])}
        self._client.form("single", sent, "model.bin", contents["model.bin"])
        known.state = "there"

    def _folder_form(self, fields: dict[str, Any], chance: random.Random) -> None:
        contents = _folder(chance)
        known = self._ledger.sending(fields, contents)
        sent = {**fields, "tags": ",".join(fields["tags"])}
        self._client.form("folder", sent, "f.zip", zipped(contents))
        known.state = "there"

    def _plan(self, fields: dict[str, Any], chance: random.Random) -> None:
        contents = {
            f"part-{n}.bin": chance.randbytes(chance.choice(SIZES)) for n in range(chance.randint(1, 4))
        }
        known = self._ledger.sending(fields, contents)
        files = [{"filename": name, "file_size": len(data)} for name, data in contents.items()]
        plan = self._client.plan("files", {**fields, "files": files})
        if self._client.send(plan, contents).status_code == requests.codes.ok:
            known.state = "there"

    def _folder_plan(self, fields: dict[str, Any], chance: random.Random) -> None:
        contents = _folder(chance)
        known = self._ledger.sending(fields, contents)
        archive = zipped(contents)
        plan = self._client.plan("folder", {**fields, "file_size": len(archive)})
        self.open.append(plan["upload_id"])
        self._client.send(plan, {"archive.zip": archive})
        if wait(self._client, plan["upload_id"], self._stop) == "ready":
            known.state = "there"
            self.open.remove(plan["upload_id"])

    def _mine(self, fields: dict[str, Any], chance: random.Random) -> tuple[str, str] | None:
        mine = [names for names in self._ledger.of_state("there") if names[0] == fields["model_id"]]
        return chance.choice(mine) if mine else None

    def _change(self, fields: dict[str, Any], chance: random.Random) -> None:
        names = self._mine(fields, chance)
        if names is None:
            return
        known = self._ledger.known[names]
        description = f"changed {self._round} {chance.random()}"
        known.descriptions.add(description)
        path, version = f"/{USER}/{names[0]}", {"version": names[1]}
        self._client.ask("PUT", path, params=version, json={"description": description})
        known.descriptions = {description}

    def _delete(self, fields: dict[str, Any], chance: random.Random) -> None:
        names = self._mine(fields, chance)
        if names is None:
            return
        known = self._ledger.known[names]
        known.state = "leaving"
        self._client.ask("DELETE", f"/{USER}/{names[0]}", params={"version": names[1]})
        known.state = "gone"


def _folder(chance: random.Random) -> dict[str, bytes]:
    return {
        f"net/{n:02d}.bin": chance.randbytes(chance.choice(SIZES[:4])) for n in range(chance.randint(2, 25))
    }


def wait(client: Client, upload_id: str, stop: Event) -> str:
    """The state in which an upload ends, or in which it is when nobody waits any more."""
    deadline = time.monotonic() + SETTLING
    while True:
        try:
            state: str = client.ask("GET", f"/uploads/{upload_id}").json()["state"]
        except Refused as refusal:
            if refusal.status != requests.codes.not_found:
                raise
            return "unknown"
        if state in ("ready", "failed", "expired", "uploading") or stop.wait(0.1):
            return state
        if time.monotonic() > deadline:
            return "stuck"


def kill(service: LocalService, *, group_only: bool) -> None:
    """SIGKILL to the server's process group, and to its AWS stand-in too unless `group_only`."""
    if group_only:
        os.killpg(users(service.data_dir)["server"], signal.SIGKILL)
        service.wait()
    else:
        service.kill()


def one_round(
    service: LocalService, ledger: Ledger, number: int, chance: random.Random
) -> tuple[list[str], list[str]]:
    """Works, kills, starts again, looks: a line of the table, and what is wrong."""
    clients = Clients(Client(service.url), ledger, number, chance)
    moment, group_only = chance.uniform(SHORTEST, LONGEST), number % 2 == 1
    time.sleep(moment)
    kill(service, group_only=group_only)
    clients.join()
    unanswered = len(ledger.of_state("sent")) + len(ledger.of_state("leaving"))
    begun = time.monotonic()
    service.start()
    started = time.monotonic() - begun
    rebuilt = "made again" if "index was lost" in service.log else "kept"
    client = Client(service.url)
    stores = embedded(client.stores(), service.aws_keys)
    # The worker that a kill ended is called again by the sweep, in a quarter of an hour.
    audit(stores, sweep_in=HANDED_ON)
    ends = Counter(wait(client, upload_id, Event()) for upload_id in clients.open)
    wrong = [*clients.unexpected, *(["an upload is stuck"] * ends["stuck"])]
    left = audit(stores, sweep_in=EXPIRED)
    wrong += settle(client, ledger)
    for name in ("orphans", "missing", "rows"):
        wrong += [f"{name}: {one}" for one in getattr(left, name)]
    what = "server" if group_only else "both"
    figures = [clients.done.total(), unanswered, ends["ready"], left.versions, len(wrong)]
    return [f"{number + 1}", what, f"{moment:.1f}", *map(str, figures), rebuilt, f"{started:.1f}"], wrong


def main() -> int:
    """Kills, prints, and gives the exit status: 1 when anything was lost, damaged or left over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    chance, ledger = random.Random(asked.seed), Ledger()
    lines: list[list[str]] = []
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as folder,
        LocalService(Path(folder) / "data") as service,
    ):
        for number in range(asked.kills):
            line, found = one_round(service, ledger, number, chance)
            lines.append(line)
            wrong += [f"kill {number + 1}: {one}" for one in found]
            print("  ".join(line), file=sys.stderr, flush=True)
    print(f"make run killed {asked.kills} times (seed {asked.seed}), on {machine()}\n")
    head = ["kill", "of", "after s", "done", "unanswered", "went on", "versions", "wrong", "index", "start s"]
    print(table(head, lines))
    return verdict(wrong)


if __name__ == "__main__":
    sys.exit(main())
