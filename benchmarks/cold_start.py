"""What a cold start costs: `import app` in a fresh interpreter, over `import chalice, boto3` alone.

Both are measured in turn and with their bytecode cached. For information also without it, which is how a
Lambda package without .pyc files starts, and what the first request costs besides: it makes the client. The first
request with a JWT imports what checks it; that counts as well, beside a limit of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks._report import machine, table, verdict
from benchmarks._stand_ins import ministack

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


def seconds(code: str, environment: Mapping[str, str]) -> list[float]:
    """What the code prints in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return [float(line) for line in run.stdout.split()]


def medians(codes: list[str], environment: Mapping[str, str]) -> list[list[float]]:
    """The medians of each code's figures; the codes take turns, so that they share what else the machine does."""
    runs = [[seconds(code, environment) for code in codes] for _ in range(RUNS)]
    return [
        [statistics.median(figures) for figures in zip(*ones, strict=True)]
        for ones in zip(*runs, strict=True)
    ]


def requests(environment: dict[str, str]) -> list[float]:
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
        return medians([REQUESTS], environment | stores)[0]


def main() -> int:
    """Measures, prints, and gives the exit status: 1 when the limit is broken."""
    with tempfile.TemporaryDirectory() as cache:
        # Whatever the caller's own settings: bytecode is cached, but not in the source tree.
        cached = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        cached["PYTHONPYCACHEPREFIX"] = cache
        for code in (BASE, APP, BEARER):
            seconds(code, cached)
        [base], [app], [bearer] = medians([BASE, APP, BEARER], cached)
        first, second, third = requests(cached)
    with tempfile.TemporaryDirectory() as nothing:
        uncached = {**os.environ, "PYTHONPYCACHEPREFIX": nothing, "PYTHONDONTWRITEBYTECODE": "1"}
        [bare_base], [bare_app] = medians([BASE, APP], uncached)

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
