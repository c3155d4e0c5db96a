"""Bytes in and out: unpacking, whole-version ZIPs and presigned uploads beside what one would do by hand.

    python -m benchmarks.data_plane [--scale N] [--only WORD ...]

The store is SeaweedFS, which checks signatures, on this machine: it shares the cores with both sides. Functions
run in processes of their own. Everything that comes out is compared by SHA-256. `--scale` divides sizes and
counts, for a quick look.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from benchmarks import _by_hand, _goods, planning
from benchmarks._figures import HEAD, Figure, check, faster
from benchmarks._goods import Hashes, stored_hashes
from benchmarks._report import machine, progress, table, verdict
from benchmarks._service import USER
from benchmarks._stage import Stage, stage
from chalicelib.settings import MIB

PUTS = 4
"""Parts that the client sends at a time."""
PEAK = 512
"""MiB that a function may take."""
THROUGH = 60
"""MiB that may pass through the function for a ZIP of large files."""


class Bench:
    """All figures, and the folder in which files lie."""

    def __init__(self, folder: Path, scale: int) -> None:
        self.figures: list[Figure] = []
        self.folder = folder
        self.scale = scale

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A folder for a while."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            yield Path(name)

    def note(self, figure: Figure) -> None:
        """Keeps a figure and says it."""
        self.figures.append(figure)
        print("  ".join(figure.row), file=sys.stderr, flush=True)

    def size(self, mib: int) -> int:
        """So many MiB, in bytes, on this scale, but no less than 6."""
        return max(6, mib // self.scale) * MIB

    # Unpacking

    def unpacking(
        self,
        running: Stage,
        what: str,
        count: int,
        size: int,
        limit: float,
        make: Callable[[int], bytes] = _goods.noise,
        compression: int = zipfile.ZIP_STORED,
    ) -> Hashes:
        """Unpacks a ZIP of so many members, as the service does and by hand; the members' SHA-256."""
        with self.room() as room:
            progress(f"{what}: making the ZIP")
            hashes = _goods.make_zip(room / "a.zip", count, size, make, compression)
            ours = self._unpack(running, what, room / "a.zip", hashes)
            progress(f"{what}: by hand")
            running.s3().upload_file(str(room / "a.zip"), running.bucket, "by-hand/a.zip")
            (room / "a.zip").unlink()
            began = time.perf_counter()
            _by_hand.unpack(running.s3(), running.bucket, "by-hand/a.zip", room, "by-hand/content/")
            theirs = time.perf_counter() - began
        self.note(faster(f"unpack {what}", ours, theirs, limit))
        peak = max(run.peak_mib for run in running.functions.runs if run.key.startswith("uploads/"))
        self.note(
            Figure("  peak memory of the function", f"{peak:.0f} MiB", "", peak, PEAK, "MiB", at_most=True)
        )
        return hashes

    def _unpack(self, running: Stage, what: str, archive: Path, hashes: Hashes) -> float:
        fields = {"user_id": USER, "model_id": "m", "name": what, "file_size": archive.stat().st_size}
        plan = running.client.plan("folder", fields)
        progress(f"{what}: sending the ZIP")
        send(running, plan, archive)
        progress(f"{what}: unpacking")
        began = time.perf_counter()
        running.client.ask("POST", f"/uploads/{plan['upload_id']}/complete")
        running.await_ready(plan["upload_id"])
        seconds = time.perf_counter() - began
        progress(f"{what}: comparing")
        check(running.hashes("m") == hashes, f"{what}: the hashes of the files are not those of the members")
        check(
            stored_hashes(running.s3(), running.bucket, f"models/{USER}/m/v1/") == hashes,
            f"{what}: what is stored is not what was sent",
        )
        return seconds

    # Whole-version ZIPs

    def zipping(self, running: Stage, what: str, hashes: Hashes, limit: float) -> None:
        """Downloads the version as one ZIP, for the first time and again."""
        with self.room() as room:
            progress(f"{what}: the service's ZIP")
            began = time.perf_counter()
            url = self._zip_url(running)
            download(url, room / "ours.zip")
            ours = time.perf_counter() - began
            check_zip(room / "ours.zip", hashes)
            (room / "ours.zip").unlink()
            progress(f"{what}: by hand")
            began = time.perf_counter()
            _by_hand.pack(running.s3(), running.bucket, f"models/{USER}/m/v1/", room, "by-hand/made.zip")
            theirs = time.perf_counter() - began
        self.note(faster(f"ZIP of {what}", ours, theirs, limit))

    def _zip_url(self, running: Stage) -> str:
        while True:
            answer = running.client.ask("GET", f"/{USER}/m/download", allow_redirects=False)
            if answer.status_code == 307:
                return answer.headers["Location"]
            time.sleep(int(answer.headers["Retry-After"]))

    def through(self, running: Stage) -> None:
        """Bytes that passed through the function for the ZIP."""
        run = next(run for run in running.functions.runs if run.key.startswith("tasks/zip/"))
        mib = run.through / MIB
        self.note(
            Figure("  bytes through the function", f"{mib:.1f} MiB", "", mib, THROUGH, "MiB", at_most=True)
        )

    def second_download(self, running: Stage) -> None:
        """Downloads of a ZIP that is there, beside plain GETs of the same object; medians of five, in turn."""
        key = next(iter(running.s3().list_objects_v2(Bucket=running.bucket, Prefix="zips/")["Contents"]))[
            "Key"
        ]
        ours, theirs = [], []
        nowhere = Path(os.devnull)
        for _ in range(5):
            began = time.perf_counter()
            fetch(self._zip_url(running), nowhere)
            ours.append(time.perf_counter() - began)
            url = running.s3().generate_presigned_url(
                "get_object", Params={"Bucket": running.bucket, "Key": key}
            )
            began = time.perf_counter()
            fetch(url, nowhere)
            theirs.append(time.perf_counter() - began)
        self.note(faster("  second download / plain GET", sorted(ours)[2], sorted(theirs)[2], 0.95))

    # Presigned uploads

    def presigned(self, running: Stage) -> None:
        """One large file by presigned parts, its hash declared, beside `curl -T` to one presigned URL."""
        what = f"presigned upload of {self.size(2048) // MIB} MiB"
        with self.room() as room:
            file = room / "model.bin"
            hashed = hashlib.sha256()
            with file.open("wb") as out:
                block = _goods.noise(64 * MIB)
                for start in range(0, self.size(2048), len(block)):
                    data = start.to_bytes(8, "little") + block[8:]
                    out.write(data[: self.size(2048) - start])
                    hashed.update(data[: self.size(2048) - start])
            progress(f"{what}: by curl")
            url = running.s3().generate_presigned_url(
                "put_object", Params={"Bucket": running.bucket, "Key": "by-hand"}
            )
            began = time.perf_counter()
            subprocess.run(["curl", "-sSfT", file, url], check=True, stdout=subprocess.DEVNULL)
            theirs = time.perf_counter() - began
            progress(f"{what}: by the service")
            fields = {"user_id": USER, "model_id": "m", "name": "M", "filename": "model.bin"}
            began = time.perf_counter()
            plan = running.client.plan(
                "single", {**fields, "file_size": file.stat().st_size, "file_hash": hashed.hexdigest()}
            )
            send(running, plan, file)
            running.client.ask("POST", f"/uploads/{plan['upload_id']}/complete")
            running.await_ready(plan["upload_id"])
            ours = time.perf_counter() - began
        check(running.hashes("m") == {"model.bin": hashed.hexdigest()}, f"{what}: another hash")
        self.note(faster(f"{what} / curl -T", ours, theirs, 0.7))

    # Planning

    def planning(self) -> None:
        """Planning of 100,000 members, in processes of their own."""
        for cost in planning.measure():
            what = f"plan the {cost.what} of {planning.FILES} members, {cost.names}"
            self.note(
                Figure(
                    what,
                    f"{cost.seconds:.2f} s",
                    "",
                    cost.cpu_seconds,
                    planning.SECONDS,
                    "CPU s",
                    at_most=True,
                )
            )
            self.note(
                Figure(
                    "  peak memory",
                    f"{cost.mib:.0f} MiB",
                    "",
                    cost.mib,
                    planning.MEMORY_MIB[cost.names],
                    "MiB",
                    at_most=True,
                )
            )


