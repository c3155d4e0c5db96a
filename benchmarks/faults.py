"""The service between clients and stores that fail: nothing may be lost, damaged or left over.

    python -m benchmarks.faults [--operations N] [--kills N] [--rate R] [--seed N]

SeaweedFS, which checks signatures, and MiniStack's DynamoDB stand behind proxies that throttle, reset, cut,
delay or answer with 500 one request in twenty, those by presigned URLs too. Clients upload, download, change
and delete meanwhile, and try again as sensible ones do; the server is killed at random moments and started
again; events come twice, late and in any order. At the end every acknowledged version must be there, intact and
with its acknowledged metadata, and after the sweep nothing that belongs to none.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._audit import EXPIRED, HANDED_ON, audit
from benchmarks._echoes import Echoes, echoes
from benchmarks._faults import DYNAMODB, RATE, S3, Fault, FaultyProxy
from benchmarks._ledger import Ledger, settle
from benchmarks._patience import PatientClient
from benchmarks._people import bearer, known_callers
from benchmarks._report import machine, table, verdict
from benchmarks._seaweed import SeaweedFS, seaweedfs
from benchmarks._stand_ins import ministack
from benchmarks._waiting import ENDED, SETTLING, state_of
from benchmarks._weights import WEIGHTS, WIDE, operations
from benchmarks._workload import Workload
from devserver.process import LocalService

OPERATIONS = 200
KILLS = 6
CLIENTS = 6
PATIENCE = 30.0
"""Seconds that a client tries for."""
BUSY_AT_MOST = 0.002
"""Share of the service's answers that may be 503: it tries up to five times itself."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A service, and the proxies between it and its stores."""

    service: LocalService
    proxies: Sequence[FaultyProxy]

    def fail(self, rate: float) -> None:
        """Lets this share of the requests to the stores fail from now on."""
        for proxy in self.proxies:
            proxy.rate = rate


@dataclass(slots=True)
class Outcome:
    """What a run was like, and what is wrong."""

    workload: Workload
    client: PatientClient
    echoes: Echoes
    versions: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def between_proxies(
    s3: SeaweedFS, dynamodb: str, folder: Path, chance: random.Random, settings: Mapping[str, str]
) -> Iterator[Setup]:
    """The service on these stores, behind proxies that do not fail yet; `settings` are variables for it."""
    with ExitStack() as running:
        proxies = [
            running.enter_context(FaultyProxy(url, dialect, random.Random(chance.random()), rate=0))
            for url, dialect in ((s3.url, S3), (dynamodb, DYNAMODB))
        ]
        endpoints = {"AWS_ENDPOINT_URL_S3": proxies[0].url, "AWS_ENDPOINT_URL_DYNAMODB": proxies[1].url}
        environment = {**s3.environment, **endpoints, **settings}
        yield Setup(running.enter_context(LocalService(folder, env=environment)), proxies)


def run(
    setup: Setup,
    chance: random.Random,
    *,
    count: int,
    kills: int,
    clients: int,
    rate: float,
    patience: float,
    wide: bool = False,
) -> Outcome:
    """Lets clients do `count` things under faults, kills the server so many times, and looks at what remains.

    `wide` asks a service that knows its callers for everything that `WIDE` has too.
    """
    service, ledger, failures = setup.service, Ledger(), list[str]()
    client = PatientClient(service.url, patience, bearer() if wide else "")
    setup.fail(rate)
    with echoes(service.environment, chance.randrange(10**6)) as repeated:
        todo = operations(count, chance, WEIGHTS | WIDE if wide else WEIGHTS)
        workload = Workload(client, ledger, repeated, todo, clients, chance)
        try:
            for at in sorted(chance.sample(range(count), kills), reverse=True):
                while workload.left_to_do > at:
                    time.sleep(0.02)
                time.sleep(chance.uniform(0, 0.5))
                failures += _failures(service)
                service.kill()
                service.start()
                client.url = service.url
            workload.join()
        finally:
            workload.stop()
        setup.fail(0)
        outcome = Outcome(workload, client, repeated)
        outcome.wrong += workload.unexpected
        _settle(setup, outcome, ledger)
        if wide:
            outcome.wrong += workload.others.check(client)
        outcome.wrong += failures + _failures(service)
    return outcome


