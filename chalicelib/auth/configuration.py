"""Whether the settings by which tokens are checked fit together."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from chalicelib.errors import WeighthouseError
from chalicelib.settings import Settings, settings

SECRET_ARN = re.compile(r"arn:aws[a-z-]*:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:.+")
"""A secret of Secrets Manager, or a parameter of SSM."""


def check_settings() -> None:
    """Raises `WeighthouseError` as `check` does for the settings of this process."""
    check(settings())


@lru_cache(maxsize=1)
def check(given: Settings) -> None:
    """Raises `WeighthouseError`, which names the settings and says what to do, unless they fit together."""
    if given.auth != "jwt":
        return
    for name in ("jwt_issuer", "jwt_audience", "jwt_user_claim", "jwt_scopes_claim"):
        if not getattr(given, name):
            raise WeighthouseError(f"WEIGHTHOUSE_AUTH=jwt needs WEIGHTHOUSE_{name.upper()}, which is not set")
    if bool(given.jwt_jwks_url) == bool(given.jwt_secret):
        raise WeighthouseError(
            "WEIGHTHOUSE_AUTH=jwt needs either WEIGHTHOUSE_JWT_JWKS_URL, for an issuer with public keys, or"
            f" WEIGHTHOUSE_JWT_SECRET, for HS256; {'both are' if given.jwt_secret else 'neither is'} set"
        )
    if given.jwt_jwks_url and not _is_safe(given.jwt_jwks_url):
        raise WeighthouseError(
            f"WEIGHTHOUSE_JWT_JWKS_URL is {given.jwt_jwks_url!r}: it must begin with https://, because who can"
            " change the keys on their way can be anyone (http:// is for issuers on this machine alone)"
        )
    if given.jwt_secret and not (
        given.jwt_secret.startswith("file:") or SECRET_ARN.fullmatch(given.jwt_secret)
    ):
        raise WeighthouseError(
            "WEIGHTHOUSE_JWT_SECRET must say where the secret is, never what it is: the ARN of a secret in Secrets"
            " Manager, the ARN of a parameter of SSM, or file: and a path"
        )


def _is_safe(url: str) -> bool:
    """Whether what comes from there is what was sent: over TLS, or from this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)))
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
