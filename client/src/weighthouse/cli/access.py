"""The service's address and the token for it: `login`, `logout`."""

from __future__ import annotations

import sys

import click

from weighthouse import login
from weighthouse.addresses import check_token
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import plain
from weighthouse.errors import NotAuthenticated

_NOBODY = "/ai-models/nobody"
"""What anybody may ask for who is known: somebody's list, which is empty when nothing is shared."""


@click.command("login")
@click.argument("address", metavar="[URL]", required=False)
@common
@pass_session
def login_command(session: Session, /, address: str | None) -> None:
    """Keep a service's address and your token for it.

    The token is asked for, or read from standard input; it is tried before it is kept, in the keyring of the operating
    system where there is one, else in a file that only you can read. A service that asks nobody who they are needs
    none.
    """
    session.url = address or session.url
    url = session.client.url
    try:
        probe(url, None)
        token = None
    except NotAuthenticated:
        check_token("any", url)
        token = _read_token(url)
        check_token(token, url)
        probe(url, token)
    place = login.keep(url, token)
    kept = f"the token is in {place}" if token else "it asks nobody who they are, so no token is needed"
    session.done(f"{plain(url)} is the service from now on; {kept}")
    if session.json:
        session.emit({"url": url, "token_in": place if token else None})


@click.command("logout")
@click.argument("address", metavar="[URL]", required=False)
@common
@pass_session
def logout_command(session: Session, /, address: str | None) -> None:
    """Forget the token and the address.

    The token itself stays valid until it expires or is revoked.
    """
    session.url = address or session.url
    url = session.client.url
    known = login.forget(url)
    session.done(f"{plain(url)}: {'forgotten' if known else 'nothing was kept for it'}")
    if session.json:
        session.emit({"url": url, "forgotten": known})


def probe(url: str, token: str | None) -> None:
    """Asks for something that needs nothing but to be known; raises what the service answers."""
    from weighthouse.errors import Forbidden
    from weighthouse.transport import Transport

    transport = Transport(url, token)
    try:
        transport.ask("GET", _NOBODY, query={"limit": 1})
    except Forbidden:
        # Known, but a token that may only write, or nothing: what it may do is not asked here.
        pass
    finally:
        transport.close()


def _read_token(url: str) -> str:
    if sys.stdin.isatty():
        token: str = click.prompt(f"Token for {plain(url)}", hide_input=True, err=True)
    else:
        token = sys.stdin.readline()
    # A file that Windows made may begin with a mark of its encoding.
    return token.strip("\ufeff \t\r\n")
