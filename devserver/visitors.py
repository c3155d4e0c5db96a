"""Which requests a browser may send here: those of the service's own pages, under a name that is the service's.

A browser sends the requests of any page to any address, this machine's included. The page can't read the answer, but a
form that it posts would be taken. A page whose name leads to this machine once it is loaded (DNS rebinding) could
read and delete as well; its name stands in Host. What is no browser names no page, and is let through.
"""

import re
from collections.abc import Iterable, Mapping

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""The names of this machine that no name server can lead elsewhere, with any port: one may be forwarded here."""

_AUTHORITY = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")


def by_name(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers under their names in lower case; values that came under one name are joined by commas."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def is_host(text: str) -> bool:
    """Whether a text in lower case is a host name or address, with or without a port."""
    return _AUTHORITY.fullmatch(text) is not None


def refusal(method: str, headers: Mapping[str, str], hosts: frozenset[str] = LOOPBACK) -> str | None:
    """Why a request is refused, and what to do; None where it may pass.

    `headers` are those of `by_name`. `hosts` are names in lower case, each with its port or for any port.
    """
    host = headers.get("host", "").lower()
    if not _answers_for(host, hosts):
        return f"Nothing is served under the host {host!r} here; use localhost or 127.0.0.1"
    origin = headers.get("origin")
    if origin is not None:
        # A browser's own word for "the page and the address are of one origin" is the page's scheme and Host.
        scheme, _, page = origin.lower().partition("://")
        same = scheme in ("http", "https") and page == host
        listed = scheme in ("http", "https") and _answers_for(page, hosts - LOOPBACK)
        return None if same or listed else f"A page of the origin {origin!r} may send no requests here"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _opens(method, headers):
        return "A page of another site may send no requests here"
    return None


def _answers_for(host: str, hosts: frozenset[str]) -> bool:
    parts = _AUTHORITY.fullmatch(host)
    return parts is not None and (host in hosts or parts[1] in hosts)


def _opens(method: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody follows a link to a page or a download: what comes is shown to them, not to the page with it
    (https://www.w3.org/TR/fetch-metadata/)."""
    fetched = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return method in ("GET", "HEAD") and fetched == ("navigate", "document")
