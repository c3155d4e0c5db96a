"""The emulator's process: MiniStack under the Python of its own environment, on a socket that it is given.

Its standard input is a pipe that nobody writes to: its end is the sign to stop, and comes also when the
server that holds the other end is killed. Only a stop in this way writes the tables to the disk.

    python -m devserver.emulator_main SOCKET [shielded]

Shielded, it takes only what is signed with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; see `shield`.
"""

# mypy: disable-error-code="import-not-found"
import asyncio
import os
import resource
import signal
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

from devserver.asgi import Application
from devserver.shield import Shield
from devserver.signatures import Keys

_LONG = 600
"""Seconds for reading and writing the tables."""


async def main(listener: int, application: Application) -> None:
    """Serves on the listening socket with this file descriptor until standard input ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stop.set()

    loop.add_reader(sys.stdin.fileno(), end)
    loop.add_signal_handler(signal.SIGTERM, end)
    config = Config()
    config.bind = [f"fd://{listener}"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.startup_timeout = config.shutdown_timeout = _LONG
    await serve(application, config, shutdown_trigger=stop.wait)


def _shielded() -> Application:
    return Shield(app, Keys(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]))


if __name__ == "__main__":
    # It is started where its code is, and works where its data are.
    os.chdir(os.environ["HOME"])
    # macOS starts with 256 open files, fewer than a burst of part uploads takes.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    asyncio.run(main(int(sys.argv[1]), _shielded() if sys.argv[2:] == ["shielded"] else app))