def send(running: Stage, plan: Any, path: Path) -> None:
    """Sends the parts of a plan's only file, four at a time, asking for more URLs as they are needed."""
    pool = urllib3.PoolManager(maxsize=PUTS)
    (planned,) = plan["files"]
    parts, total = planned["parts"], planned["parts_total"]

    def put(part: Any) -> None:
        with path.open("rb") as file:
            file.seek((part["part_number"] - 1) * plan["part_size"])
            data = file.read(part["size"])
        answer = pool.request("PUT", part["url"], body=data)
        check(answer.status == 200, f"part {part['part_number']}: {answer.status} {answer.data!r}")

    with ThreadPoolExecutor(PUTS) as threads:
        while parts:
            list(threads.map(put, parts))
            last = parts[-1]["part_number"]
            if last == total:
                return
            wanted = {"files": [{"filename": planned["filename"], "first_part": last + 1}]}
            more = running.client.ask("POST", f"/uploads/{plan['upload_id']}/parts", json=wanted).json()
            parts = more["files"][0]["parts"]


def download(url: str, path: Path) -> None:
    """Downloads a URL into a file by four ranges at a time, as download managers do, and boto3."""
    pool = urllib3.PoolManager(maxsize=PUTS)
    size = int(
        pool.request("GET", url, headers={"Range": "bytes=0-0"}).headers["Content-Range"].split("/")[1]
    )

    def part(start: int) -> None:
        end = min(size, start + 64 * MIB)
        answer = pool.request(
            "GET", url, headers={"Range": f"bytes={start}-{end - 1}"}, preload_content=False
        )
        check(answer.status == 206, f"{answer.status} {answer.headers}")
        with path.open("r+b") as file:
            file.seek(start)
            shutil.copyfileobj(answer, file, MIB)
        answer.release_conn()

    path.touch()
    with ThreadPoolExecutor(PUTS) as threads:
        list(threads.map(part, range(0, size, 64 * MIB)))
    check(path.stat().st_size == size, f"{path}: not all of it")


