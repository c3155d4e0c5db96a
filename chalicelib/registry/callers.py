"""Who asks, and what they may ask for at all; whose things they may see is a matter of `access`."""

from dataclasses import dataclass
from typing import Literal

from chalicelib.schema.history import Actor

ModelScope = Literal["models:read", "models:write", "models:admin"]
Scope = ModelScope | Literal["tokens:write"]

READ: ModelScope = "models:read"
WRITE: ModelScope = "models:write"
ADMIN: ModelScope = "models:admin"
TOKENS: Scope = "tokens:write"

IMPLIED: dict[Scope, frozenset[Scope]] = {
    READ: frozenset({READ}),
    WRITE: frozenset({READ, WRITE, TOKENS}),
    ADMIN: frozenset({READ, WRITE, ADMIN, TOKENS}),
    TOKENS: frozenset({TOKENS}),
}
"""What each scope allows: who may write may read and make API tokens, and an admin may do so with any user's models."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: a user, or anyone where authentication is off."""

    user_id: str | None
    """The user; None for anyone."""
    scopes: frozenset[Scope]
    """What the caller was given, without what that implies."""
    token_id: str | None = None
    """The API token by which they came, None for any other way."""
    address: str = ""
    """The network address that the request came from; empty where it is not known."""

    @property
    def actor(self) -> Actor:
        """The caller as the audit trail names them."""
        return Actor(user_id=self.user_id, token_id=self.token_id, address=self.address)

    def may(self, scope: Scope) -> bool:
        """Whether one of the caller's scopes allows what this scope does."""
        return any(scope in IMPLIED[given] for given in self.scopes)


def anyone(address: str = "") -> Caller:
    """Whoever asks where authentication is off: everybody may do everything."""
    return Caller(None, frozenset({ADMIN}), address=address)
