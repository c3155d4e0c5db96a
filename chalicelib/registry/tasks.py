"""What the worker function does when the bucket calls it: every object under `uploads/` and `tasks/` is a task."""

from chalicelib import telemetry
from chalicelib.errors import WeighthouseError
from chalicelib.registry import clock, deleting, sharing, undoing, zipping
from chalicelib.registry.arriving import PartsMissing
from chalicelib.registry.finishing import finish_sent
from chalicelib.registry.leases import LEASE, LeaseLost, OutOfTime, Remaining, Shared, new_owner
from chalicelib.store import keys, objects, uploads
from chalicelib.store.table import ConditionFailed


def handle(key: str, remaining_seconds: Remaining) -> None:
    """Does the task that the object `key` stands for; doing it twice, or after it was done, is harmless.

    Raises whatever keeps it from being done, so that the event is delivered again.
    """
    telemetry.note(task=key)
    if key.startswith(keys.UPLOADS):
        upload_id = key.removeprefix(keys.UPLOADS).split("/")[0]
        if key == keys.archive_key(upload_id):
            finish(upload_id, "unpack", remaining_seconds)
        return
    kind, _, name = key.removeprefix(keys.TASKS).partition("/")
    if kind in ("verify", "unpack", "undo"):
        finish(name, kind, remaining_seconds)
    elif kind == "share":
        ended = sharing.work(name, remaining_seconds)
        if ended is not None:
            finish(ended, "unpack", remaining_seconds)
    elif kind == "delete":
        deleting.work(name, remaining_seconds)
    elif kind == "zip":
        zipping.run(name, remaining_seconds)


def finish(upload_id: str, kind: str, remaining_seconds: Remaining) -> None:
    """Finishes or undoes an upload that was handed over, or goes on with that; the outcome is in its state.

    When the time runs out it calls the worker again, which goes on with what is missing.
    """
    owner, now = new_owner(), clock.now()
    try:
        claimed = uploads.claim(upload_id, owner, now=now, lease_until=now + LEASE)
    except ConditionFailed:
        standing = uploads.find(upload_id)
        if standing is None or standing.state not in uploads.OPEN_STATES:
            # It ended before the worker was called for it, and nobody else would remove the call.
            objects.delete([keys.task_key(kind, upload_id)])
        return
    telemetry.note(**claimed.upload.names)
    if claimed.state in (uploads.PLANNING, uploads.UPLOADING):
        uploads.release(upload_id, owner, claimed.state)
        return
    try:
        if claimed.state in uploads.ENDINGS:
            undoing.go_on(claimed, owner, remaining_seconds)
        else:
            finish_sent(claimed, owner, remaining_seconds)
    except OutOfTime:
        objects.call_worker(kind, upload_id)
    except (LeaseLost, PartsMissing, Shared):
        return
    except WeighthouseError as error:
        if error.status >= 500:
            raise
