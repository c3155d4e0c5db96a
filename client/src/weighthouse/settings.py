"""Where the client finds the service, its token, and room for its notes."""

from __future__ import annotations

import atexit
import os
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from weighthouse.errors import WeighthouseError

DEFAULT_URL = "http://localhost:8000"
"""Where `make run` serves."""


class NotKept(UserWarning):
    """What the client would remember for the next run is not kept, and why."""


def kept_folder() -> Path:
    """The folder for what must outlive a process: journal, hashes, login. It need not be there.

    ``$XDG_STATE_HOME/weighthouse`` on any system, else where the system wants it: ``~/.local/state/weighthouse``, on
    macOS in ``~/Library/Application Support``, on Windows in ``%LOCALAPPDATA%``:
    https://specifications.freedesktop.org/basedir-spec/latest/. Raises `OSError` when there is no home.
    """
    if given := os.environ.get("XDG_STATE_HOME"):
        return Path(given) / "weighthouse"
    # Many commands need no folder.
    from platformdirs import user_state_path

    # A user of no name, as containers have them, and no HOME: an error, or from earlier ones "~" as it stands.
    with suppress(RuntimeError):
        folder = user_state_path("weighthouse", appauthor=False)
        if folder.is_absolute():
            return folder
    raise FileNotFoundError("there is no home folder")


def made_folder() -> Path:
    """The same, made for its owner alone; raises `OSError` when it can't be, or can't be written."""
    folder = kept_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} can't be written")
    return folder


def state_folder() -> Path:
    """The same; where it can't be written, a folder that goes with this process, which a warning says once."""
    try:
        return made_folder()
    except OSError as error:
        return _folder_for_now(str(error))


@cache
def _folder_for_now(problem: str) -> Path:
    # Few need them.
    import tempfile

    try:
        folder = Path(tempfile.mkdtemp(prefix="weighthouse-"))
    except OSError as error:
        raise WeighthouseError(
            f"There is no folder to write to: {problem}, and {error}; set XDG_STATE_HOME or TMPDIR to one"
        ) from error
    atexit.register(_remove, folder, os.getpid())
    not_kept(problem)
    return folder


def _remove(folder: Path, process: int) -> None:
    # A process that was forked ends before the one whose folder it is.
    if os.getpid() == process:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def not_kept(problem: str) -> None:
    """Warns that nothing is remembered, because of `problem`."""
    warnings.warn(
        f"Hashes and unfinished uploads are not remembered for the next run: {problem}; "
        "set XDG_STATE_HOME to a folder that can be written",
        NotKept,
        stacklevel=2,
    )
