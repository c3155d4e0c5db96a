"""The audit trail: who did what to which version of a model, when, and from where."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.schema.documents import Timestamp

Action = Literal["create", "update", "delete", "share", "download"]
"""Downloads are counted since 0.2, and no more noted; what was noted can still be read."""


class Actor(Struct, kw_only=True):
    """Who did something."""

    user_id: Annotated[str | None, Meta(description="The user; null where authentication is off.")]
    token_id: Annotated[str | None, Meta(description="The API token that was used, if any.")] = None
    address: Annotated[str, Meta(description="The network address that the request came from.")] = ""


class HistoryEntry(Struct, kw_only=True):
    """One thing that was done."""

    entry_id: str
    at: Timestamp
    action: Action
    version: Annotated[str | None, Meta(description="The version; null for what concerns the model.")] = None
    actor: Actor
    fields: Annotated[list[str] | None, Meta(description="The fields that an update changed.")] = None
    filename: Annotated[
        str | None,
        Meta(description="The file that was downloaded; null for the ZIP, and for URLs of a page of files."),
    ] = None
    everyone: Annotated[bool | None, Meta(description="Whether all may read the model since then.")] = None
    users: Annotated[list[str] | None, Meta(description="Who may read the model since then.")] = None


class HistoryPage(Struct, kw_only=True):
    """A page of what was done to a model, the newest first; only a null `next_token` means the end."""

    history: list[HistoryEntry]
    limit: int
    next_token: str | None
