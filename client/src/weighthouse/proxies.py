"""Which proxy a request goes by: what the environment names, or the settings of macOS and Windows."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from weighthouse.errors import InvalidInput


class Proxy(NamedTuple):
    """A proxy, and what it has to hear to let a request pass."""

    url: str
    """Without user and password."""
    headers: tuple[tuple[str, str], ...] = ()


def proxy_for(url: str) -> Proxy | None:
    """The proxy for an address; None where it is asked directly.

    That of the address's scheme, else of ``ALL_PROXY``; ``NO_PROXY`` excepts hosts, with or without a port. Raises
    `InvalidInput` when what is named is no proxy of HTTP.
    """
    parts = urlsplit(url)
    named = getproxies()
    given = named.get(parts.scheme) or named.get("all")
    if not given or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return read_proxy(given)


def read_proxy(given: str) -> Proxy:
    """The proxy that a setting names; one without a scheme speaks http, as curl has it. Raises `InvalidInput`.

    User and password may be percent-encoded, and must be where they hold ``/``, ``?`` or ``#``:
    https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1. They are sent in UTF-8, as
    https://www.rfc-editor.org/rfc/rfc7617#section-2.1 has it.

    >>> read_proxy("ana:p%40ss@proxy:3128")
    Proxy(url='http://proxy:3128', headers=(('Proxy-Authorization', 'Basic YW5hOnBAc3M='),))
    """
    given = given.strip()
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        is_one = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        # It may have a password in it, which an error must not repeat.
        raise InvalidInput(
            "The proxy that the environment names must be like http://host:3128 or http://user:password@host:3128, "
            "with / ? and # in a password percent-encoded; proxies of SOCKS can't be used"
        )
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.username is None:
        return Proxy(url)
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(url, (("Proxy-Authorization", f"Basic {b64encode(credentials.encode()).decode()}"),))
