"""The rows of uploads: where each stands, the files it expects, the files it has finished, and the journal.

The journal lists unfinished work by the time from which it may be looked at; the sweep goes by it.
An upload is worked on by one owner at a time, who holds a lease and renews it; when its owner dies the lease
lapses and another may go on.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from msgspec import json

from chalicelib.schema.records import FILES_PER_ROW, ExpectedFile, FileRecord, Upload
from chalicelib.store import keys, leases, table, versions
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import Changes, Key, Range

PLANNING = "planning"
"""The list of the files that it expects is being written: until that is whole, nothing else may be done with it."""
UPLOADING, VERIFYING, UNPACKING = "uploading", "verifying", "unpacking"
FAILING, EXPIRING, ABANDONED = "failing", "expiring", "abandoned"
READY, FAILED, EXPIRED = "ready", "failed", "expired"
ENDINGS = {FAILING: FAILED, EXPIRING: EXPIRED, ABANDONED: None}
"""States of an upload that is being undone, and what it is when nothing of it is left: an abandoned one is gone."""
OPEN_STATES = (PLANNING, UPLOADING, VERIFYING, UNPACKING, *ENDINGS)
KEPT = 7 * 86_400
"""Seconds for which an ended upload can still be asked about; then the table's TTL removes its row."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An upload and where it stands."""

    upload: Upload
    state: str
    due_at: int
    owner: str | None
    lease_until: int
    files_done: int
    bytes_done: int
    files_total: int | None
    bytes_total: int | None
    detail: str | None
    shares: int
    """Into how many shares its archive is cut; 0 when one run at a time unpacks it."""
    looked_to: int = 0
    """How many of its files, from the first on, were looked for the last time that not all had arrived."""
    lacking: frozenset[int] = frozenset()
    """The places of those among them that had not arrived."""

    @property
    def journal(self) -> Key:
        """Its row in the journal."""
        return keys.JOURNAL_PK, keys.journal_sk(self.due_at, "upload", self.upload.upload_id)

    def is_left(self, now: int) -> bool:
        """Whether its owner died, or, where it waits for the worker function, none came in time."""
        return self.due_at <= now if self.owner is None else self.lease_until < now


def key(upload_id: str) -> Key:
    """The key of an upload's own row."""
    return keys.upload_pk(upload_id), keys.UPLOAD_SK


_FIRST = 1
"""Revision of a row of expected files that was not changed yet."""


def _expected_row(upload: Upload, number: int, files: Sequence[ExpectedFile]) -> Row:
    return Row(
        keys.upload_pk(upload.upload_id),
        f"{keys.EXPECTED}{number:06d}",
        body=json.encode(files).decode(),
        revision=_FIRST,
        expires_at=expiry(upload.expires_at + KEPT),
    )


def _journal_row(due_at: int, upload_id: str) -> Row:
    return Row(keys.JOURNAL_PK, keys.journal_sk(due_at, "upload", upload_id), upload_id=upload_id)


FileList = Sequence[Sequence[ExpectedFile]]
"""The files that an upload expects in path order, 50 to a row, and behind them the bundle in a row of its own."""


def file_list(files: Sequence[ExpectedFile], bundle: ExpectedFile | None = None) -> FileList:
    """The list of these files and the bundle."""
    chunks = [files[start : start + FILES_PER_ROW] for start in range(0, len(files), FILES_PER_ROW)]
    return [*chunks, *([[bundle]] if bundle else [])]


def reserve(
    upload: Upload, state: str, files: FileList = (), *, owner: str | None = None, lease_until: int = 0
) -> Standing:
    """Reserves the version for an upload, in one transaction; `ConditionFailed` when it or the id is taken.

    The first row of the list of files is written with it: where there are more, the state is to be `PLANNING`
    until they follow. With an `owner` the upload is worked on from the start, and due when the lease lapses.
    """
    due_at = lease_until if owner else upload.expires_at
    until = upload.expires_at + KEPT
    row = Row(
        *key(upload.upload_id),
        body=json.encode(upload).decode(),
        state=state,
        owner=owner,
        lease_until=lease_until,
        due_at=due_at,
        expires_at=expiry(until),
    )
    reservation = Row(
        *versions.key(*upload.id),
        state=versions.UPLOADING,
        upload_id=upload.upload_id,
        created_key=keys.created_key(upload.created_at, *upload.id[1:]),
        expires_at=expiry(until),
    )
    changes = Changes(puts=[(row, Row.pk.does_not_exist()) for row in (reservation, row)])
    changes.puts.append((_journal_row(due_at, upload.upload_id), None))
    changes.puts += [(_expected_row(upload, 0, chunk), None) for chunk in files[:1]]
    table.transact(changes)
    return _standing(row)


