"""API tokens: what machines show in place of a person's JWT."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.registry.callers import ModelScope
from chalicelib.schema.documents import Timestamp
from chalicelib.schema.fields import UserId
from chalicelib.schema.history import Actor
from chalicelib.schema.requests import PageQuery

Label = Annotated[
    str, Meta(description="What the token is for.", examples=["ci"], min_length=1, max_length=100)
]


class TokenRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for an API token for oneself."""

    label: Label
    scopes: Annotated[
        list[ModelScope],
        Meta(description="What it may do; no more than you may yourself.", min_length=1, max_length=3),
    ]
    expires_in_days: Annotated[
        Annotated[int, Meta(ge=1, le=366)] | None,
        Meta(description="Days until it expires: 90 unless named, or the most that the operator allows."),
    ] = None


class TokensQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose API tokens to list."""

    user_id: Annotated[UserId | None, Meta(description="For admins: another user's.")] = None


class TokenDocument(Struct, kw_only=True):
    """What is known of an API token."""

    token_id: str
    label: Label
    scopes: list[ModelScope]
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Annotated[
        Timestamp | None, Meta(description="The first use on the last day on which it was used.")
    ] = None
    last_used_from: Annotated[str | None, Meta(description="The network address of that use.")] = None


class NewToken(TokenDocument, kw_only=True):
    """A new API token, shown this once."""

    token: Annotated[str, Meta(description="The token itself. It is not kept: store it now.")]


class TokenList(Struct, kw_only=True):
    """A user's API tokens that have not expired, the newest first."""

    tokens: list[TokenDocument]


class TokenHistoryQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """A page of what was done to a user's API tokens."""

    user_id: Annotated[UserId | None, Meta(description="For admins: another user's.")] = None


class TokenEntry(Struct, kw_only=True):
    """One thing that was done to an API token, or by it for the first time in a day."""

    entry_id: str
    at: Timestamp
    action: Literal["create", "use", "revoke"]
    token_id: str
    label: Label
    scopes: list[ModelScope]
    expires_at: Timestamp
    actor: Actor


class TokenHistory(Struct, kw_only=True):
    """What was done to a user's API tokens, the newest first; only a null `next_token` means the end."""

    history: list[TokenEntry]
    limit: int
    next_token: str | None
