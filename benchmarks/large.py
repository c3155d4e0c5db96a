"""Very many at once: files of a version, versions of a model, files and parts of an upload.

    python -m benchmarks.large [--store emulator|seaweedfs] [--files N] [--only WORD ...]

What would take a client hours is planted in the stores. Each request must be answered within API Gateway's 29
seconds, in memory that does not grow with what it is about, and what is deleted or given up must be gone from
both stores in the end, without anybody asking again.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from benchmarks._counted import Taken, taken
from benchmarks._planted import MODEL, UPLOAD_ID, left, plant
from benchmarks._report import machine, progress, table, verdict
from benchmarks._seaweed import SeaweedFS, seaweedfs
from benchmarks._service import USER, Client, Refused
from chalicelib.store import uploads, versions
from chalicelib.store.table import Key
from devserver.credentials import keys_of
from devserver.process import LocalService

ANSWER = 29.0
"""Seconds after which API Gateway gives a request up:
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
PEAK = 512.0
"""MiB that a function may take."""
ENDING = 900.0
"""Seconds after which nothing is waited for any more."""
FILES, MANY = 100_000, 10_000


@dataclass
class Line:
    """What was measured of one thing; seconds."""

    what: str
    slowest: float = 0.0
    """The slowest answer."""
    whole: float = 0.0
    """From the first request until all was done."""
    used: Taken | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def row(self) -> list[str]:
        """As it is printed."""
        assert self.used is not None
        calls = sorted(self.used.calls.items(), key=lambda one: -one[1])
        named = ", ".join(f"{count} {name}" for name, count in calls[:4])
        figures = [
            f"{self.slowest:.2f}",
            f"{self.whole:.1f}",
            f"{self.used.cpu:.1f}",
            f"{self.used.peak:.0f}",
        ]
        return [self.what, *figures, str(sum(self.used.calls.values())), named]

    @property
    def broken(self) -> list[str]:
        """The limits that do not hold."""
        assert self.used is not None
        found = list(self.wrong)
        if self.slowest > ANSWER:
            found.append(f"an answer took {self.slowest:.1f} s")
        if self.used.peak > PEAK:
            found.append(f"the service took {self.used.peak:.0f} MiB")
        return [f"{self.what}: {one}" for one in found]


class Scene:
    """A service on new stores."""

    def __init__(self, service: LocalService, store: SeaweedFS | None) -> None:
        self.client = Client(service.url)
        self.service = service
        self.environment = {
            "AWS_ENDPOINT_URL": service.aws_url,
            "AWS_ACCESS_KEY_ID": service.aws_keys.id,
            "AWS_SECRET_ACCESS_KEY": service.aws_keys.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            **(store.environment if store else {}),
        }

    def plant(self, what: str, count: int) -> None:
        """See `_planted`."""
        progress(f"planting {count} {what}")
        plant(self.environment, what, count)

    def ask(self, line: Line, method: str, path: str, **options: Any) -> requests.Response:
        """A request whose answer is timed."""
        begun = time.monotonic()
        try:
            return self.client.ask(method, path, **options)
        finally:
            line.slowest = max(line.slowest, time.monotonic() - begun)

    def await_gone(self, line: Line, key: Key) -> None:
        """Waits until a row is gone, and sees whether anything else is left then."""
        client = boto3_dynamodb(self.environment)
        pk, sk = key
        deadline = time.monotonic() + ENDING
        while client.get_item(
            TableName="weighthouse", Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        ).get("Item"):
            if time.monotonic() > deadline:
                line.wrong.append("it is not gone")
                return
            time.sleep(0.1)

    def check_empty(self, line: Line) -> None:
        """Nothing but what is gone within moments may be there."""
        deadline = time.monotonic() + 10
        while any(vars_of(found := left(self.environment))):
            if time.monotonic() > deadline:
                line.wrong.append(f"left over: {found}")
                return

    @contextmanager
    def measuring(self, line: Line) -> Iterator[None]:
        """Measures what the service takes while the block runs."""
        progress(line.what)
        before, begun = taken(self.service), time.monotonic()
        yield
        line.whole = time.monotonic() - begun
        line.used = taken(self.service).since(before)


def vars_of(found: Any) -> tuple[int, int, int]:
    """The figures of what is left."""
    return found.objects, found.parts, found.rows


