"""Which addresses the client speaks to, and which of them hear its token."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from weighthouse.errors import InvalidInput


def check_service(url: str) -> None:
    """Raises `InvalidInput` when a service can't be at an address."""
    problem = None
    try:
        parts = _parts(url)
    except ValueError:
        problem = "it must be like https://host/stage or http://localhost:8000"
    else:
        if parts.username is not None or parts.query or parts.fragment:
            problem = "it must have no user, query or fragment"
    if problem:
        raise InvalidInput(f"The service's address is {url!r}; {problem}")


def check_token(token: str, url: str) -> None:
    """Raises `InvalidInput` when a token is none, or could be read by others on its way to an address."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("That is no token: it must be one word of ASCII characters")
    if not is_private(url):
        raise InvalidInput(
            f"A token is not sent to {origin(url)} over plain http, where others can read it: use https"
        )


def origin(url: str) -> str:
    """The part of an address that says which host, without what makes a presigned URL a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def same_service(one: str, other: str) -> bool:
    """Whether two addresses are of one service; the case of the host, and the usual port, do not matter."""
    try:
        first, second = (
            (parts.scheme, parts.hostname, parts.port or _port(parts), parts.path.rstrip("/"))
            for parts in (_parts(one), _parts(other))
        )
    except ValueError:
        return False
    return first == second


def is_private(url: str) -> bool:
    """Whether nobody between here and the service can read along: over TLS, or without leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: localhost (RFC 6761, section 6.3), 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def store_problem(url: str, service: str) -> str | None:
    """Why a URL that the service at `service` handed out is not used; None when it may be.

    A store is reached by https, and by plain http where the service is.
    """
    try:
        parts = _parts(url)
    except ValueError:
        return "it must be an address of https"
    if parts.username is not None:
        return "it must have no user in it"
    if parts.scheme == "http" and urlsplit(service).scheme == "https":
        return "it must be one of https, as the service's own is"
    return None


def _parts(url: str) -> SplitResult:
    """The parts of an address of http or https; raises `ValueError`."""
    parts = urlsplit(url)
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(url)
    return parts


def _port(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80
