"""A service that knows its callers: the settings for it, and the people who ask it."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import jwt

from benchmarks._service import USER, Client, Refused

SECRET = "a secret of these trials alone, with 32 bytes"
ISSUER, AUDIENCE = "https://issuer.example/", "weighthouse"
SCOPE = "models:write"
READER, STRANGER = "reader", "stranger"
"""One with whom models are shared now and then, and one with whom none is ever shared."""
DAY = 86_400


def known_callers(folder: Path) -> dict[str, str]:
    """The variables with which a service knows its callers by the JWTs of `bearer`; the secret lies in the folder."""
    file = folder / "secret"
    file.write_text(SECRET)
    return {
        "WEIGHTHOUSE_AUTH": "jwt",
        "WEIGHTHOUSE_JWT_ISSUER": ISSUER,
        "WEIGHTHOUSE_JWT_AUDIENCE": AUDIENCE,
        "WEIGHTHOUSE_JWT_SECRET": f"file:{file}",
    }


def bearer(user: str = USER) -> str:
    """A JWT of this user, good for a day."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "scope": SCOPE, "exp": time.time() + DAY}
    return jwt.encode(claims, SECRET, "HS256")


def is_refused(client: Client, statuses: Collection[int], method: str, path: str, **options: Any) -> bool:
    """Whether a request is refused with one of these statuses; another refusal is raised."""
    try:
        client.ask(method, path, **options)
    except Refused as refusal:
        if refusal.status not in statuses:
            raise
        return True
    return False


def as_user(client: Client, user: str) -> Client:
    """A client of the same service for another user, as it is reached now."""
    return Client(client.url, bearer(user))
