"""What is in the two stores and belongs to no version: printed as JSON by `python -m benchmarks._audit SECONDS`.

Before that the sweep is run as it will run in so many seconds, or not at all with 0. It is a process of its own
because the service's clients stay with the stores that they were made for.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from msgspec import MsgspecError

from chalicelib.registry import clock, manifests, zipping
from chalicelib.registry.sweeping import sweep
from chalicelib.schema.records import VersionRecord
from chalicelib.store import access, api_tokens, keys, multipart, objects, table, versions
from chalicelib.store.downloads import SHARDS
from chalicelib.store.rows import Row
from devserver.environment import Stores, use_emulator
from devserver.signatures import Keys

HANDED_ON = 20 * 60
"""Seconds after which the sweep calls the worker again for what a dead one left."""
EXPIRED = 8 * 86_400
"""Seconds after which every upload has expired."""
_SHARED = "access#"
_COPIED = (_SHARED, "token#", "tokens#")
"""How the rows begin that have a copy in the bucket."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Audit:
    """How many versions there are, and the names of what is too much or too little."""

    versions: int
    orphans: list[str]
    missing: list[str]
    rows: list[str]
    """Rows that are not what the versions' records make of them; uploads are left out, which can be asked for
    a week after their end."""
    copies: list[str]
    """API tokens and sharings whose rows and whose copies in the bucket disagree, as they do once one that was being
    changed was not acknowledged."""


def embedded(url: str, keys: Keys) -> dict[str, str]:
    """The variables that lead to the AWS stand-in at this URL, which takes these keys."""
    stores: dict[str, str] = {}
    use_emulator(stores, Stores(embedded_s3=True, embedded_dynamodb=True, queue=False), url, keys)
    return stores


def audit(stores: Mapping[str, str], *, sweep_in: int = 0) -> Audit:
    """Looks through the stores that these variables lead to, after a sweep unless that is 0."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks._audit", str(sweep_in)],
        cwd=ROOT,
        env={**inherited, **stores},
        check=True,
        stdout=subprocess.PIPE,
    )
    return Audit(**json.loads(run.stdout))


def _look(seconds: int) -> Audit:
    # Uploads can be asked for a week after their end, and what was done is kept for a year. Other rows with an
    # end are gone by then, by the table's TTL.
    ended = datetime.now(UTC) + timedelta(seconds=seconds)
    rows = [
        row
        for row in table.scan("")
        if not row.pk.startswith(("upload#", keys.HISTORY))
        and (row.expires_at is None or row.expires_at > ended)
    ]
    found = [row.read(VersionRecord) for row in rows if _is_version(row)]
    # How often a version was downloaded nobody can say but its own rows.
    counts = {keys.downloads_pk(record.upload_id, shard) for record in found for shard in range(SHARDS)}
    rows = [row for row in rows if row.pk not in counts and (row.pk, row.sk) != keys.TOKEN_KEY]
    own = [row for row in rows if row.pk.startswith(_COPIED)]
    rows = [row for row in rows if not row.pk.startswith(_COPIED)]
    wanted = {key for record in found for key in _objects(record)}
    # A version's ZIP is kept for who asks for it next.
    there = set(objects.list_keys("")) - {zipping.key_of(record) for record in found}
    there = {key for key in there if not key.startswith(keys.QUARANTINE) and not _is_copy(key)}
    parts = [f"part of {key}" for key, _ in multipart.in_progress("")]
    return Audit(
        versions=len(found),
        orphans=sorted(there - wanted) + parts,
        missing=sorted(wanted - there),
        rows=sorted(_wrong(rows, found) | _read_without(own, found)),
        copies=sorted(_differing(own)),
    )


def _is_version(row: Row) -> bool:
    return row.sk.startswith(keys.version_sk("")) and row.state == versions.READY


def _objects(record: VersionRecord) -> Iterator[str]:
    yield keys.manifest_key(*record.id)
    if record.document.files_total > len(record.files):
        yield keys.manifest_files_key(*record.id)
    for file in versions.files_from(record):
        yield keys.file_key(*record.id, file.path)


def _is_copy(key: str) -> bool:
    return keys.model_of_access_key(key) is not None or keys.token_expiry(key) is not None


def _read_without(own: Iterable[Row], found: Iterable[VersionRecord]) -> set[str]:
    """Models that are shared and have no version."""
    there = {record.id[:2] for record in found}
    shared = {(row.pk.removeprefix(_SHARED), row.sk) for row in own if row.pk.startswith(_SHARED)}
    return {f"{_SHARED}{user} {model}" for user, model in shared - there}


def _differing(own: Iterable[Row]) -> set[str]:
    """What has rows and no copy, a copy and not its rows, or one that is not what the other says."""
    rows = {(row.pk, row.sk): _named(row) for row in own}
    copied: dict[tuple[str, str], str] = {}
    unreadable = set()
    copies = [(key, _token_rows) for key, _ in api_tokens.copies()]
    copies += [(key, _access_rows) for key in objects.list_keys(keys.ACCESS)]
    for key, rows_of in copies:
        try:
            copied |= {(row.pk, row.sk): _named(row) for row in rows_of(key)}
        except MsgspecError:
            unreadable.add(key)
    names = {
        rows.get(key) or copied[key]
        for key in rows.keys() | copied.keys()
        if rows.get(key) != copied.get(key)
    }
    return {name.split("\n")[0] for name in names} | unreadable


def _token_rows(key: str) -> list[Row]:
    return api_tokens.rows(api_tokens.read_copy(key))


def _access_rows(key: str) -> list[Row]:
    return [access.row(access.read_copy(key))]


def _named(row: Row) -> str:
    """What a row is about, and in further lines what it says of it, as far as a copy says the same."""
    if not row.pk.startswith(_SHARED):
        return f"token {row.read(api_tokens.TokenRecord).document.token_id}"
    return f"access {row.pk.removeprefix(_SHARED)}/{row.sk}\n{row.body}\n{sorted(row.readers or ())}"


def _wrong(rows: Iterable[Row], found: Iterable[VersionRecord]) -> set[str]:
    expected: dict[tuple[str, str], Any] = {}
    for record in found:
        files = manifests.read_files(record)
        made = [versions.version_row(record), *versions.file_rows(record, files)]
        made += [*versions.index_rows(record).values(), *versions.content_rows(record, files).values()]
        if record.document.is_active:
            made.append(versions.active_row(record))
        expected |= {(row.pk, row.sk): _plain(row) for row in made}
    there = {(row.pk, row.sk): _plain(row) for row in rows}
    differing = {key for key in expected.keys() | there.keys() if expected.get(key) != there.get(key)}
    return {" ".join(key) for key in differing}


def _plain(row: Row) -> dict[str, Any]:
    """A row's attributes; pynamodb writes the members of a set in any order."""
    attributes = row.serialize()
    return {**attributes, "marks": sorted(row.marks)} if row.marks else attributes


def main(seconds: int) -> None:
    """Sweeps as in so many seconds, looks, and prints."""
    if seconds:
        with patch.object(clock, "now", lambda: int(time.time()) + seconds):
            sweep()
    found = _look(seconds)
    print(json.dumps({name: getattr(found, name) for name in Audit.__slots__}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
