"""The command `weighthouse`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command on the process's arguments, and exits with one of the statuses of `weighthouse.cli.exits`."""
    from weighthouse.cli.running import prepare, run

    prepare()
    sys.exit(run(sys.argv[1:]))
