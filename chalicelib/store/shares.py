"""The shares of an archive that several runs unpack at once: who is at which, and which are done."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.store import keys, leases, table, uploads
from chalicelib.store.rows import Row, expiry
from chalicelib.store.table import Key, Range
from chalicelib.store.uploads import Standing

OPEN, DONE = "open", "done"


@dataclass(frozen=True, slots=True)
class Share:
    """Who works on a share, and how far it is."""

    owner: str | None
    lease_until: int
    files_done: int
    bytes_done: int

    def is_held(self, now: int) -> bool:
        """Whether a run works on it that shows signs of life."""
        return self.owner is not None and self.lease_until >= now


def key(upload_id: str, number: int) -> Key:
    """The key of a share's row."""
    return keys.upload_pk(upload_id), f"{keys.SHARE}{number:04d}"


def begin(standing: Standing, owner: str, count: int, totals: tuple[int, int], *, lease_until: int) -> None:
    """Makes so many shares, none of them done, of an upload that is held under `owner`; totals are files and bytes.

    `ConditionFailed` when it is not any more.
    """
    upload = standing.upload
    until = expiry(upload.expires_at + uploads.KEPT)
    numbers = range(1, count + 1)
    table.write_many(Row(*key(upload.upload_id, n), state=OPEN, expires_at=until) for n in numbers)
    none_done = [Row.shares.set(count), Row.shares_done.remove(), Row.lease_until.set(lease_until)]
    none_done += [Row.files_total.set(totals[0]), Row.bytes_total.set(totals[1])]
    table.update(uploads.key(upload.upload_id), none_done, Row.owner == owner)


def of(upload_id: str) -> Iterator[Share]:
    """The shares of an upload, which are numbered from 1. One Query."""
    for row in table.rows(Range(keys.upload_pk(upload_id), keys.SHARE)):
        yield Share(
            owner=row.owner,
            lease_until=int(row.lease_until or 0),
            files_done=int(row.files_done or 0),
            bytes_done=int(row.bytes_done or 0),
        )


def claim(upload_id: str, number: int, owner: str, *, now: int, lease_until: int) -> None:
    """Takes a share that nobody works on; `ConditionFailed` when it is done, gone, or has an owner at work."""
    free = (Row.state == OPEN) & leases.free(now, owner)
    table.update(key(upload_id, number), leases.taken(owner, lease_until), free)


def release(upload_id: str, number: int, owner: str) -> None:
    """Gives a share back, for another run to go on; nothing happens when it is not ours any more."""
    with suppress(table.ConditionFailed):
        table.update(key(upload_id, number), leases.given_back(), Row.owner == owner)


def end(upload_id: str, number: int, owner: str, group: str, progress: Mapping[str, int]) -> bool:
    """Notes that a share is done, and tells whether that was the last one that was missing.

    `ConditionFailed` when the upload is not held under `group` any more.
    """
    upload = table.update(uploads.key(upload_id), [Row.shares_done.add({number})], Row.owner == group)
    actions = [*leases.given_back(), *leases.noted(progress), Row.state.set(DONE)]
    # Done already by a request whose answer was lost, it has no owner.
    table.update(key(upload_id, number), actions, (Row.owner == owner) | (Row.state == DONE))
    return len(upload.shares_done) == int(upload.shares)
