"""Exit statuses, and how an error is told."""

from __future__ import annotations

import json
from typing import Any

import click

from weighthouse import errors
from weighthouse.cli.text import plain

OK = 0
ERROR = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
REFUSED = 5
UNAVAILABLE = 6
MISMATCH = 7
STOPPED = 130

_BY_ERROR: tuple[tuple[type[Exception], int], ...] = (
    (click.UsageError, USAGE),
    (errors.InvalidInput, USAGE),
    (errors.InvalidRequest, USAGE),
    (errors.NotFound, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.LocalEdits, CONFLICT),
    (errors.NotAuthenticated, REFUSED),
    (errors.Forbidden, REFUSED),
    (errors.Unreachable, UNAVAILABLE),
    (errors.Unavailable, UNAVAILABLE),
    (errors.InvalidAnswer, UNAVAILABLE),
    (errors.ContentMismatch, MISMATCH),
    (errors.FileChanged, MISMATCH),
)


class Interrupted(click.Abort):
    """Ctrl-C in a transfer, which resumes when it is repeated."""


def status_of(error: Exception) -> int:
    """The exit status for an error."""
    return next((status for kind, status in _BY_ERROR if isinstance(error, kind)), ERROR)


def tell(error: Exception, as_json: bool) -> int:
    """Says on stderr what went wrong, in one line or as JSON, and gives the exit status."""
    status = status_of(error)
    about = {"type": type(error).__name__, "detail": _detail(error), "exit_status": status}
    for known in ("status", "request_id"):
        if isinstance(error, errors.ServiceError) and (value := getattr(error, known)) is not None:
            about[known] = value
    _write(about, as_json, hint=_hint(error))
    return status


def tell_stopped(goes_on: bool, as_json: bool) -> int:
    """Says on stderr that Ctrl-C ended it, and gives the exit status."""
    hint = "; the same command goes on with what is missing" if goes_on else ""
    _write({"type": "Stopped", "detail": "stopped", "exit_status": STOPPED}, as_json, hint=hint)
    return STOPPED


def _write(about: dict[str, Any], as_json: bool, *, hint: str) -> None:
    line = json.dumps({"error": about}) if as_json else f"weighthouse: {plain(about['detail'])}{hint}"
    click.echo(line, err=True)


def _detail(error: Exception) -> str:
    if isinstance(error, errors.WeighthouseError):
        return error.detail
    if isinstance(error, click.ClickException):
        return error.format_message().rstrip(".")
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _hint(error: Exception) -> str:
    if isinstance(error, errors.NotAuthenticated):
        return "; log in with `weighthouse login`, or set WEIGHTHOUSE_TOKEN and WEIGHTHOUSE_URL"
    if isinstance(error, errors.Unreachable):
        return "; `weighthouse doctor` looks for the cause"
    if isinstance(error, click.UsageError) and error.ctx:
        return f"; see {error.ctx.command_path} --help"
    return ""
