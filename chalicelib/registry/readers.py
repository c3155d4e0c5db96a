"""Sharing a model: who may read all its versions, beside its owner."""

from chalicelib.errors import InvalidRequest
from chalicelib.registry import access, history
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_user_id
from chalicelib.schema.access import AccessChange, AccessDocument
from chalicelib.store import access as rows
from chalicelib.store import table, versions


def get(caller: Caller, user_id: str, model_id: str) -> AccessDocument:
    """Who may read a model beside its owner, who alone is told; `NotFound`."""
    access.check_write(caller, user_id, model_id)
    shared = rows.find(user_id, model_id)
    if shared is None:
        _check_exists(user_id, model_id)
    return shared or AccessDocument(user_id=user_id, model_id=model_id)


def share(caller: Caller, user_id: str, model_id: str, change: AccessChange) -> AccessDocument:
    """Says from now on who may read all versions of a model, beside its owner; `NotFound`.

    One Query, one transaction, one PUT or DELETE, and a GetItem.
    """
    access.check_write(caller, user_id, model_id)
    for position, user in enumerate(change.users):
        try:
            check_user_id(user)
        except InvalidRequest as error:
            raise InvalidRequest(f"users[{position}]: {error}") from None
    _check_exists(user_id, model_id)
    users = sorted(set(change.users) - {user_id})
    noted = history.entry("share", caller.actor, None, everyone=change.everyone, users=users)
    shared = None
    if change.everyone or users:
        shared = AccessDocument(
            user_id=user_id, model_id=model_id, everyone=change.everyone, users=users, updated_at=noted.at
        )
    rows.save(user_id, model_id, shared, history.row(user_id, model_id, noted))
    return shared or AccessDocument(user_id=user_id, model_id=model_id)


def _check_exists(user_id: str, model_id: str) -> None:
    if not _exists(user_id, model_id):
        raise access.no_model(user_id, model_id)


def _exists(user_id: str, model_id: str) -> bool:
    return any(page.rows for page in table.pages(versions.of_model(user_id, model_id), size=2))


def forget_if_gone(user_id: str, model_id: str) -> None:
    """Ends the sharing of a model whose last version is deleted: one that is made anew is its owner's alone.

    One GetItem, and for a model that was shared one Query more.
    """
    if rows.find(user_id, model_id) is not None and not _exists(user_id, model_id):
        rows.forget(user_id, model_id)