def boto3_dynamodb(environment: dict[str, str]) -> Any:
    """A client of the table's store."""
    import boto3

    return boto3.client(
        "dynamodb",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def delete_version(scene: Scene, files: int) -> Iterator[Line]:
    """A version of very many files."""
    scene.plant("version", files)
    line = Line(f"delete a version of {files:,} files")
    with scene.measuring(line):
        scene.ask(line, "DELETE", f"/{USER}/{MODEL}", params={"version": "v1"})
        try:
            scene.ask(line, "GET", f"/{USER}/{MODEL}", params={"version": "v1"})
            line.wrong.append("it can still be read")
        except Refused as refusal:
            if refusal.status != requests.codes.not_found:
                raise
        scene.await_gone(line, versions.key(USER, MODEL, "v1"))
    scene.check_empty(line)
    yield line


def delete_versions(scene: Scene, files: int) -> Iterator[Line]:
    """A model of very many versions."""
    count = files // 10
    scene.plant("versions", count)
    line = Line(f"delete a model of {count:,} versions")
    with scene.measuring(line):
        answers = 0
        while True:
            answers += 1
            try:
                scene.ask(line, "DELETE", f"/{USER}/{MODEL}", params={"all_versions": "true"})
                break
            except Refused as refusal:
                if refusal.status != requests.codes.service_unavailable:
                    raise
        line.what += f" ({answers} requests)"
        for number in (0, count - 1):
            scene.await_gone(line, versions.key(USER, MODEL, f"v{number}"))
        deadline = time.monotonic() + ENDING
        while any(vars_of(left(scene.environment))) and time.monotonic() < deadline:
            time.sleep(1)
    scene.check_empty(line)
    yield line


def abort_upload(scene: Scene, files: int) -> Iterator[Line]:
    """An upload whose files are all stored."""
    scene.plant("upload", files)
    line = Line(f"abort an upload of {files:,} stored files")
    with scene.measuring(line):
        scene.ask(line, "DELETE", f"/uploads/{UPLOAD_ID}")
        scene.await_gone(line, uploads.key(UPLOAD_ID))
    scene.check_empty(line)
    yield line


def complete_parts(scene: Scene, files: int) -> Iterator[Line]:
    """A file of as many parts as S3 takes."""
    count = min(MANY, files)
    scene.plant("parts", count)
    seen = Line(f"see which of {count:,} parts of a file arrived")
    with scene.measuring(seen):
        page = scene.ask(seen, "GET", f"/uploads/{UPLOAD_ID}/parts").json()
        if len(page["files"][0]["parts"]) != count:
            seen.wrong.append("parts are missing")
    yield seen
    if "AWS_ENDPOINT_URL_S3" in scene.environment:
        # A real store makes no object of parts as small as these.
        return
    line = Line(f"complete a file of {count:,} parts")
    with scene.measuring(line):
        answer = scene.ask(line, "POST", f"/uploads/{UPLOAD_ID}/complete")
        if answer.status_code != requests.codes.ok:
            line.wrong.append(f"answered {answer.status_code}")
    yield line


def upload_files(scene: Scene, files: int) -> Iterator[Line]:
    """An upload of very many files from its plan to its end, and the same again with their hashes."""
    count = files // 10
    names = [f"shards/part-{number:06d}.bin" for number in range(count)]
    body: dict[str, Any] = {"user_id": USER, "model_id": MODEL, "name": "Large"}
    body["files"] = [{"filename": name, "file_size": len(name)} for name in names]
    planned = Line(f"plan {count:,} files")
    with scene.measuring(planned):
        plan = scene.ask(planned, "POST", "/upload/files", json=body).json()
    yield planned

    upload = f"/uploads/{plan['upload_id']}"
    urls = {file["filename"]: file["parts"][0]["url"] for file in plan["files"]}
    line = Line(f"ask for the URLs of {count:,} files")
    with scene.measuring(line):
        for start in range(len(urls), count, 1_000):
            wanted = {"files": [{"filename": name} for name in names[start : start + 1_000]]}
            more = scene.ask(line, "POST", f"{upload}/parts", json=wanted).json()
            urls |= {file["filename"]: file["parts"][0]["url"] for file in more["files"]}
    yield line

    progress("sending")
    _send(urls, names[:-1])
    line = Line(f"see which of {count:,} files arrived")
    with scene.measuring(line):
        query: dict[str, Any] = {"limit": 100}
        arrived = 0
        while True:
            page = scene.ask(line, "GET", f"{upload}/parts", params=query).json()
            arrived += sum(len(file["parts"]) for file in page["files"])
            if page["next_token"] is None:
                break
            query["next_token"] = page["next_token"]
        if arrived != count - 1:
            line.wrong.append(f"{arrived} parts arrived")
    yield line

    line = Line("complete it while a file is missing")
    with scene.measuring(line):
        told = _complete(scene, line, upload)
        if names[-1] not in told:
            line.wrong.append(f"told {told}")
    yield line

    _send(urls, names[-1:])
    line = Line(f"complete {count:,} files")
    with scene.measuring(line):
        told = _complete(scene, line, upload)
        if told != "ready":
            line.wrong.append(f"told {told}")
    yield line

    for entry in body["files"]:
        entry["file_hash"] = hashlib.sha256(entry["filename"].encode()).hexdigest()
    line = Line(f"plan {count:,} files that are there already")
    with scene.measuring(line):
        plan = scene.ask(line, "POST", "/upload/files", json={**body, "version": "v2"}).json()
    line.what += f" (first {sum(file['already_stored'] for file in plan['files']):,} named)"
    yield line

    line = Line(f"abort a plan of {count:,} files, delete the version")
    with scene.measuring(line):
        scene.ask(line, "DELETE", f"/uploads/{plan['upload_id']}")
        scene.ask(line, "DELETE", f"/{USER}/{MODEL}", params={"version": "v1"})
        scene.await_gone(line, uploads.key(plan["upload_id"]))
        scene.await_gone(line, versions.key(USER, MODEL, "v1"))
    scene.check_empty(line)
    yield line


def _send(urls: dict[str, str], names: Sequence[str]) -> None:
    """Each file's content is its name."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=8))

    def put(name: str) -> None:
        session.put(urls[name], data=name.encode(), timeout=60).raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, names))


def _complete(scene: Scene, line: Line, upload: str) -> str:
    """Completes an upload: the state in which it comes to rest, or what is missing."""
    try:
        answer = scene.ask(line, "POST", f"{upload}/complete")
    except Refused as refusal:
        return str(refusal)
    if answer.status_code == requests.codes.ok:
        return "ready"
    deadline = time.monotonic() + ENDING
    while time.monotonic() < deadline:
        state = scene.ask(line, "GET", upload).json()
        if state["state"] not in ("verifying", "unpacking"):
            return str(state["detail"] or state["state"])
        time.sleep(0.2)
    return "stuck"


CASES: dict[str, Callable[[Scene, int], Iterator[Line]]] = {
    "version": delete_version,
    "versions": delete_versions,
    "abort": abort_upload,
    "parts": complete_parts,
    "files": upload_files,
}


@contextmanager
def _scene(store: str) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="weighthouse-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "data"
        if store == "emulator":
            service = LocalService(folder, module="benchmarks._counted")
            with service:
                yield Scene(service, None)
                service.kill()
            return
        folder.mkdir(mode=0o700)
        with seaweedfs(keys_of(folder)) as running:
            service = LocalService(folder, env=running.environment, module="benchmarks._counted")
            with service:
                yield Scene(service, running)
                service.kill()


def main() -> int:
    """Measures, prints, and gives the exit status: 1 when a limit is broken or anything is left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--store", choices=["emulator", "seaweedfs"], action="append")
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--only", choices=list(CASES), nargs="+", default=list(CASES))
    asked = parser.parse_args()
    head = ["", "slowest answer s", "whole s", "CPU s", "peak MiB", "calls", "most of them"]
    broken: list[str] = []
    print(f"On {machine()}")
    for store in asked.store or ["emulator", "seaweedfs"]:
        lines: list[Line] = []
        for name in asked.only:
            with _scene(store) as scene:
                lines += CASES[name](scene, asked.files)
        broken += [one for line in lines for one in line.broken]
        progress("")
        print(f"\n{store}\n" + table(head, [line.row for line in lines]))
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
