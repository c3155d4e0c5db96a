"""API tokens: what machines show in place of a person's JWT."""

from typing import Annotated

from msgspec import Meta, Struct

from chalicelib.registry.callers import Scope
from chalicelib.schema.documents import Timestamp
from chalicelib.schema.fields import UserId

Label = Annotated[
    str, Meta(description="What the token is for.", examples=["ci"], min_length=1, max_length=100)
]


class TokenRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for an API token for oneself."""

    label: Label
    scopes: Annotated[
        list[Scope],
        Meta(description="What it may do; no more than you may yourself.", min_length=1, max_length=3),
    ]
    expires_in_days: Annotated[int, Meta(description="Days until it expires.", ge=1, le=366)] = 90


class TokensQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose API tokens to list."""

    user_id: Annotated[UserId | None, Meta(description="For admins: another user's.")] = None


class TokenDocument(Struct, kw_only=True):
    """What is known of an API token."""

    token_id: str
    label: Label
    scopes: list[Scope]
    created_at: Timestamp
    expires_at: Timestamp


class NewToken(TokenDocument, kw_only=True):
    """A new API token, shown this once."""

    token: Annotated[str, Meta(description="The token itself. It is not kept: store it now.")]


class TokenList(Struct, kw_only=True):
    """A user's API tokens that have not expired, the newest first."""

    tokens: list[TokenDocument]
