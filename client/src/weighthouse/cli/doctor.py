"""Looking for what is wrong with a connection: `doctor`."""

from __future__ import annotations

import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import click

from weighthouse import login
from weighthouse.answers import HEALTH, LARGEST, parse, read
from weighthouse.cli import exits
from weighthouse.cli.access import probe
from weighthouse.cli.session import Session, common, pass_session
from weighthouse.cli.text import duration, plain, size
from weighthouse.errors import InvalidAnswer, NotAuthenticated, Unreachable, WeighthouseError

_TIMEOUT = 15.0
"""Seconds for the first answer: a function that starts cold takes some."""
_SKEW = 60.0
"""Seconds that a clock may be wrong before that is said."""
_SAMPLE = 16 << 20
"""Bytes that are sent and fetched: more than one part, and no burden."""


@dataclass(frozen=True)
class Check:
    """What was looked at; `ok` is None where there was nothing to look at."""

    check: str
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class _Answer:
    """What /health said; times in seconds."""

    health: dict[str, Any]
    took: float
    ahead: float
    """By how much this machine's clock is ahead of the service's."""


@click.command("doctor")
@click.argument("user", metavar="[USER]", required=False)
@common
@pass_session
def doctor_command(session: Session, /, user: str | None) -> int:
    """Check the connection, and say what to do.

    Looks at the address, the service and its stores, your clock and your token, and at how fast files travel: for that
    a small model of USER is sent, fetched and deleted. USER must be you where the service asks who you are.
    """
    well = True
    for check in _checks(session, user):
        well = well and check.ok is not False
        if session.json:
            session.emit(asdict(check))
        else:
            _show(session, check)
    return exits.OK if well else exits.ERROR


def _show(session: Session, check: Check) -> None:
    from rich.text import Text

    sign, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("–", "dim")}[check.ok]
    line = Text.assemble((sign, style), f" {check.check:<9} ", plain(check.detail))
    session.console.print(line, soft_wrap=True)


def _checks(session: Session, user: str | None) -> Iterator[Check]:
    url = session.client.url
    yield Check("address", True, f"{url} ({_origin(session)})")
    try:
        answer = _ask(url)
    except Unreachable as error:
        yield Check("service", False, error.detail)
        return
    yield Check("service", True, f"answers in {answer.took * 1000:.0f} ms")
    yield _stores(answer.health)
    yield _clock(answer.ahead)
    token = _token(url)
    yield token
    if token.ok is False:
        return
    if user is None and token.ok:
        yield Check("transfer", None, "not tried; name yourself: `weighthouse doctor USER`")
        return
    yield from _transfer(session, user or "doctor")


def _origin(session: Session) -> str:
    if session.url:
        return "as given"
    if os.environ.get("WEIGHTHOUSE_URL"):
        return "from WEIGHTHOUSE_URL"
    return "from the last login" if login.last_url() else "where `make run` serves, as no other is known"


def _ask(url: str) -> _Answer:
    """What /health says, asked once; raises `Unreachable` with what to do."""
    began, at = time.monotonic(), time.time()
    try:
        # Transport has only seen to it that this is http or https.
        with urllib.request.urlopen(f"{url}/health", timeout=_TIMEOUT) as answer:  # noqa: S310
            date, said = answer.headers.get("Date"), answer.read(LARGEST)
    except urllib.error.HTTPError as error:
        date, said = error.headers.get("Date"), error.read(LARGEST)
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", None) or error
        raise Unreachable(f"can't be reached: {cause}; does it run, and is the address right?") from error
    took = time.monotonic() - began
    try:
        health = read(parse(said), HEALTH)
        # A Date is cut to whole seconds, and was made some time after the question.
        ahead = at + took / 2 - parsedate_to_datetime(date).timestamp() - 0.5 if date else 0.0
    except (ValueError, TypeError, OverflowError, InvalidAnswer):
        raise Unreachable(
            "does not answer as Weighthouse does; is the address right, with its stage?"
        ) from None
    return _Answer(health, took, ahead)


def _stores(health: dict[str, Any]) -> Check:
    if health["service"] == "ok":
        return Check("stores", True, "the service reaches its bucket and its table")
    detail = health.get("detail") or "the service can't reach its bucket or its table"
    return Check("stores", False, f"{detail}; tell whoever runs it")


def _clock(ahead: float) -> Check:
    if abs(ahead) <= _SKEW:
        return Check("clock", True, f"within {max(1, round(abs(ahead)))} s of the service's")
    side = "ahead of" if ahead > 0 else "behind"
    return Check(
        "clock",
        False,
        f"{duration(abs(ahead))} {side} the service's; set it, or tokens and links may not work",
    )


def _token(url: str) -> Check:
    """Whether a token is needed, and works; `ok` is None where none is needed."""
    try:
        probe(url, None)
        return Check("token", None, "not needed: the service asks nobody who they are")
    except NotAuthenticated as refused:
        found = login.find_token(url)
        if not found.token:
            return Check(
                "token", False, f"{refused.detail}; {found.withheld or '`weighthouse login` keeps one'}"
            )
    except WeighthouseError as error:
        return Check("token", False, error.detail)
    try:
        probe(url, found.token)
    except WeighthouseError as error:
        return Check("token", False, f"that of {found.origin} is refused: {error.detail}")
    return Check("token", True, f"that of {found.origin} is accepted")


def _transfer(session: Session, user: str) -> Iterator[Check]:
    """Sends, fetches and deletes a model."""
    client, model = session.client, f"doctor-{os.urandom(4).hex()}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "sample.bin")
        source.write_bytes(os.urandom(_SAMPLE))
        sent = _timed("upload", lambda: client.push(source, user, model, "v1"))
        yield sent
        if not sent.ok:
            return
        try:
            yield _timed("download", lambda: client.pull(user, model, "v1", directory=Path(folder, "copy")))
        finally:
            client.delete(user, model, "v1")


def _timed(check: str, transfer: Callable[[], object]) -> Check:
    began = time.monotonic()
    try:
        transfer()
    except (WeighthouseError, OSError) as error:
        return Check(check, False, str(error))
    took = time.monotonic() - began
    return Check(check, True, f"{size(_SAMPLE)} in {duration(took)} ({size(_SAMPLE / took)}/s), checked")
