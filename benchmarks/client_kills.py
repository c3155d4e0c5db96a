"""The client killed with SIGKILL at random moments, and on networks that break: does it always get done?

    python -m benchmarks.client_kills [--trials N] [--breaks N] [--faults N] [--patient N] [--seed N]

A folder with large files, more than a thousand small ones and some of hostile names is pushed and pulled through
wires that count each byte between the client and both the service and its store, which is SeaweedFS.

- Kills: after a random time the client is killed, and then run again; one that has ended by then does not count.
- Breaks: one connection to the store and one to the service is reset, cut short or stalled at a random byte, or
  all of them are away for a while. Stalls are noticed by timeouts, which are shortened; `--patient` trials have
  a stall alone and the client's own timeouts.
- Faults: one request in twenty to either is throttled, answered with 500, reset, cut or delayed.

It must always get done, by the second run at the latest. Everything must be intact, as others read it, nothing
left over on the service, and what travels in all at most 1.15 times the content.
"""

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks._audit import audit
from benchmarks._client_stage import MODEL, ClientStage, client_stage
from benchmarks._client_trials import SOURCE, Command, Environment, Job, Pull, Push, Setup, Trial, trial
from benchmarks._commands import run, run_until_killed
from benchmarks._faults import RATE, S3, WEIGHTHOUSE, FaultyProxy
from benchmarks._goods import make_file
from benchmarks._hostile import NAMES
from benchmarks._report import machine, table, verdict
from benchmarks._seaweed import seaweedfs
from benchmarks._wire import Break, Wire
from chalicelib.settings import MIB
from devserver.credentials import keys_of

TRIALS, BREAKS, FAULTS, PATIENT = 50, 20, 10, 1
"""Trials of each kind, for a push and for a pull."""
LARGE = (64 * MIB, 128 * MIB)
"""Bytes of the large files."""
SMALL, LONGEST = 1_010, 20_000
"""How many small files, more than a page of the list has, and the bytes of the longest."""
EARLIEST = 0.2
"""Seconds before which a kill would only meet Python's start."""

KINDS: dict[str, Callable[[Setup, int], Job]] = {"push": Push, "pull": Pull}


class Bench:
    """What a run without any trouble takes, and what came of those with some."""

    def __init__(self, setup: Setup, chance: random.Random) -> None:
        self.setup, self.chance = setup, chance
        self.trials: list[Trial] = []
        self._number = 0
        self._undisturbed: dict[str, Trial] = {}
        self._talk: dict[str, int] = {}
        for kind in KINDS:
            setup.arm()
            self._undisturbed[kind] = self._try(kind, "undisturbed", _undisturbed, hasty=False)
            self._talk[kind] = setup.service.sent + setup.service.received

    def _try(
        self, kind: str, series: str, disturb: Callable[[Command, Environment], bool], *, hasty: bool
    ) -> Trial:
        self._number += 1
        job = KINDS[kind](self.setup, self._number)
        made = trial(f"{kind}, {series}", self.setup, job, disturb, hasty=hasty)
        self.trials.append(made)
        line = [made.series, f"{made.runs} runs", f"{made.seconds:.1f} s", f"{made.share:.3f}", *made.wrong]
        print("  ".join([*line, *made.failures]), file=sys.stderr, flush=True)
        return made

    def kill(self, kind: str) -> bool:
        """Kills it at a random moment; whether it had not ended by then."""
        moment = self.chance.uniform(EARLIEST, self._undisturbed[kind].seconds)

        def disturb(command: Command, environment: Environment) -> bool:
            return not run_until_killed(command, environment, moment)

        self.setup.arm()
        return self._try(kind, "killed", disturb, hasty=False).disturbed

    def break_(self, kind: str, what: Break) -> None:
        """Breaks a connection to the store at a random byte, and one to the service."""
        store = [(self.chance.randrange(self.setup.size), what)]
        service = [(self.chance.randrange(self._talk[kind]), self.chance.choice(list(Break)))]
        self.setup.arm(store, service)
        self._try(kind, str(what), _undisturbed, hasty=True)

    def stall(self, kind: str) -> None:
        """Stalls a connection to the store, and lets the client have its own timeouts."""
        self.setup.arm([(self.chance.randrange(self.setup.size), Break.STALL)])
        self._try(kind, "stalled, own timeouts", _undisturbed, hasty=False)

    def fault(self, kind: str) -> None:
        """Lets one request in twenty fail."""
        self.setup.arm()
        with ExitStack() as running:
            for wire, dialect in ((self.setup.store, S3), (self.setup.service, WEIGHTHOUSE)):
                upstream, chance = wire.upstream, random.Random(self.chance.random())
                proxy = running.enter_context(FaultyProxy(upstream, dialect, chance, rate=RATE))
                wire.upstream = proxy.url
                self.setup.proxies.append(proxy)
                running.callback(setattr, wire, "upstream", upstream)
            self._try(kind, "faults", _undisturbed, hasty=True)


