"""`python -m devserver` serves; `python -m devserver rebuild [--dry-run]` makes the index again from the bucket."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

from devserver.console import Halt
from devserver.options import Options
from devserver.server import rebuild, serve
from devserver.variables import check_names

_COMMANDS: dict[tuple[str, ...], Callable[[Options], None]] = {
    (): serve,
    ("rebuild",): rebuild,
    ("rebuild", "--dry-run"): partial(rebuild, dry_run=True),
}


def main(arguments: list[str]) -> int:
    """Does what is asked and gives the exit status."""
    command = _COMMANDS.get(tuple(arguments))
    if command is None:
        print("usage: python -m devserver [rebuild [--dry-run]]", file=sys.stderr)
        return 2
    # Whatever it writes is for its user alone, and so is what the AWS stand-in writes.
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("devserver").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_names(os.environ)
        command(Options.from_environment())
    except Halt as reason:
        print(f"Weighthouse: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    logging.shutdown()
    # Runs that are still going end like those of a machine that goes away, which they are made to survive.
    os._exit(status)