def write_list(upload: Upload, files: FileList, check: Callable[[], object]) -> None:
    """Writes the rows of the list that `reserve` left out; `check` may stop it by raising, before each row."""

    def rows() -> Iterator[Row]:
        for number, chunk in enumerate(files[1:], 1):
            check()
            yield _expected_row(upload, number, chunk)

    table.write_many(rows())


def _standing(row: Row) -> Standing:
    def whole(value: float | None) -> int | None:
        return None if value is None else int(value)

    upload = row.read(Upload)
    return Standing(
        upload=upload,
        state=row.state,
        due_at=int(row.due_at),
        owner=row.owner,
        lease_until=int(row.lease_until or 0),
        files_done=int(row.files_done or 0),
        bytes_done=int(row.bytes_done or 0),
        files_total=whole(row.files_total) or upload.files_total or None,
        bytes_total=whole(row.bytes_total) or upload.bytes_total or None,
        detail=row.detail,
        shares=int(row.shares or 0),
        looked_to=int(row.looked_to or 0),
        lacking=frozenset(map(int, row.lacking or ())),
    )


def find(upload_id: str) -> Standing | None:
    """An upload by its id. One GetItem."""
    row = table.get(*key(upload_id))
    return _standing(row) if row else None


def claim(upload_id: str, owner: str, *, now: int, lease_until: int) -> Standing:
    """Takes an open upload that nobody works on; `ConditionFailed` when it ended or has an owner at work."""
    actions = leases.taken(owner, lease_until)
    return _standing(table.update(key(upload_id), actions, _open() & leases.free(now, owner)))


def claim_here(standing: Standing, owner: str, *, now: int, lease_until: int) -> Standing:
    """Takes an upload to finish it within a request; `ConditionFailed` as `claim`, and when it was moved meanwhile."""
    actions = [*leases.taken(owner, lease_until), Row.state.set(VERIFYING), Row.detail.remove()]
    # One whose end has begun is open as well, and nobody may work on it just now; but it is due at another time.
    as_it_stood = _open() & leases.free(now, owner) & (Row.due_at == standing.due_at)
    return _standing(table.update(key(standing.upload.upload_id), actions, as_it_stood))


def take_over(upload_id: str, group: str, owner: str, *, lease_until: int) -> None:
    """Takes an upload from the runs that hold it together under `group`; `ConditionFailed` when they don't."""
    table.update(key(upload_id), leases.taken(owner, lease_until), Row.owner.is_in(group, owner))


def _open() -> Any:
    return Row.state.is_in(*OPEN_STATES)


def release(upload_id: str, owner: str, state: str, detail: str | None = None) -> None:
    """Gives an upload back in this state, for anyone to go on; nothing happens when it is not ours any more.

    `detail` is what clients are told with it.
    """
    told = [Row.detail.set(detail)] if detail else []
    with suppress(table.ConditionFailed):
        table.update(key(upload_id), [*leases.given_back(), Row.state.set(state), *told], Row.owner == owner)


def note_looked(upload_id: str, looked_to: int, lacking: Collection[int]) -> None:
    """Notes which of the first files of an open upload have arrived, so that those are not looked for again."""
    noted = [Row.looked_to.set(looked_to), Row.lacking.set(set(lacking)) if lacking else Row.lacking.remove()]
    with suppress(table.ConditionFailed):
        table.update(key(upload_id), noted, _open())


def move(
    standing: Standing,
    state: str,
    *,
    due_at: int,
    now: int,
    held_by: str = "",
    owner: str | None = None,
    lease_until: int = 0,
    detail: str | None = None,
) -> Standing:
    """Puts an upload that nobody but `held_by` works on into another state, due at `due_at`, in one transaction.

    It is worked on by `owner` then, or waits for the worker function. `detail` is what clients are told with it.
    `ConditionFailed` when it ended, is worked on, or was moved meanwhile.
    """
    upload_id = standing.upload.upload_id
    actions = leases.taken(owner, lease_until) if owner else leases.given_back()
    actions += [Row.state.set(state), Row.due_at.set(due_at)]
    actions.append(Row.detail.set(detail) if detail else Row.detail.remove())
    condition = _open() & leases.free(now, held_by) & (Row.due_at == standing.due_at)
    changes = Changes(updates=[(key(upload_id), actions, condition)])
    if due_at != standing.due_at:
        changes.deletes.append((standing.journal, None))
        changes.puts.append((_journal_row(due_at, upload_id), None))
    table.transact(changes)
    return replace(standing, state=state, due_at=due_at, owner=owner, lease_until=lease_until, detail=detail)


