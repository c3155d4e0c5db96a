"""Where tokens are kept: in the keyring of the operating system when there is one, else in a file of their own."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from weighthouse.addresses import is_private, same_service
from weighthouse.errors import WeighthouseError
from weighthouse.settings import kept_folder, made_folder
from weighthouse.systems import open_file

if TYPE_CHECKING:
    from pathlib import Path

_SERVICE = "weighthouse"
_FILE = "login.json"


def _read() -> dict[str, Any]:
    """``{"url": the last login's, "tokens": {url: token, or null where the keyring has it}}``."""
    try:
        kept = json.loads((kept_folder() / _FILE).read_bytes())
        return kept if isinstance(kept.get("tokens"), dict) else {"tokens": {}}
    except (OSError, ValueError, AttributeError):
        return {"tokens": {}}


def _write(kept: dict[str, Any]) -> Path:
    """Replaces the file whole, and returns its path; it is never readable for others, not even for a moment."""
    try:
        file = made_folder() / _FILE
        new = file.with_suffix(f".{os.getpid()}")
        descriptor = open_file(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            json.dump(kept, opened)
        new.replace(file)
    except OSError as error:
        raise WeighthouseError(
            f"The login can't be kept: {error}; set WEIGHTHOUSE_URL and WEIGHTHOUSE_TOKEN instead"
        ) from error
    return file


def _keyring() -> Any:
    """The keyring library, when it is installed and has somewhere to keep secrets; else None."""
    if find_spec("keyring") is None:
        return None
    import keyring
    from keyring.backends import fail

    return None if isinstance(keyring.get_keyring(), fail.Keyring) else keyring


def last_url() -> str | None:
    """The address of the last login, if there was one."""
    return cast("str | None", _read().get("url"))


def token_for(url: str) -> str | None:
    """The token that is kept for an address, if there is one."""
    tokens = _read()["tokens"]
    if url not in tokens:
        return None
    if tokens[url] is None and (keyring := _keyring()):
        try:
            return cast("str | None", keyring.get_password(_SERVICE, url))
        except keyring.errors.KeyringError as error:
            raise WeighthouseError(
                f"The keyring can't be read: {error}; unlock it, or set WEIGHTHOUSE_TOKEN and WEIGHTHOUSE_URL"
            ) from error
    return cast("str | None", tokens[url])


class Found(NamedTuple):
    """What there is to say who is calling."""

    token: str | None
    """What is sent to the address; None where there is nothing that may be."""
    origin: str
    """Where it comes from."""
    withheld: str | None = None
    """Why a token that there is does not go to the address."""


def find_token(url: str) -> Found:
    """The token for an address: `WEIGHTHOUSE_TOKEN` for that of `WEIGHTHOUSE_URL`, else of the last login, only.

    Whoever can name an address, as a script or a page that is copied from does, would get the token otherwise. For
    any address it is the one that `weighthouse login` keeps for it. None goes over plain http to another machine.
    """
    token, origin, withheld = os.environ.get("WEIGHTHOUSE_TOKEN"), "WEIGHTHOUSE_TOKEN", None
    if token:
        home = os.environ.get("WEIGHTHOUSE_URL") or last_url()
        if home is None or not same_service(home, url):
            withheld = (
                f"WEIGHTHOUSE_TOKEN is not sent, as it goes with WEIGHTHOUSE_URL alone: set that to {url}"
            )
    if not token or withheld:
        token, origin = token_for(url), "the last login"
    if token and not is_private(url):
        token, withheld = None, f"the token of {origin} is not sent over plain http: use https"
    return Found(token, origin, withheld if not token else None)


def keep(url: str, token: str | None) -> str:
    """Makes `url` the address to use, keeps its token, and says where."""
    kept = _read()
    keyring = _keyring() if token else None
    if keyring:
        keyring.set_password(_SERVICE, url, token)
    tokens = {**kept["tokens"], url: None if keyring else token}
    if token is None:
        tokens.pop(url)
    file = _write({"url": url, "tokens": tokens})
    return "the keyring" if keyring else str(file)


def forget(url: str) -> bool:
    """Removes what is kept for an address; whether there was anything."""
    kept = _read()
    known = url in kept["tokens"] or kept.get("url") == url
    if url in kept["tokens"] and kept["tokens"].pop(url) is None and (keyring := _keyring()):
        keyring.delete_password(_SERVICE, url)
    if kept.get("url") == url:
        del kept["url"]
    if known:
        _write(kept)
    return known
