"""The client beside what people use in its place: s5cmd, `curl -T` and MLflow, all on the same store.

    python -m benchmarks.client [--runs N] [--scale N] [--large GIB] [--only WORD ...]

The service runs as `make run` starts it, with SeaweedFS as its S3, on this machine: all share its cores. The
client's seconds are those of the command from its start to its end; MLflow's are those of its call alone. Each
push is of content that the service does not have, without notes of earlier ones. Contenders take turns, so that
the machine's moods fall on all of them. What arrives is compared by SHA-256. Figures are medians.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import _others
from benchmarks._client_stage import MODEL, ClientStage, stage
from benchmarks._commands import run
from benchmarks._figures import HEAD, Figure, check
from benchmarks._goods import hashes_of, make_file, make_folder, noise
from benchmarks._report import machine, progress, table, verdict
from chalicelib.settings import GIB, MIB

RUNS = 5
FILES, SMALL = 2_000, 50 * 1024
"""The folder of small files, and bytes of each."""
MIDDLING, MIDDLE = 100, 8 * MIB
"""The folder of larger files, and bytes of each."""
CHANGED = 100
"""One file in so many is changed for a second version."""
UPLINK = 100e6 / 8
"""Bytes a second of an office's way to a store that is not on this machine."""
MEMORY = 200
"""MiB that a push or a pull may take."""
STARTS = 21
"""Starts of a process that are measured; they are short."""

Limits = Mapping[str, float | None]
"""What the client must be, in times the speed of each contender; None where that is only told."""
Taken = Mapping[str, list[float]]
"""Seconds of each run, by contender."""


