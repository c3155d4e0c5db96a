"""Sharing a model: who may read all its versions, beside its owner."""

from contextlib import suppress

from chalicelib.errors import InvalidRequest, StoreBusy
from chalicelib.registry import access, history
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_user_id
from chalicelib.schema.access import AccessChange, AccessDocument
from chalicelib.schema.records import VersionRecord
from chalicelib.store import access as rows
from chalicelib.store import table, versions
from chalicelib.store.access import AccessRecord
from chalicelib.store.table import ConditionFailed

TRIES = 10


def get(caller: Caller, user_id: str, model_id: str) -> AccessDocument:
    """Who may read a model beside its owner, who alone is told; `NotFound`."""
    access.check_write(caller, user_id, model_id)
    shared = rows.find(user_id, model_id)
    if shared is not None:
        return shared.document
    if versions.first_ready(user_id, model_id) is None:
        raise access.no_model(user_id, model_id)
    return AccessDocument(user_id=user_id, model_id=model_id)


def share(caller: Caller, user_id: str, model_id: str, change: AccessChange) -> AccessDocument:
    """Says from now on who may read all versions of a model, beside its owner; `NotFound`.

    One GetItem, one Query, one transaction, one PUT or DELETE, two GetItems; where somebody loses access one DELETE
    more.
    """
    access.check_write(caller, user_id, model_id)
    for position, user in enumerate(change.users):
        try:
            check_user_id(user)
        except InvalidRequest as error:
            raise InvalidRequest(f"users[{position}]: {error}") from None
    users = sorted(set(change.users) - {user_id})
    noted = history.entry("share", caller.actor, None, everyone=change.everyone, users=users)
    wanted = AccessRecord(user_id=user_id, model_id=model_id)
    if change.everyone or users:
        wanted = AccessRecord(
            user_id=user_id, model_id=model_id, everyone=change.everyone, users=users, updated_at=noted.at
        )
    for _ in range(TRIES):
        kept, ready = rows.read(user_id, model_id), versions.first_ready(user_id, model_id)
        if ready is None:
            raise access.no_model(user_id, model_id)
        if kept.shared is not None and _takes_away(kept.shared, wanted):
            rows.remove_copy(user_id, model_id)
        shared = wanted.is_of(ready) if wanted.updated_at else None
        with suppress(ConditionFailed):
            rows.save(kept, shared, ready, history.row(user_id, model_id, noted))
            rows.keep(user_id, model_id)
            return wanted.document
    raise _busy(user_id, model_id)


def _takes_away(old: AccessRecord, new: AccessRecord) -> bool:
    """Whether somebody may not read the model any more."""
    return not new.everyone and (old.everyone or not set(old.users) <= set(new.users))


def _busy(user_id: str, model_id: str) -> StoreBusy:
    return StoreBusy(f"Model {user_id}/{model_id} is changed by many at once; try again in a moment")


def settle(user_id: str, model_id: str) -> None:
    """Sees to a model's sharing after versions of it were deleted.

    It is known by a version that is there, or ends with the last, and the bucket's copy agrees.
    """
    for _ in range(TRIES):
        kept = rows.read(user_id, model_id)
        if kept.shared is None or _known_by(kept.shared):
            break
        ready = versions.first_ready(user_id, model_id)
        with suppress(ConditionFailed):
            if ready is None:
                table.delete(kept.key, kept.unchanged)
            else:
                rows.save(kept, kept.shared.is_of(ready), ready)
            break
    rows.keep(user_id, model_id)


def _known_by(shared: AccessRecord) -> VersionRecord | None:
    """The version by which it is known, while readers see it."""
    row = versions.find(shared.user_id, shared.model_id, shared.version) if shared.version else None
    known = row is not None and row.state == versions.READY and row.upload_id == shared.upload_id
    return row.read(VersionRecord) if row is not None and known else None


def restore(name: str) -> bool:
    """Shares a model as the copy of this name says, if it is about the model that is there and nothing newer is known.

    Whether the model is shared then; otherwise the copy is removed.
    """
    shared = rows.read_copy(name)
    ready = _version_of(shared)
    if ready is not None:
        with suppress(ConditionFailed):
            missing = rows.Kept(rows.key(shared.user_id, shared.model_id), None)
            rows.save(missing, shared.is_of(ready), ready)
    settle(shared.user_id, shared.model_id)
    return rows.find(shared.user_id, shared.model_id) is not None


def _version_of(shared: AccessRecord) -> VersionRecord | None:
    """The version by which a copy is known; for a copy from before 0.2, one that is as old as the copy."""
    if shared.version:
        return _known_by(shared)
    found = (
        row.read(VersionRecord) for row in table.rows(versions.of_model(shared.user_id, shared.model_id))
    )
    return next((one for one in found if one.document.created_at <= (shared.updated_at or "")), None)