def _undisturbed(command: Command, environment: Environment) -> bool:
    run(command, environment)
    return True


def make_source(folder: Path, chance: random.Random) -> None:
    """Large files, many small ones of any length, also none, and some of hostile names."""
    for number, size in enumerate(LARGE):
        make_file(folder / f"model-{number:05d}-of-{len(LARGE):05d}.safetensors", size)
    for number in range(SMALL):
        path = folder / f"tokens/{number % 7}" / f"{number:04d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(0 if number == 0 else chance.randint(1, LONGEST)))
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@contextmanager
def setup(chance: random.Random) -> Iterator[Setup]:
    """The service on SeaweedFS behind wires, with the folder's first version."""
    with ExitStack() as running:
        name = tempfile.TemporaryDirectory(prefix="weighthouse-bench-", ignore_cleanup_errors=True)
        folder = Path(running.enter_context(name))
        (folder / "data").mkdir(mode=0o700)
        # The same keys for both stores, so that one process can look through both.
        store = running.enter_context(seaweedfs(keys_of(folder / "data")))
        to_store = running.enter_context(Wire(store.url))
        env = {"WEIGHTHOUSE_PUBLIC_S3_ENDPOINT": to_store.url}
        stage = running.enter_context(client_stage(store, folder, env))
        to_service = running.enter_context(Wire(stage.service.url))
        make_source(folder / "source", chance)
        stage.weighthouse("push", folder / "source", f"{SOURCE}/{MODEL}:v1")
        yield Setup(stage, to_store, to_service, folder / "source")


def left_over(running: ClientStage) -> list[str]:
    """What is in the stores and belongs to no version."""
    stores = {**running.service.environment, "AWS_ENDPOINT_URL_DYNAMODB": running.service.aws_url}
    left = audit(stores)
    return [f"{name}: {one}" for name in ("orphans", "missing", "rows") for one in getattr(left, name)]


def report(trials: list[Trial]) -> str:
    """What came of each kind of trial, as a table."""
    rows = []
    for series in dict.fromkeys(made.series for made in trials):
        of = [made for made in trials if made.series == series]
        shares = [made.share for made in of]
        rows.append(
            [
                series,
                str(len(of)),
                str(sum(made.disturbed for made in of)),
                str(sum(made.runs > 1 for made in of)),
                str(sum(not made.wrong for made in of)),
                f"{statistics.median(made.seconds for made in of):.1f}",
                f"{max(made.seconds for made in of):.1f}",
                f"{statistics.median(shares):.3f}",
                f"{max(shares):.3f}",
            ]
        )
    head = ["what", "trials", "disturbed", "run twice", "right", "median s", "longest s"]
    return table([*head, "median share", "largest share"], rows)


def main() -> int:
    """Disturbs, prints, and gives the exit status: 1 when anything was lost, damaged, left over or too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client_kills", description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS, help="kills of a push, and of a pull")
    parser.add_argument("--breaks", type=int, default=BREAKS)
    parser.add_argument("--faults", type=int, default=FAULTS)
    parser.add_argument("--patient", type=int, default=PATIENT)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with setup(chance) as made:
        bench = Bench(made, chance)
        for kind in KINDS:
            killed = 0
            while killed < asked.trials:
                killed += bench.kill(kind)
            for number in range(asked.breaks):
                bench.break_(kind, list(Break)[number % len(Break)])
            for _ in range(asked.patient):
                bench.stall(kind)
            for _ in range(asked.faults):
                bench.fault(kind)
        wrong = [f"{one.series}: {what}" for one in bench.trials for what in one.wrong]
        wrong += left_over(made.running)
        mib = made.size / MIB
    print(f"A folder of {mib:.0f} MiB in {len(made.content)} files (seed {asked.seed}), on {machine()}\n")
    print(report(bench.trials))
    return verdict(wrong)


if __name__ == "__main__":
    sys.exit(main())
