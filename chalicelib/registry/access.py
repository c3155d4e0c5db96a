"""Whose models a caller may see and change.

What a caller may not even know of is answered as if it were not there.
"""

from dataclasses import dataclass

from chalicelib.errors import Forbidden, NotFound
from chalicelib.registry.callers import ADMIN, Caller
from chalicelib.registry.naming import check_model_id, check_user_id
from chalicelib.store import access


@dataclass(frozen=True, slots=True)
class Visible:
    """The models of a user that a caller may know of."""

    models: frozenset[str] | None
    """Their ids; None for all there are."""

    def __contains__(self, model_id: str) -> bool:
        """Whether the model with this id is one of them."""
        return self.models is None or model_id in self.models

    def __bool__(self) -> bool:
        """Whether there can be any."""
        return self.models is None or bool(self.models)


def owns(caller: Caller, user_id: str) -> bool:
    """Whether this user's models are the caller's to do with as they like: their own, or anyone's for an admin."""
    return caller.user_id == user_id or caller.may(ADMIN)


def check_read(caller: Caller, user_id: str, model_id: str) -> None:
    """Raises `NotFound` unless the caller may read the model. One GetItem where it is another user's."""
    check_user_id(user_id)
    check_model_id(model_id)
    if not owns(caller, user_id) and not _is_shared(caller, user_id, model_id):
        raise no_model(user_id, model_id)


def check_write(caller: Caller, user_id: str, model_id: str) -> None:
    """Raises `Forbidden` unless the caller owns the model, `NotFound` where they may not even read it.

    One GetItem where it is another user's.
    """
    check_read(caller, user_id, model_id)
    if not owns(caller, user_id):
        raise Forbidden(
            f"Model {user_id}/{model_id} is shared with you for reading; only its owner may do this with it"
        )


def check_upload(caller: Caller, user_id: str) -> None:
    """Raises `Forbidden` unless the caller may upload models under this user's name."""
    check_user_id(user_id)
    if not owns(caller, user_id):
        raise Forbidden(f"user_id is {user_id!r}, and you are {caller.user_id!r}: upload under your own name")


def visible(caller: Caller, user_id: str) -> Visible:
    """Which of a user's models the caller may read.

    One Query where they are another user's, and one more for each megabyte of models that are shared.
    """
    check_user_id(user_id)
    if owns(caller, user_id):
        return Visible(None)
    return Visible(frozenset(access.readable(user_id, str(caller.user_id))))


def _is_shared(caller: Caller, user_id: str, model_id: str) -> bool:
    shared = access.find(user_id, model_id)
    return shared is not None and (shared.everyone or caller.user_id in shared.users)


def no_model(user_id: str, model_id: str) -> NotFound:
    """What is said of a model that is not there, or of which the caller may not know."""
    return NotFound(f"There is no model {user_id}/{model_id}")
