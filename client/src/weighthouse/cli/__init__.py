"""The command `weighthouse`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command on the process's arguments, and exits with one of the statuses of `weighthouse.cli.exits`."""
    from weighthouse.cli.running import prepare, run

    prepare()
    try:
        status = run(sys.argv[1:])
    except SystemExit as stop:
        status = int(stop.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would wait for threads, and these for answers that a stalled network never brings.
    os._exit(status)
