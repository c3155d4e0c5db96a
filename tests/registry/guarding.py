"""A service that knows its callers by JWT, and tokens for it."""

import time

import jwt

from chalicelib.registry import api_tokens
from chalicelib.settings import settings

SECRET = "s" * 32
READ, WRITE, ADMIN = "models:read", "models:write", "models:admin"


def bearer(user, *scopes, **claims):
    """A JWT that is good for ten minutes, unless the claims say otherwise."""
    known = {"iss": "us", "aud": "weighthouse", "sub": user, "scope": " ".join(scopes)}
    return jwt.encode(known | {"exp": time.time() + 600} | claims, SECRET, "HS256")


def guard(monkeypatch, folder):
    """Lets the service know its callers by JWT from now on."""
    (folder / "secret").write_text(SECRET)
    for name, value in {
        "AUTH": "jwt",
        "JWT_ISSUER": "us",
        "JWT_AUDIENCE": "weighthouse",
        "JWT_SECRET": f"file:{folder}/secret",
    }.items():
        monkeypatch.setenv(f"WEIGHTHOUSE_{name}", value)
    settings.cache_clear()
    monkeypatch.setattr(api_tokens, "_known", {})
