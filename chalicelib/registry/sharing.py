"""An archive of much work, unpacked by several runs at once.

It is cut into shares of about equal cost, and the worker function is called for each. All runs hold the upload
together, under one owner, and each the share that it works on. Whoever does the last share has the upload finished
as any other: what is made already is not made again, so nothing is left to do but to publish.
"""

import time
from collections.abc import Sequence

from chalicelib import telemetry
from chalicelib.archive.units import Unit, cut_shares, without
from chalicelib.errors import WeighthouseError
from chalicelib.registry import clock
from chalicelib.registry.leases import LEASE, Lease, LeaseLost, OutOfTime, Remaining, Shared, new_owner
from chalicelib.registry.undoing import undo_own
from chalicelib.registry.unpacking import StoredSource, Unpacking
from chalicelib.settings import GIB
from chalicelib.store import keys, leases, objects, shares, uploads
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import FAILING, Standing

SHARE = 4 * GIB
"""Bytes of work, as `Unit.cost` counts it, that are worth a run of their own: some half minute on Lambda."""
SHARES = 16
"""Most runs for one archive: they take their part of the functions that an account may run at a time."""


def _cut(units: Sequence[Unit]) -> list[Sequence[Unit]]:
    return cut_shares(units, least=SHARE, most=SHARES)


def share_out(standing: Standing, lease: Lease, unpacking: Unpacking) -> None:
    """Raises `Shared` when what is left of an archive is enough for several runs, after it has called them.

    Otherwise nothing happens.
    """
    count = len(_cut(unpacking.units))
    if count == 1:
        return
    if len(_cut(list(without(unpacking.units, uploads.finished(standing.upload.upload_id))))) == 1:
        return
    totals = unpacking.files, unpacking.size
    # Who was stopped for longer than the lease must not write the shares of those who hold it by now.
    lease.check()
    try:
        shares.begin(standing, lease.owner, count, totals, lease_until=clock.now() + LEASE)
    except ConditionFailed as error:
        raise LeaseLost(standing.upload.upload_id) from error
    for number in range(1, count + 1):
        objects.call_worker("share", keys.share_name(standing.upload.upload_id, number))
    raise Shared(standing.upload.upload_id)


def work(name: str, remaining: Remaining) -> str | None:
    """Does the share `upload id/number`, and then others that nobody works on.

    Gives the upload's id when all are done, or no run holds it any more: then it is for `finish` to go on with.
    """
    upload_id, _, number = name.partition("/")
    standing = uploads.find(upload_id)
    if standing is None or standing.state != uploads.UNPACKING or not standing.shares:
        objects.delete([keys.task_key("share", name)])
        return None
    telemetry.note(**standing.upload.names)
    if standing.owner is None or standing.lease_until < clock.now():
        return upload_id
    return _Run(standing, standing.owner, remaining).take(int(number))


class _Run:
    """One run of the worker function, for shares of an upload that is held under `group`."""

    def __init__(self, standing: Standing, group: str, remaining: Remaining) -> None:
        self.standing = standing
        self.upload_id = standing.upload.upload_id
        self.group = group
        self.remaining = remaining
        self.owner = new_owner()

    def take(self, first: int) -> str | None:
        """Does the share `first` and those that are left over, as `work` says."""
        until = clock.now() + LEASE
        try:
            leases.renew(uploads.key(self.upload_id), self.group, until=until, progress={})
        except ConditionFailed:
            return None
        unpacking = Unpacking(self.standing.upload, StoredSource(keys.archive_key(self.upload_id)))
        cuts = dict(enumerate(_cut(unpacking.units), 1))
        with Lease(uploads.key(self.upload_id), self.group, self.remaining, until=until) as hold:
            try:
                numbers = sorted(cuts, key=lambda number: number != first)
                last = any(self._do(number, unpacking, cuts[number], hold) for number in numbers)
            except (LeaseLost, OutOfTime):
                return None
        if not last:
            return None
        uploads.release(self.upload_id, self.group, uploads.UNPACKING)
        return self.upload_id

    def _do(self, number: int, unpacking: Unpacking, units: Sequence[Unit], hold: Lease) -> bool:
        """Does a share, if nobody else does, and tells whether it was the last."""
        now = clock.now()
        until = now + LEASE
        try:
            shares.claim(self.upload_id, number, self.owner, now=now, lease_until=until)
        except ConditionFailed:
            return False
        key = shares.key(self.upload_id, number)
        try:
            with Lease(key, self.owner, self.remaining, until=until, resumes=True, within=hold) as lease:
                unpacking.make(lease, units, note_all=True)
            last = shares.end(self.upload_id, number, self.owner, self.group, lease.progress)
        except BaseException as error:
            shares.release(self.upload_id, number, self.owner)
            self._leave(number, error)
            raise
        objects.delete([keys.task_key("share", keys.share_name(self.upload_id, number))])
        return last

    def _leave(self, number: int, error: BaseException) -> None:
        """Sees to what becomes of a share that this run can't end."""
        if isinstance(error, OutOfTime):
            objects.call_worker("share", keys.share_name(self.upload_id, number))
        elif isinstance(error, ConditionFailed):
            raise LeaseLost(self.upload_id) from error
        elif isinstance(error, WeighthouseError) and error.status < 500:
            telemetry.failed(error)
            self._fail(str(error))
            raise LeaseLost(self.upload_id) from error

    def _fail(self, detail: str) -> None:
        """Undoes the upload, once the other runs have noticed that they hold it no more."""
        owner, lease_until = new_owner(), clock.now() + LEASE
        try:
            uploads.take_over(self.upload_id, self.group, owner, lease_until=lease_until)
        except ConditionFailed:
            return
        with Lease(uploads.key(self.upload_id), owner, self.remaining, until=lease_until) as lease:
            until = time.monotonic() + LEASE
            while time.monotonic() < until and self._others_work():
                time.sleep(1)
            undo_own(self.standing, lease, FAILING, detail)

    def _others_work(self) -> bool:
        return any(share.is_held(clock.now()) for share in shares.of(self.upload_id))
