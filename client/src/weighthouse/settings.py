"""Where the client finds the service, its token, and room for its notes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DEFAULT_URL = "http://localhost:8000"
"""Where `make run` serves."""


def state_folder() -> Path:
    """The folder for what must outlive a process: journal, hashes, login; made for its owner alone.

    ``$XDG_STATE_HOME/weighthouse``, else ``~/.local/state/weighthouse``, on macOS in ``~/Library/Application
    Support``: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if given := os.environ.get("XDG_STATE_HOME"):
        base = Path(given)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path.home() / ".local" / "state"
    folder = base / "weighthouse"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
