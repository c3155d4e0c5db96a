"""The sweep: goes through the journal's due entries, and finishes or undoes what was left.

What takes long is left to the worker function.
"""

import logging
import math

from chalicelib.registry import clock, deleting, zipping
from chalicelib.registry.leases import DUE_AGAIN, RESERVE, Remaining
from chalicelib.registry.publishing import tidy
from chalicelib.registry.updating import reindex
from chalicelib.registry.uploads import expire
from chalicelib.store import journal, objects, uploads
from chalicelib.store.journal import Entry
from chalicelib.store.table import ConditionFailed

log = logging.getLogger(__name__)


def sweep(remaining: Remaining = lambda: math.inf) -> int:
    """Finishes or undoes everything that is due, and gives how many entries that were.

    `remaining` gives the seconds that this run has left: what it is too short for is due for the next.
    """
    count = 0
    for entry in journal.due(clock.now()):
        if remaining() < RESERVE:
            break
        try:
            _settle(entry)
            count += 1
        except Exception:
            # One entry that can't be settled now must not keep the others from it; it stays due.
            log.exception("The sweep could not settle %s", entry.rows[0][1])
    try:
        zipping.give_up_dead()
    except Exception:
        log.exception("The sweep could not give up the parts of dead ZIPs")
    return count


def _settle(entry: Entry) -> None:
    if entry.kind == "upload":
        _settle_upload(entry)
    elif entry.kind == "delete":
        deleting.settle(entry)
    elif entry.kind == "reindex" and entry.version:
        reindex(entry.version, entry)


def _settle_upload(entry: Entry) -> None:
    standing = uploads.find(entry.name)
    now = clock.now()
    if standing is None or standing.journal not in entry.rows:
        journal.close(entry)
    elif standing.state in (uploads.READY, uploads.FAILED, uploads.EXPIRED):
        tidy(standing)
    elif standing.state in (uploads.PLANNING, *uploads.ENDINGS) or standing.upload.expires_at <= now:
        expire(standing)
    elif standing.lease_until < now:
        _go_on(standing, now)


def _go_on(standing: uploads.Standing, now: int) -> None:
    """Puts an upload that nobody works on back on its way: to its client, or to the worker function."""
    with_client = standing.state == uploads.UPLOADING
    due_at = standing.upload.expires_at if with_client else now + DUE_AGAIN
    try:
        uploads.move(standing, standing.state, due_at=due_at, now=now, detail=standing.detail)
    except ConditionFailed:
        return
    if not with_client:
        kind = "unpack" if standing.state == uploads.UNPACKING else "verify"
        objects.call_worker(kind, standing.upload.upload_id)