def ended(
    standing: Standing,
    owner: str,
    state: str,
    *,
    until: int,
    detail: str | None = None,
    done: tuple[int, int] | None = None,
) -> tuple[Key, list[Any], Any]:
    """The change that ends an upload, for a transaction that makes its outcome true.

    It can be asked about `until` then (seconds since the epoch); `done` is how many files and bytes it brought.
    """
    actions = [Row.state.set(state), Row.owner.remove(), Row.expires_at.set(expiry(until))]
    if detail is not None:
        actions.append(Row.detail.set(detail))
    if done is not None:
        files, size = done
        actions += [Row.files_done.set(files), Row.files_total.set(files)]
        actions += [Row.bytes_done.set(size), Row.bytes_total.set(size)]
    return key(standing.upload.upload_id), actions, Row.owner == owner


def gone(standing: Standing, owner: str) -> tuple[Key, Any]:
    """The change that ends an upload without a trace, for a transaction."""
    return key(standing.upload.upload_id), Row.owner == owner


def remove_lists(standing: Standing) -> None:
    """Removes the lists of the files that an upload expects and has finished, and its shares."""
    pk = keys.upload_pk(standing.upload.upload_id)
    prefixes = [keys.EXPECTED, keys.FINISHED, *([keys.SHARE] if standing.shares else [])]
    for prefix in prefixes:
        table.write_many(deletes=table.keys_of(Range(pk, prefix)))


def forget(standing: Standing) -> None:
    """Removes an upload's own row: nobody can ask for it any more."""
    table.delete(key(standing.upload.upload_id))


@dataclass(frozen=True, slots=True)
class ExpectedChunk:
    """Up to 50 expected files, and the revision of their row."""

    upload_id: str
    number: int
    files: list[ExpectedFile]
    revision: int


def chunks(upload_id: str, files: FileList) -> Iterator[ExpectedChunk]:
    """The list as `reserve` and `write_list` wrote it, for who need not read it."""
    for number, some in enumerate(files):
        yield ExpectedChunk(upload_id, number, list(some), _FIRST)


def expected(upload_id: str, first: int = 0, *, size: int | None = None) -> Iterator[ExpectedChunk]:
    """The files an upload expects in path order, from the chunk `first` on, and its bundle. One Query a megabyte.

    `size` is how many chunks the first Query reads, for a caller that needs no more of them.
    """
    pk = keys.upload_pk(upload_id)
    after = (pk, f"{keys.EXPECTED}{first - 1:06d}") if first else None
    for page in table.pages(Range(pk, keys.EXPECTED, after=after), size=size):
        for row in page.rows:
            number = int(row.sk.removeprefix(keys.EXPECTED))
            yield ExpectedChunk(upload_id, number, row.read(list[ExpectedFile]), int(row.revision))


def save_expected(chunk: ExpectedChunk) -> ExpectedChunk:
    """Writes a changed chunk; `ConditionFailed` when it changed meanwhile or the upload is gone."""
    body = json.encode(chunk.files).decode()
    row = table.update(
        (keys.upload_pk(chunk.upload_id), f"{keys.EXPECTED}{chunk.number:06d}"),
        [Row.body.set(body), Row.revision.set(chunk.revision + 1)],
        # With this very body it was written before, by a request whose answer was lost.
        (Row.revision == chunk.revision) | (Row.body == body),
    )
    return ExpectedChunk(chunk.upload_id, chunk.number, chunk.files, int(row.revision))


def save_finished(upload: Upload, files: Sequence[FileRecord]) -> None:
    """Notes files that need not be done again; their rows are named by their first path."""
    pk, until = keys.upload_pk(upload.upload_id), upload.expires_at + KEPT
    chunks = (files[start : start + FILES_PER_ROW] for start in range(0, len(files), FILES_PER_ROW))
    table.write_many(
        Row(
            pk,
            keys.FINISHED + chunk[0].path,
            body=json.encode(chunk).decode(),
            expires_at=expiry(until),
        )
        for chunk in chunks
    )


def finished(upload_id: str) -> dict[str, FileRecord]:
    """The files that were noted as finished, by path."""
    rows = table.rows(Range(keys.upload_pk(upload_id), keys.FINISHED))
    return {file.path: file for row in rows for file in row.read(list[FileRecord])}