def _failures(service: LocalService) -> list[str]:
    """What the service has logged, since it was started, of exceptions that are answered with status 500."""
    return [line for line in service.log.splitlines() if '"ERROR"' in line]


def _settle(setup: Setup, outcome: Outcome, ledger: Ledger) -> None:
    """Lets work end that goes on, sweeps, repeats every event for the last time, and looks."""
    stores, client = setup.service.environment, outcome.client
    stuck = _still_open(client, outcome.workload.open, client.patience)
    # Whatever is open now has died with the server: the sweep calls the worker for it in a quarter of an hour.
    audit(stores, sweep_in=HANDED_ON)
    outcome.echoes.end()
    outcome.wrong += [f"an event after everything raised {one}" for one in outcome.echoes.raised]
    outcome.wrong += [f"upload {upload_id} is stuck" for upload_id in _still_open(client, stuck, SETTLING)]
    left = audit(stores, sweep_in=EXPIRED)
    outcome.versions = left.versions
    outcome.wrong += settle(client, ledger)
    outcome.wrong += outcome.workload.others.are_wrong(left.copies)
    for name in ("orphans", "missing", "rows"):
        outcome.wrong += [f"{name}: {one}" for one in getattr(left, name)]
    answers, busy = client.statuses.total(), client.statuses[503]
    if busy > max(1, BUSY_AT_MOST * answers):
        outcome.wrong.append(f"{busy} of {answers} answers are 503")
    outcome.wrong += [
        f"{count} answers are {status}" for status, count in client.statuses.items() if status == 500
    ]


def _still_open(client: PatientClient, uploads: Sequence[str], seconds: float) -> list[str]:
    """The uploads that do not get to where nobody works on them, within so many seconds."""
    deadline = time.monotonic() + seconds
    left = list(uploads)
    while left := [upload_id for upload_id in left if state_of(client, upload_id) not in ENDED]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return left


def report(setup: Setup, outcome: Outcome) -> str:
    """What happened, as tables."""
    done, left = outcome.workload.seconds, outcome.workload.left
    lines = [
        [name, str(len(done[name])), str(left[name]), *_seconds(done[name])]
        for name in WEIGHTS | WIDE
        if done[name]
    ]
    statuses = outcome.client.statuses
    faults = [
        [proxy.dialect.name, str(proxy.requests), *(str(proxy.faults[fault]) for fault in Fault)]
        for proxy in setup.proxies
    ]
    return "\n\n".join(
        [
            table(["operation", "done", "not answered", "median s", "longest s"], lines),
            table(["store", "requests", *(str(fault) for fault in Fault)], faults),
            table(
                ["the service's answers", "times"],
                [[str(status), str(count)] for status, count in sorted(statuses.items())],
            ),
            f"{outcome.client.repeated} requests were repeated by clients, {outcome.echoes.calls} events on top;"
            f" {outcome.versions} versions are left.",
        ]
    )


def _seconds(taken: Sequence[float]) -> list[str]:
    return [f"{statistics.median(taken):.2f}", f"{max(taken):.1f}"]


def main() -> int:
    """Runs, prints, and gives the exit status: 1 when anything was lost, damaged, left over or refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--operations", type=int, default=OPERATIONS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    # Larger uploads are left to the worker function, so that both ways are gone.
    limit = {"WEIGHTHOUSE_REQUEST_VERIFY_LIMIT": "12000000"}
    with (
        tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as folder,
        seaweedfs() as s3,
        ministack() as dynamodb,
        between_proxies(
            s3, dynamodb, Path(folder) / "data", chance, limit | known_callers(Path(folder))
        ) as setup,
    ):
        outcome = run(
            setup,
            chance,
            count=asked.operations,
            kills=asked.kills,
            clients=CLIENTS,
            rate=asked.rate,
            patience=PATIENCE,
            wide=True,
        )
        head = f"{asked.operations} operations, {asked.kills} kills, faults at {asked.rate:.0%} (seed {asked.seed})"
        print(f"{head}, on {machine()}\n\n{report(setup, outcome)}")
        return verdict(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
