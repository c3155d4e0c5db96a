"""An issuer of tokens, and the settings of a service that trusts it."""

import time

import jwt

SECRET = "a secret of thirty-two bytes and more"
KNOWN = {
    "WEIGHTHOUSE_AUTH": "jwt",
    "WEIGHTHOUSE_JWT_ISSUER": "https://issuer.example/",
    "WEIGHTHOUSE_JWT_AUDIENCE": "weighthouse",
}


def token(user: str, scope: str) -> str:
    """A JWT that is good for ten minutes."""
    claims = {"iss": "https://issuer.example/", "aud": "weighthouse", "exp": time.time() + 600}
    return jwt.encode({**claims, "sub": user, "scope": scope}, SECRET, "HS256")
