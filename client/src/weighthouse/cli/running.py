"""One run of the command: from its arguments to its exit status."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from weighthouse.cli import exits
from weighthouse.cli.app import app
from weighthouse.cli.session import Session
from weighthouse.errors import WeighthouseError
from weighthouse.settings import NotKept


def run(arguments: Sequence[str]) -> int:
    """Runs one command, tells what went wrong on stderr, and gives the exit status."""
    session = Session()
    with warnings.catch_warnings():
        warnings.simplefilter("once", NotKept)
        warnings.showwarning = lambda message, *_: session.note(str(message))
        return _run(arguments, session)


def _run(arguments: Sequence[str], session: Session) -> int:
    try:
        status = app.main(arguments, prog_name="weighthouse", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return int(status or exits.OK)
    except BrokenPipeError:
        return _nobody_reads()
    except (click.Abort, KeyboardInterrupt) as stop:
        return exits.tell_stopped(isinstance(stop, exits.Interrupted), "--json" in arguments)
    except (click.ClickException, WeighthouseError, OSError) as error:
        return exits.tell(error, "--json" in arguments)


def prepare() -> None:
    """Has SIGTERM end the process as Ctrl-C does, and odd characters never end it."""
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _terminate(number: int, frame: object) -> NoReturn:
    # The cursor is shown again, workers end, and what is on its way is kept for the next run.
    raise SystemExit(128 + number)


def _nobody_reads() -> int:
    # Without this Python complains once more when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exits.ERROR
