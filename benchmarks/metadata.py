"""What metadata requests cost a user with 10, 100 and 100,000 versions: AWS calls, capacity, latency.

    python -m benchmarks.metadata [--store ministack|moto] [--endpoint URL] [--versions N]

`--endpoint` is another DynamoDB, such as DynamoDB Local, for the table; versions that a table there holds
from an earlier run are not written again. S3 is the stand-in's in any case.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks import _stand_ins
from benchmarks._report import machine, progress, table, verdict

if TYPE_CHECKING:
    from benchmarks._meter import Meter
    from benchmarks._requests import App
    from benchmarks._routes import Catalog, Route

SMALL, MIDDLE = 10, 100
LATENCY = 1.3
"""What a request may take at 100,000 versions, over what it takes at 100."""
REPEATS = 100
PATIENCE = 10.0
"""Seconds after which a route is not asked any more; it is asked at least once at each size."""
HOPELESS = 1.0
"""Seconds of a store's bare Query from which the requests that need many of them are left out."""
CHUNK = 500
"""Versions that are written between two signs of progress."""


def options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metadata", description=__doc__)
    parser.add_argument("--store", choices=["ministack", "moto"], default="ministack")
    parser.add_argument("--endpoint", help="URL of a DynamoDB to use for the table")
    parser.add_argument("--versions", type=int, default=100_000, help="versions of the largest user")
    return parser.parse_args()


def fill(of: "Catalog") -> None:
    """Writes the rows of all versions of a user, the oldest last; it is the sign that all are there."""
    from benchmarks._catalog import catalog, rows
    from chalicelib.store import table as store
    from chalicelib.store import versions

    if versions.find(*of.record(of.count - 1).id):
        return
    begun, written, done = time.monotonic(), 0, 0
    records = catalog(of.user_id, of.count)
    while chunk := list(islice(records, CHUNK)):
        many = [row for record in chunk for row in rows(record)]
        store.write_many(many)
        written, done = written + len(many), done + len(chunk)
        seconds = time.monotonic() - begun
        progress(f"{done:,} of {of.count:,} versions, {written:,} rows, {seconds:.0f} s")


def metered(app: "App", route: "Route", of: "Catalog", *, believed: bool) -> tuple["Meter", int]:
    """Calls and capacity of one request, and how many versions or files it answers with."""
    from benchmarks._meter import Meter
    from benchmarks._requests import documents

    meter = Meter(believed=believed)
    event = route.event(app, of, random.Random(0))
    with meter.running():
        answer = app.answer(event)
    return meter, len(documents(answer))


def timed(asks: list[Callable[[int], Any]]) -> list[float]:
    """Median seconds of each; they take turns, so that they share what else the machine does."""
    runs: list[list[float]] = [[] for _ in asks]
    begun = time.monotonic()
    for number in range(REPEATS):
        for ask, seconds in zip(asks, runs, strict=True):
            before = time.perf_counter()
            ask(number)
            seconds.append(time.perf_counter() - before)
        if time.monotonic() - begun > PATIENCE:
            break
    return [statistics.median(seconds) for seconds in runs]


def latencies(app: "App", route: "Route", catalogs: list["Catalog"]) -> list[float]:
    """Median seconds of the route for each of the users; making the event is not counted."""

    def ask(of: "Catalog") -> Callable[[int], Any]:
        events = [route.event(app, of, random.Random(number)) for number in range(REPEATS)]
        return lambda number: app.answer(events[number])

    return timed([ask(of) for of in catalogs])


def bare_queries(catalogs: list["Catalog"]) -> list[float]:
    """Median seconds of a Query of one row of a user's words: what the store itself takes, without ours."""
    from chalicelib.store import keys
    from chalicelib.store import table as store
    from chalicelib.store.table import Range

    def ask(of: "Catalog") -> Callable[[int], Any]:
        return lambda _: store.first(Range(keys.words_pk(of.user_id), "model#"))

    return timed([ask(of) for of in catalogs])


