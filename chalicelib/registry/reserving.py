"""Reserving a version: of all who want to make it, one may; what a dead upload or deletion left is cleared first."""

from contextlib import suppress

from chalicelib import telemetry
from chalicelib.errors import Conflict, StoreBusy
from chalicelib.registry import clock, deleting
from chalicelib.registry.leases import LEASE
from chalicelib.registry.naming import means_next
from chalicelib.registry.ordering import next_version
from chalicelib.registry.uploads import current_state, expire
from chalicelib.schema.records import Upload
from chalicelib.store import table, uploads, versions
from chalicelib.store.rows import Row
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import FileList, Standing

TRIES = 20


def reserve(upload: Upload, state: str, files: FileList = (), *, owner: str | None = None) -> Standing:
    """Reserves the version that an upload asks for; `next` becomes the version after the highest.

    With an `owner` the upload is worked on under a lease from the start.

    Raises `Conflict` when the version exists, is being uploaded, or is being deleted, and when the upload's id
    is taken.
    """
    metadata = upload.metadata
    wants_next = means_next(metadata.version)
    for _ in range(TRIES):
        if wants_next:
            metadata.version = next_version(versions.highest_name(metadata.user_id, metadata.model_id))
        telemetry.note(**upload.names)
        try:
            lease_until = clock.now() + LEASE if owner else 0
            return uploads.reserve(upload, state, files, owner=owner, lease_until=lease_until)
        except ConditionFailed:
            _make_way(upload, wants_next)
    raise StoreBusy("Many uploads of this model are starting at once; try again in a moment")


def _make_way(upload: Upload, wants_next: bool) -> None:
    user_id, model_id, version = upload.id
    row = versions.find(user_id, model_id, version)
    if row is None or row.upload_id == upload.upload_id:
        _clear_id(upload.upload_id)
    if row is None:
        return
    name = f"Version {version} of model {user_id}/{model_id}"
    if row.state == versions.READY:
        if not wants_next:
            raise Conflict(
                f"{name} already exists; name another version, or `next` for the one after the highest"
            )
    elif row.state == versions.DELETING:
        if not deleting.make_way(row):
            raise Conflict(f"{name} is being deleted; try again in a moment")
    elif (alive := _clear(row)) is not None and not wants_next:
        if alive.state in uploads.ENDINGS:
            raise Conflict(f"{name} is being removed after an upload that ended; try again in a moment")
        which = (
            "" if alive.upload.kind == "form" else f" (upload {alive.upload.upload_id}: complete or abort it)"
        )
        raise Conflict(f"{name} is being uploaded{which}; name another version, or wait until that has ended")


def _clear_id(upload_id: str) -> None:
    """Removes what a plan that died left under this id; `Conflict` when there is an upload of it."""
    standing = uploads.find(upload_id)
    if standing is None:
        return
    if standing.state == uploads.PLANNING and standing.is_left(clock.now()):
        expire(standing)
        return
    raise Conflict(
        f"upload_id is {upload_id}: there is an upload of this id; resume it, or choose another id"
    )


def _clear(row: Row) -> Standing | None:
    """Removes a reservation whose upload is dead; the upload when it is alive."""
    standing = uploads.find(row.upload_id)
    if standing is None:
        # A form's upload is gone also when it has just published: then the row is the version, and stays.
        with suppress(ConditionFailed):
            reserved = (Row.state == versions.UPLOADING) & (Row.upload_id == row.upload_id)
            table.delete((row.pk, row.sk), reserved)
        return None
    ends = standing.upload.kind == "form" or standing.state in uploads.ENDINGS
    dead = standing.is_left(clock.now()) if ends else current_state(standing) == uploads.EXPIRED
    if not dead:
        return standing
    expire(standing)
    return None
