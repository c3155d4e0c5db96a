"""Very many files put straight into the stores of a running service, and what is left there afterwards.

    python -m benchmarks._planted version|versions|upload|parts COUNT
    python -m benchmarks._planted left

It is a process of its own, because its clients stay with the stores that they were made for, and because its
memory is not the service's. Prints JSON.
"""

import hashlib
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import _catalog
from benchmarks._service import USER
from chalicelib.registry import clock, documents, manifests
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import INLINE_FILES, ExpectedFile, FileRecord, Upload, VersionRecord
from chalicelib.schema.requests import Metadata
from chalicelib.store import keys, leases, multipart, objects, table, uploads, versions
from chalicelib.store.parallel import for_each
from chalicelib.store.rows import Row

_ROOT = Path(__file__).resolve().parent.parent
MODEL = "large"
UPLOAD_ID = "f" * 32


@dataclass(frozen=True, slots=True)
class Left:
    """How much is in the stores; rows without those of ended uploads, which can be asked for a week long."""

    objects: int
    parts: int
    rows: int


def plant(environment: Mapping[str, str], what: str, count: int) -> None:
    """Plants a `version` of so many files, `versions` of one file, the stored files of an `upload`, or the `parts`
    of a file that have arrived."""
    _run(environment, what, str(count))


def left(environment: Mapping[str, str]) -> Left:
    """What is in the stores."""
    return Left(**json.loads(_run(environment, "left")))


def _run(environment: Mapping[str, str], *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-m", "benchmarks._planted", *arguments]
    run = subprocess.run(command, cwd=_ROOT, env={**kept, **environment}, check=True, stdout=subprocess.PIPE)
    return run.stdout.decode()


def _content(number: int) -> bytes:
    return f"{number:06d}".encode()


def _files(count: int) -> list[FileRecord]:
    return [
        FileRecord(
            path=f"shards/{number // 1_000:03d}/part-{number:06d}.bin",
            size=6,
            sha256=hashlib.sha256(_content(number)).hexdigest(),
            crc32=zlib.crc32(_content(number)),
            etag=f'"{number:032x}"',
            content_type="application/octet-stream",
        )
        for number in range(count)
    ]


def _store(names: tuple[str, str, str], files: list[FileRecord]) -> None:
    def put(number: int) -> None:
        objects.put(keys.file_key(*names, files[number].path), _content(number))

    for_each(range(len(files)), put, 16)


def _version(count: int) -> None:
    files = _files(count)
    now = clock.timestamp()
    document = VersionDocument(
        user_id=USER,
        model_id=MODEL,
        version="v1",
        name="Large",
        framework="other",
        model_type="other",
        files_total=count,
        created_at=now,
        updated_at=now,
    )
    record = VersionRecord(
        document=document,
        files=files[:INLINE_FILES],
        upload_id=UPLOAD_ID,
        content_id=documents.content_id(files),
    )
    _store(record.id, files)
    manifests.write_files(record, files, bool)
    record.manifest_etag = manifests.write_first(record, bool)
    table.write_many(versions.file_rows(record, files))
    for start in range(0, count, 10_000):
        table.write_many(versions.content_rows(record, files[start : start + 10_000]).values())
    table.write_many([*versions.index_rows(record).values(), versions.active_row(record)])
    table.write_many([versions.version_row(record)])


def _versions(count: int) -> None:
    """All of one model."""

    def plant_one(number: int) -> None:
        record = _catalog.record(USER, number, rare=False)
        record.document.model_id, record.document.version = MODEL, f"v{number}"
        record.upload_id = f"{number:032x}"
        objects.put(keys.file_key(*record.id, record.files[0].path), b"weights")
        record.manifest_etag = manifests.write_first(record, bool)
        table.write_many(_catalog.rows(record))

    for_each(range(count), plant_one, 16)


def _upload(count: int) -> None:
    """One that the worker function had all but ended when it died, not long ago."""
    files = _files(count)
    upload = Upload(
        upload_id=UPLOAD_ID,
        kind="files",
        metadata=Metadata(user_id=USER, model_id=MODEL, name="Large"),
        created_at=clock.timestamp(),
        expires_at=clock.now() + 86_400,
        part_size=8 * 2**20,
        files_total=count,
        bytes_total=6 * count,
    )
    expected = [ExpectedFile(path=file.path, size=6, content_type=file.content_type) for file in files]
    listed = uploads.file_list(expected)
    standing = uploads.reserve(upload, uploads.UPLOADING, listed)
    uploads.write_list(upload, listed, bool)
    now = clock.now()
    uploads.move(standing, uploads.VERIFYING, due_at=now + 86_000, now=now)
    table.update(uploads.key(UPLOAD_ID), leases.taken("dead", now - 1))
    _store(upload.id, files)
    uploads.save_finished(upload, files)


def _parts(count: int) -> None:
    """Parts of six bytes, so that there may be 10,000 of them."""
    upload = Upload(
        upload_id=UPLOAD_ID,
        kind="single",
        metadata=Metadata(user_id=USER, model_id=MODEL, name="Large"),
        created_at=clock.timestamp(),
        expires_at=clock.now() + 86_400,
        part_size=6,
        files_total=1,
        bytes_total=6 * count,
    )
    key = keys.file_key(*upload.id, "weights.bin")
    multipart_id = multipart.create(key, "application/octet-stream")
    file = ExpectedFile(
        path="weights.bin",
        size=6 * count,
        content_type="application/octet-stream",
        multipart_id=multipart_id,
    )
    uploads.reserve(upload, uploads.UPLOADING, [[file]])

    def send(number: int) -> None:
        multipart.upload_part(key, multipart_id, number, [_content(number)], 6)

    for_each(range(1, count + 1), send, 16)


def _left() -> Left:
    rows = sum(row.sk != keys.UPLOAD_SK for row in Row.scan(attributes_to_get=["pk", "sk"]))
    return Left(
        objects=sum(1 for _ in objects.list_keys("")),
        parts=sum(1 for _ in multipart.in_progress("")),
        rows=rows,
    )


def _main(what: str, count: int = 0) -> Any:
    if what == "left":
        return asdict(_left())
    kinds = {"version": _version, "versions": _versions, "upload": _upload, "parts": _parts}
    return kinds[what](count)


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1], *map(int, sys.argv[2:]))))