def fetch(url: str, path: Path) -> None:
    """Downloads a URL into a file, by one GET."""
    answer = urllib3.request("GET", url, preload_content=False, retries=False)
    check(answer.status == 200, f"{answer.status} {answer.headers}")
    with path.open("wb") as file:
        shutil.copyfileobj(answer, file, MIB)
    answer.release_conn()


def check_zip(path: Path, hashes: Hashes) -> None:
    """Compares what `zipfile` reads of a ZIP, and has the other readers that are here test it."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            sha256 = hashlib.sha256()
            with archive.open(info) as member:
                while chunk := member.read(MIB):
                    sha256.update(chunk)
            found[info.filename] = sha256.hexdigest()
    check(found == hashes, f"{path}: not the files of the version")
    for command in (["unzip", "-tqq"], ["7z", "t"], ["bsdtar", "-tf"]):
        if shutil.which(command[0]):
            subprocess.run([*command, path], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Measures and prints; the exit status says whether all limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=int, default=1, help="divides sizes and counts")
    parser.add_argument(
        "--only", nargs="*", default=["stored", "deflated", "small", "middling", "presigned", "planning"]
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weighthouse-bench-") as name:
        bench = Bench(Path(name), options.scale)
        for case in options.only:
            if case == "planning":
                bench.planning()
                continue
            with stage() as running:
                CASES[case](bench, running)
    print(f"{machine()}; SeaweedFS on the same machine\n")
    print(table(HEAD, [figure.row for figure in bench.figures]))
    return verdict([figure.what.strip() for figure in bench.figures if not figure.holds])


def stored(bench: Bench, running: Stage) -> None:
    """Large members, stored."""
    size = bench.size(200)
    hashes = bench.unpacking(running, f"10 stored members of {size // MIB} MiB", 10, size, 4)
    bench.zipping(running, f"10 files of {size // MIB} MiB", hashes, 3)
    bench.through(running)
    bench.second_download(running)


def deflated(bench: Bench, running: Stage) -> None:
    """Large members that compress."""
    size = bench.size(102)
    what = f"20 deflated members of {size // MIB} MiB"
    bench.unpacking(running, what, 20, size, 2, _goods.weights, zipfile.ZIP_DEFLATED)


def small(bench: Bench, running: Stage) -> None:
    """Many small members."""
    count = 20_000 // bench.scale
    bench.unpacking(running, f"{count} members of 8 KiB", count, 8 * 1024, 3)


def middling(bench: Bench, running: Stage) -> None:
    """Files too small to be copied inside the store, too many to be fetched one by one."""
    count = 5_000 // bench.scale
    hashes = bench.unpacking(running, f"{count} members of 400 KiB", count, 400 * 1024, 3)
    bench.zipping(running, f"{count} files of 400 KiB", hashes, 3)


CASES: dict[str, Callable[[Bench, Stage], None]] = {
    "stored": stored,
    "deflated": deflated,
    "small": small,
    "middling": middling,
    "presigned": Bench.presigned,
}


if __name__ == "__main__":
    raise SystemExit(main())
