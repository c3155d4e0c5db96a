"""`make run` killed with SIGKILL at random moments, and what is left when it has been started again.

    python -m benchmarks.kills [--kills N] [--seed N]

Clients upload by form, by plan and as folders of up to 1,251 files with hostile texts and names, change and
delete, until it dies: in turn the server with its AWS stand-in, as when a machine goes away, and the server's
process group alone. Three of them work on the versions of one model, one shares a model, deletes it and makes
it again, and one makes and revokes API tokens. Before each fourth kill manifests, lists and files are damaged,
and mended after it: the rebuild must tell of each, and lose no other.

Started again on the same folder, every acknowledged version must be there, intact and with its acknowledged
metadata, every other one absent or whole, found exactly once, and read by nobody with whom it is not shared. After
the sweep nothing may be left that belongs to none.
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
from threading import Event
from typing import Any

from benchmarks._audit import EXPIRED, HANDED_ON, Audit, audit, embedded
from benchmarks._beside import Others
from benchmarks._damaged import Damaged
from benchmarks._killed import Clients
from benchmarks._ledger import Ledger, settle
from benchmarks._people import bearer, known_callers
from benchmarks._report import machine, table, verdict
from benchmarks._seaweed import s3_client
from benchmarks._service import Client
from benchmarks._waiting import wait
from devserver.folder import users
from devserver.process import LocalService

KILLS = 20
SHORTEST, LONGEST = 0.3, 5.0
"""Seconds from the first request to the kill."""
BUCKET = "weighthouse"


def kill(service: LocalService, *, group_only: bool) -> None:
    """SIGKILL to the server's process group, and to its AWS stand-in too unless `group_only`."""
    if group_only:
        os.killpg(users(service.data_dir)["server"], signal.SIGKILL)
        service.wait()
    else:
        service.kill()


class Rounds:
    """Kill after kill, and what is known of what went before."""

    def __init__(self, service: LocalService, chance: random.Random) -> None:
        self.lines: list[list[str]] = []
        self.wrong: list[str] = []
        self.done: Counter[str] = Counter()
        self._service, self._chance = service, chance
        self._ledger, self._others, self._damaged = Ledger(), Others(), Damaged(BUCKET)
        self._damaged.make(self._client())

    def _client(self) -> Client:
        return Client(self._service.url, bearer())

    def _s3(self) -> Any:
        keys = self._service.aws_keys
        return s3_client(self._service.aws_url, keys.id, keys.secret)

    def kill(self, *, last: bool) -> None:
        """Works, kills, starts again, looks."""
        number = len(self.lines)
        group_only, breaks = number % 2 == 1, number % 4 == 2
        if breaks:
            self._damaged.break_(self._s3())
        clients = Clients(self._client(), self._ledger, self._others, number, self._chance)
        moment = self._chance.uniform(SHORTEST, LONGEST)
        time.sleep(moment)
        kill(self._service, group_only=group_only)
        clients.join()
        unanswered = len(self._ledger.of_state("sent")) + len(self._ledger.of_state("leaving"))
        begun = time.monotonic()
        self._service.start()
        started = time.monotonic() - begun
        rebuilt = "index was lost" in self._service.log
        ends, left, wrong = self._look(clients, rebuilt=rebuilt, last=last)
        if breaks:
            self._damaged.mend(self._s3())
        self.done += clients.done
        self.wrong += [f"kill {number + 1}: {one}" for one in wrong]
        what = ("server" if group_only else "both") + (" damaged" if breaks else "")
        figures = [clients.done.total(), unanswered, ends["ready"], left.versions, len(wrong)]
        made = "made again" if rebuilt else "kept"
        self.lines.append(
            [f"{number + 1}", what, f"{moment:.1f}", *map(str, figures), made, f"{started:.1f}"]
        )

    def _look(self, clients: Clients, *, rebuilt: bool, last: bool) -> tuple[Counter[str], Audit, list[str]]:
        """How uploads ended, what remains after the sweep, and what is wrong."""
        client = self._client()
        stores = embedded(self._service.aws_url, self._service.aws_keys)
        # The worker that a kill ended is called again by the sweep, in a quarter of an hour.
        if clients.open:
            audit(stores, sweep_in=HANDED_ON)
        ends = Counter(wait(client, upload_id, Event()) for upload_id in clients.open)
        left = audit(stores, sweep_in=EXPIRED)
        wrong = [*clients.unexpected, *(["an upload is stuck"] * ends["stuck"])]
        wrong += settle(client, self._ledger, None if last else self._chance)
        # Before what was not acknowledged is done again.
        wrong += self._others.are_wrong(left.copies)
        wrong += self._others.check(client)
        if rebuilt:
            report = (self._service.data_dir / "rebuild.log").read_text()
            wrong += self._damaged.check(client, report)
        for name in ("orphans", "missing", "rows"):
            found = getattr(left, name)
            wrong += [f"{name}: {one}" for one in found if not self._damaged.explains(one)]
        return ends, left, wrong


def main() -> int:
    """Kills, prints, and gives the exit status: 1 when anything was lost, damaged or left over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as name:
        folder = Path(name)
        with LocalService(folder / "data", env=known_callers(folder)) as service:
            rounds = Rounds(service, random.Random(asked.seed))
            for number in range(asked.kills):
                rounds.kill(last=number == asked.kills - 1)
                print("  ".join(rounds.lines[-1]), *rounds.wrong[-5:], file=sys.stderr, flush=True)
    print(f"make run killed {asked.kills} times (seed {asked.seed}), on {machine()}\n")
    head = ["kill", "of", "after s", "done", "unanswered", "went on", "versions", "wrong", "index", "start s"]
    print(table(head, rounds.lines))
    done = ", ".join(f"{name} {count}" for name, count in sorted(rounds.done.items()))
    print(f"\nDone and answered: {done}.")
    return verdict(rounds.wrong)


if __name__ == "__main__":
    sys.exit(main())
