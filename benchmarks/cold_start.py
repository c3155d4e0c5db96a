"""What a cold start costs: `import app` in a fresh interpreter, over `import chalice, boto3` alone.

Both are measured in turn, from the package as Lambda unpacks it: with its bytecode, in a tree where Python keeps
nothing. For information also from the package without bytecode, and what the first request costs besides: it makes
the client. The first request with a JWT imports what checks it; that counts as well, beside a limit of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks._report import machine, table, verdict
from benchmarks._stand_ins import ministack
from infra import package
from infra.dependencies import this_platform

RUNS = 21
LIMIT = 1.35
"""What importing the app may cost over importing what every Chalice app imports."""
BEARER_LIMIT = 1.5
"""The same with all that the first request with a JWT imports."""
ROOT = Path(__file__).resolve().parent.parent

TIMED = "import time; begun = time.perf_counter(); import {}; print(time.perf_counter() - begun)"
BASE, APP = TIMED.format("chalice, boto3"), TIMED.format("app")
BEARER = TIMED.format("app, chalicelib.auth.jwts, botocore.httpsession, botocore.utils, urllib3")
REQUESTS = """
import time
from benchmarks._requests import App
app = App()
event = app.event("GET", "/ai-models/ana/iris", version="v1")
for _ in range(3):
    begun = time.perf_counter()
    app.answer(event)
    print(time.perf_counter() - begun)
"""


def unpacked(folder: Path, *, bytecode: bool) -> Path:
    """Unpacks this machine's package into the folder, which it returns."""
    with zipfile.ZipFile(package.make(this_platform()).path) as archive:
        wanted = [name for name in archive.namelist() if bytecode or not name.endswith(".pyc")]
        archive.extractall(folder, wanted)
    return folder


def seconds(code: str, folder: Path, environment: Mapping[str, str]) -> list[float]:
    """What the code prints in a fresh interpreter that keeps no bytecode, and finds modules in the folder first."""
    command = [sys.executable, "-B", "-c", code]
    run = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return [float(line) for line in run.stdout.split()]


def medians(runs: list[tuple[str, Path]], environment: Mapping[str, str]) -> list[list[float]]:
    """The medians of each one's figures; they take turns, so that they share what else the machine does."""
    taken = [[seconds(code, folder, environment) for code, folder in runs] for _ in range(RUNS)]
    return [
        [statistics.median(figures) for figures in zip(*ones, strict=True)]
        for ones in zip(*taken, strict=True)
    ]


def requests(folder: Path, environment: dict[str, str]) -> list[float]:
    """Seconds of the first, second and third GET of a version in a fresh interpreter."""
    with ministack():
        from benchmarks._catalog import catalog, rows
        from chalicelib.store import table as store

        store.create_table()
        [record] = catalog("ana", 1)
        record.document.model_id = "iris"
        record.document.version = "v1"
        store.write_many(rows(record))
        stores = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return medians([(REQUESTS, folder)], environment | stores | {"PYTHONPATH": str(ROOT)})[0]


def main() -> int:
    """Measures, prints, and returns the exit status: 1 when a limit is broken."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole = unpacked(Path(one), bytecode=True)
        bare = unpacked(Path(other), bytecode=False)
        runs = [(BASE, whole), (APP, whole), (BEARER, whole), (BASE, bare), (APP, bare)]
        [base], [app], [bearer], [bare_base], [bare_app] = medians(runs, plain)
        first, second, third = requests(whole, plain)

    print(f"Cold start: medians of {RUNS} fresh interpreters on {machine()}\n")
    lines = [
        ["import chalice, boto3", f"{base * 1e3:.0f} ms", ""],
        ["import app", f"{app * 1e3:.0f} ms", f"{app / base:.2f}"],
        ["import app, and what checks a JWT", f"{bearer * 1e3:.0f} ms", f"{bearer / base:.2f}"],
        ["import chalice, boto3 without bytecode", f"{bare_base * 1e3:.0f} ms", ""],
        ["import app without bytecode", f"{bare_app * 1e3:.0f} ms", f"{bare_app / bare_base:.2f}"],
        ["first GET of a version", f"{first * 1e3:.0f} ms", ""],
        ["second GET", f"{second * 1e3:.1f} ms", ""],
        ["third GET", f"{third * 1e3:.1f} ms", ""],
    ]
    print(table(["", "median", "ratio"], lines))
    broken = [
        f"{what} costs {cost / base:.2f} times the rest, and may cost {limit}"
        for what, cost, limit in [("import app", app, LIMIT), ("with a JWT it", bearer, BEARER_LIMIT)]
        if cost / base > limit
    ]
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
