"""Who may read a model beside its owner."""

from typing import Annotated

from msgspec import Meta, Struct, field

from chalicelib.schema.documents import Timestamp
from chalicelib.schema.fields import UserId

Everyone = Annotated[bool, Meta(description="Whether everyone who is authenticated may read it.")]
Users = Annotated[
    list[UserId], Meta(description="The users who may read it, beside its owner.", max_length=1_000)
]


class AccessChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Says who may read a model from now on, beside its owner; what is not named is nobody."""

    everyone: Everyone = False
    users: Users = field(default_factory=list)


class AccessDocument(Struct, kw_only=True):
    """Who may read a model beside its owner: get, list and search its versions, and download their files."""

    user_id: str
    model_id: str
    everyone: Everyone = False
    users: Users = field(default_factory=list)
    updated_at: Annotated[Timestamp | None, Meta(description="Null while it is not shared.")] = None
