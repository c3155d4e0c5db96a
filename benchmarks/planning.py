"""What planning costs: the unpack of a ZIP of 100,000 members, and the ZIP of 100,000 files.

    python -m benchmarks.planning

Each plan is made in an interpreter of its own, whose peak of memory counts whole: Python, what is planned, the plan.
Names are of an ordinary length; or as long as may be, of letters with case and accent, which take longest to compare;
or as long, and of the kind that takes most memory: one emoji makes Python keep every letter in four bytes.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks._memory import peak_mib
from benchmarks._report import machine, table, verdict
from chalicelib.archive.directory import read_directory
from chalicelib.archive.layout import Entry, Literal, plan_archive
from chalicelib.archive.parts import plan_parts
from chalicelib.archive.units import plan_units
from chalicelib.paths import MAX_PATH_BYTES

FILES = 100_000
RUNS = 3
"""The quickest counts: what shares the processor's caches slows the others."""
SECONDS = 2.0
"""Of the processor: a plan waits for nothing, so that on a machine that is not busy the clock says the same."""
MEMORY_MIB = {"60 bytes": 300, "512 bytes": 300, "512 bytes, wide": 512}
"""By names. Wide ones take 200 MiB by themselves: there the limit is what a function may take for any archive."""
KIB, MIB = 1024, 1024 * 1024
SIZES = (0, 700, 40 * KIB, 400 * KIB, 3 * MIB, 30 * MIB)
"""Bytes of the files, in turn: every way to unpack and every kind of part occurs."""


class Cost(NamedTuple):
    """What a plan cost: seconds by the clock and of the processor, and the peak of memory in MiB."""

    what: str
    names: str
    seconds: float
    cpu_seconds: float
    mib: float


def _name(number: int, length: int, filling: str, first: str = "") -> str:
    """`length` bytes in UTF-8 or a little fewer, in a folder that a thousand files share."""
    folder = f"{first}layer-{number // 1_000:03}-"
    base = f"/model-{number:06}-"
    room = length - len(f"{folder}{base}.bin".encode())
    times = room // len(filling.encode())
    return f"{folder}{filling * (times // 2)}{base}{filling * (times - times // 2)}.bin"


NAMES: dict[str, Callable[[int], str]] = {
    "60 bytes": lambda number: _name(number, 60, "x"),
    "512 bytes": lambda number: _name(number, MAX_PATH_BYTES, "É"),
    "512 bytes, wide": lambda number: _name(number, MAX_PATH_BYTES, "n", first="😀"),
}


def entries(names: str) -> list[Entry]:
    """The files of a version, under names of this kind."""
    name = NAMES[names]
    return [Entry(name(number), SIZES[number % len(SIZES)], number) for number in range(FILES)]


class End:
    """What a ZIP has after its members, in a file: all that is read of the ZIP to plan its unpack."""

    def __init__(self, path: Path, archive_size: int) -> None:
        self.size = archive_size
        self._path, self._start = path, archive_size - path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset - self._start)
            return file.read(length)

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        yield self.read(offset, length)


def _write_end(names: str, path: Path) -> int:
    layout = plan_archive(entries(names))
    last = layout.pieces[-1]
    if not isinstance(last, Literal):
        raise TypeError("an archive ends with its directory")
    path.write_bytes(last.data)
    return layout.size


def _plan_unpack(names: str, path: Path, archive_size: int) -> Cost:
    source = End(path, archive_size)
    return _cost("unpack", names, lambda: list(plan_units(read_directory(source).members)))


def _plan_zip(names: str) -> Cost:
    files = entries(names)
    return _cost("ZIP", names, lambda: plan_parts(plan_archive(files)))


def _cost(what: str, names: str, plan: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    kept = plan()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    del kept
    return Cost(what, names, seconds, cpu_seconds, peak_mib())


def measure() -> list[Cost]:
    """What each plan costs, each in an interpreter of its own; takes some 40 seconds."""
    with (
        tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as fresh,
    ):
        costs = []
        for names in NAMES:
            path = Path(folder) / "end"
            archive_size = fresh.submit(_write_end, names, path).result()
            for plan in (partial(_plan_unpack, names, path, archive_size), partial(_plan_zip, names)):
                runs = [fresh.submit(plan).result() for _ in range(RUNS)]
                costs.append(min(runs, key=lambda cost: cost.cpu_seconds))
    return costs


def main() -> int:
    """Measures, prints, and gives the exit status: 1 when a limit is broken."""
    costs = measure()
    print(f"Plans for {FILES:,} files, on {machine()}\n")
    lines = [
        [f"{cost.what}, {cost.names}", f"{cost.seconds:.2f}", f"{cost.cpu_seconds:.2f}", f"{cost.mib:.0f}"]
        for cost in costs
    ]
    print(table(["plan", "s", "CPU s", "MiB"], lines))
    broken = []
    for cost in costs:
        plan, most = f"{cost.what}, {cost.names}", MEMORY_MIB[cost.names]
        if cost.cpu_seconds > SECONDS:
            broken.append(f"{plan}: {cost.cpu_seconds:.2f} s of the processor, at most {SECONDS}")
        if cost.mib > most:
            broken.append(f"{plan}: {cost.mib:.0f} MiB, at most {most}")
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