def in_turn(runs: int, contenders: Mapping[str, Callable[[int], float]]) -> Taken:
    """Lets each run in its turn, so many times; each gets the number of the round, and gives its seconds."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(runs):
        for name, contender in contenders.items():
            # What the one before has written is not to be written while this one is measured.
            os.sync()
            progress(f"round {number + 1}: {name}")
            taken[name].append(contender(number))
    return taken


def seconds(taken: list[float]) -> str:
    """The median, and between what."""
    return f"{statistics.median(taken):.2f} s ({min(taken):.2f}–{max(taken):.2f})"


class Bench:
    """All figures, and how much is measured."""

    def __init__(self, runs: int, scale: int, large: int) -> None:
        self.figures: list[Figure] = []
        self.runs = runs
        self.gib = GIB // scale
        self.large = large * GIB // scale
        self.files = FILES // scale
        self.middling = MIDDLING // min(scale, 10)

    def note(self, figure: Figure) -> None:
        """Keeps a figure and says it."""
        self.figures.append(figure)
        print("  ".join(figure.row), file=sys.stderr, flush=True)

    def compare(self, what: str, taken: Taken, limits: Limits) -> None:
        """How many times faster than each other contender the client is."""
        ours = taken["weighthouse"]
        for name, limit in limits.items():
            value = statistics.median(taken[name]) / statistics.median(ours)
            self.note(Figure(f"{what} / {name}", seconds(ours), seconds(taken[name]), value, limit))

    def large_file(self, running: ClientStage) -> None:
        """One file of 1 GiB."""
        path = running.folder / "model.safetensors"
        make_file(path, self.gib)
        what = f"{self.gib / GIB:g} GiB in one file"
        limits: Limits = {"s5cmd": 1.2, "curl -T": 0.8, "MLflow": None}
        self._there_and_back(running, path, what, limits, {"s5cmd": 1, "MLflow": None})

    def small_files(self, running: ClientStage) -> None:
        """Many small files."""
        path = running.folder / "many"
        make_folder(path, self.files, SMALL)
        what = f"{self.files:,} files of {SMALL // 1024} KiB"
        limits: Limits = {"s5cmd": 0.5, "MLflow": 2}
        self._there_and_back(running, path, what, limits, limits)

    def _there_and_back(
        self,
        running: ClientStage,
        path: Path,
        what: str,
        push_limits: Limits,
        pull_limits: Limits,
    ) -> None:
        content, store = hashes_of(path), running.store
        source = f"{path}/" if path.is_dir() else str(path)
        runs: list[str] = []

        def push(number: int) -> float:
            return running.weighthouse("push", path, f"user-{number}/{MODEL}").seconds

        def by_s5cmd(number: int) -> float:
            return _others.s5cmd(store, "cp", source, f"s3://{_others.BUCKET}/s5cmd-{number}/")

        def by_curl(number: int) -> float:
            return _others.curl(store, path, f"curl-{number}")

        def by_mlflow(number: int) -> float:
            taken, run_id = mlflow.push(path)
            runs.append(run_id)
            return taken

        def pull(number: int) -> float:
            with room(running.folder) as folder:
                taken = running.weighthouse("pull", f"user-0/{MODEL}", folder).seconds
                check(hashes_of(folder) == content, f"{what}: what was pulled is not what was pushed")
            return taken

        def back_by_s5cmd(number: int) -> float:
            with room(running.folder) as folder:
                taken = _others.s5cmd(store, "cp", f"s3://{_others.BUCKET}/s5cmd-0/*", f"{folder}/")
                check(hashes_of(folder) == content, f"{what}: s5cmd has fetched something else")
            return taken

        def back_by_mlflow(number: int) -> float:
            with room(running.folder) as folder:
                taken = mlflow.pull(runs[0], folder)
                check(hashes_of(folder) == content, f"{what}: MLflow has fetched something else")
            return taken

        others = {"s5cmd": by_s5cmd, "curl -T": by_curl, "MLflow": by_mlflow}
        others_back = {"s5cmd": back_by_s5cmd, "MLflow": back_by_mlflow}
        store.client().create_bucket(Bucket=_others.BUCKET)
        with _others.mlflow(store) as mlflow:
            pushed = in_turn(self.runs, {"weighthouse": push, **{name: others[name] for name in push_limits}})
            self.compare(f"push {what}", pushed, push_limits)
            for number in range(self.runs):
                check(
                    running.stored(f"user-{number}") == content,
                    f"{what}: what is stored is not what was sent",
                )
            pulled = in_turn(
                self.runs, {"weighthouse": pull, **{name: others_back[name] for name in pull_limits}}
            )
            self.compare(f"pull {what}", pulled, pull_limits)

    def second_version(self, running: ClientStage) -> None:
        """A version of which one file in a hundred is new, with the store on this machine."""
        self._second_versions(running, 20)

    def second_version_from_afar(self, running: ClientStage) -> None:
        """The same where the store is at the end of an uplink, and what travels counts."""
        self._second_versions(running, None, f", {UPLINK * 8 / 1e6:g} Mbit/s")

    def _second_versions(self, running: ClientStage, limit: float | None, way: str = "") -> None:
        for count, size, size_text in ((self.files, SMALL, "50 KiB"), (self.middling, MIDDLE, "8 MiB")):
            what = f"push v2, 1 % of {count:,} files of {size_text} changed{way} / push v1"
            self._second_version(running, what, count, size, limit)

    def _second_version(
        self, running: ClientStage, what: str, count: int, size: int, limit: float | None
    ) -> None:
        path = running.folder / f"files-{count}"
        make_folder(path, count, size)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        firsts, seconds_ = [], []
        for number in range(self.runs):
            progress(f"round {number + 1}: {what}")
            user, state = f"second-{count}-{number}", running.state()
            os.sync()
            firsts.append(running.weighthouse("push", path, f"{user}/{MODEL}:v1", state=state).seconds)
            for file in random.sample(files, max(1, count // CHANGED)):
                file.write_bytes(noise(size))
            os.sync()
            seconds_.append(running.weighthouse("push", path, f"{user}/{MODEL}:v2", state=state).seconds)
            check(running.stored(user, "v2") == hashes_of(path), "v2 is not what was sent")
        value = statistics.median(firsts) / statistics.median(seconds_)
        self.note(Figure(what, seconds(seconds_), seconds(firsts), value, limit))
        shutil.rmtree(path)

    def memory(self, running: ClientStage) -> None:
        """The most memory that a push and a pull take, of a large file and of a larger one."""
        for size in (self.gib, self.large):
            path, user = running.folder / "weights.bin", f"memory-{size}"
            make_file(path, size)
            content = hashes_of(path)
            progress(f"memory: {size / GIB:g} GiB")
            pushed = running.weighthouse("push", path, f"{user}/{MODEL}").peak_mib
            path.unlink()
            check(running.stored(user) == content, f"{size}: what is stored is not what was sent")
            with room(running.folder) as folder:
                pulled = running.weighthouse("pull", f"{user}/{MODEL}", folder).peak_mib
                check(hashes_of(folder) == content, f"{size}: what was pulled is not what was pushed")
            for what, peak in (("push", pushed), ("pull", pulled)):
                of = f"peak memory, {what} {size / GIB:g} GiB"
                self.note(Figure(of, f"{peak:.0f} MiB", "", peak, MEMORY, "MiB", at_most=True))

    def start(self, running: ClientStage) -> None:
        """How long the command takes to say what it can do, beside Python's own start."""
        command = Path(sys.executable).parent / "weighthouse"
        environment = dict(os.environ)
        taken = in_turn(
            STARTS,
            {
                "weighthouse": lambda _: run([command, "--help"], environment).seconds,
                "python": lambda _: run([sys.executable, "-c", "pass"], environment).seconds,
            },
        )
        ours, theirs = (1000 * statistics.median(taken[name]) for name in ("weighthouse", "python"))
        what = "weighthouse --help, beyond python -c pass"
        self.note(Figure(what, f"{ours:.0f} ms", f"{theirs:.0f} ms", ours - theirs, 150, "ms", at_most=True))


@contextmanager
def room(folder: Path) -> Iterator[Path]:
    """An empty folder for a while."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        yield Path(name)


CASES: dict[str, Callable[[Bench, ClientStage], None]] = {
    "large": Bench.large_file,
    "small": Bench.small_files,
    "second": Bench.second_version,
    "afar": Bench.second_version_from_afar,
    "memory": Bench.memory,
    "start": Bench.start,
}


def main() -> int:
    """Measures and prints; the exit status says whether all limits hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.client", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="of which the median is taken")
    parser.add_argument("--scale", type=int, default=1, help="divides sizes and counts")
    parser.add_argument(
        "--large", type=int, default=8, help="GiB of the larger file whose memory is measured"
    )
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    bench = Bench(options.runs, options.scale, options.large)
    for case in options.only:
        with stage(UPLINK if case == "afar" else None) as running:
            CASES[case](bench, running)
    print(f"{machine()}; SeaweedFS on the same machine; {_others.versions()}; medians of {options.runs}\n")
    print(table(HEAD, [figure.row for figure in bench.figures]))
    return verdict([figure.what for figure in bench.figures if not figure.holds])


if __name__ == "__main__":
    sys.exit(main())