def measure(app: "App", catalogs: list["Catalog"], *, believed: bool) -> tuple[list[list[str]], list[str]]:
    """The lines of the table, and the limits that are broken."""
    from benchmarks._routes import ROUTES

    bare_middle, bare_large = bare_queries(catalogs[1:])
    scales = bare_large / bare_middle <= LATENCY
    lines, broken = [], []
    for route in ROUTES:
        if route.dynamodb is None and bare_large > HOPELESS:
            lines.append([route.name, *["-"] * 10])
            continue
        progress(route.name)
        small, middle, large = (metered(app, route, of, believed=believed) for of in catalogs)
        before, after = latencies(app, route, catalogs[1:])
        for meter, _ in (small, middle, large):
            for service, limit in (("dynamodb", route.dynamodb), ("s3", route.s3)):
                if limit is not None and meter.count(service) > limit:
                    broken.append(
                        f"{route.name}: {dict(meter.calls)}, and {limit} {service} calls are the limit"
                    )
        units = [meter.reads + meter.writes for meter, _ in (small, middle, large)]
        if route.dynamodb is not None and units[2] > units[0] + route.units + large[1] - small[1]:
            broken.append(f"{route.name}: {units[0]:g} units at {SMALL} versions, {units[2]:g} at the most")
        if scales and route.judged and after / before > LATENCY:
            broken.append(f"{route.name}: {after / before:.2f} times the latency")
        judged = ("<= 1.3" if scales else "not judged") if route.judged else ""
        lines.append([*line(route, [small, middle, large], before, after), judged])
    progress("")
    if not scales:
        print(
            f"Latencies are not judged: this store's own Query of one row takes {bare_large / bare_middle:.0f} times"
            " as long with so many versions, as DynamoDB's does not. Name another with --endpoint.\n"
        )
    lines.append(
        ["(the store's bare Query of 1 row)", "", "", "", "", "", "", *times(bare_middle, bare_large), ""]
    )
    return lines, broken


def line(route: "Route", found: list[tuple["Meter", int]], before: float, after: float) -> list[str]:
    """A route's line of the table."""
    few, many = found[0][1], found[-1][1]
    budget = "-" if route.dynamodb is None else f"{route.dynamodb}+{route.s3}"
    calls = [f"{meter.count('dynamodb')}+{meter.count('s3')}" for meter, _ in found]
    units = [f"{meter.reads:g}" + (f"+{meter.writes:g}w" if meter.writes else "") for meter, _ in found]
    answered = f"{few}" if few == many else f"{few}/{many}"
    return [route.name, budget, "/".join(dict.fromkeys(calls)), *units, answered, *times(before, after)]


def times(before: float, after: float) -> list[str]:
    """Two latencies in milliseconds, and their ratio."""
    return [f"{before * 1e3:.1f}", f"{after * 1e3:.1f}", f"{after / before:.2f}"]


def main() -> int:
    """Fills, measures, prints, and gives the exit status: 1 when a limit is broken."""
    asked = options()
    store: AbstractContextManager[object] = (
        _stand_ins.moto() if asked.store == "moto" else _stand_ins.ministack(asked.endpoint)
    )
    with store:
        from benchmarks._meter import reports_reads
        from benchmarks._requests import App
        from benchmarks._routes import Catalog, settle
        from chalicelib.store import bucket
        from chalicelib.store import table as rows
        from chalicelib.store.rows import Row

        # A stand-in that reads a whole partition for each Query needs longer than the service would wait.
        Row.Meta.read_timeout_seconds = 300
        rows.create_table()
        bucket.create()
        counts = [SMALL, MIDDLE, asked.versions]
        catalogs = [Catalog(f"user-{count}", count) for count in counts]
        for of in catalogs:
            fill(of)
            settle(of)
        believed = reports_reads()
        lines, broken = measure(App(), catalogs, believed=believed)

    print(f"Metadata of {SMALL}, {MIDDLE} and {asked.versions:,} versions on {asked.endpoint or asked.store}")
    print(f"{machine()}; calls are DynamoDB+S3, latencies p50 in ms, pages of 3")
    print("Read units as the store reports them." if believed else "Read units computed from the rows read.")
    large = f"{asked.versions:,}"
    head = ["", "budget", "calls", f"RU {SMALL}", f"RU {MIDDLE}", f"RU {large}", "answered"]
    print("\n" + table([*head, f"p50 {MIDDLE}", f"p50 {large}", "ratio", "limit"], lines))
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
