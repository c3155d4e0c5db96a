"""What `make run` can be told, and the port that it serves on."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from devserver.console import Halt
from devserver.visitors import is_host


@dataclass(frozen=True, slots=True)
class Options:
    """The variables PORT (0 takes any free one), DATA_DIR and ALLOWED_HOSTS."""

    port: int
    data_dir: Path
    allowed_hosts: frozenset[str] = frozenset()
    """Names, in lower case, under which browsers or a proxy reach it beside this machine's own."""

    @classmethod
    def from_environment(cls) -> "Options":
        """The options of this process; `Halt` when PORT is no port, or a host is none."""
        port = os.environ.get("PORT") or "8000"
        if not port.isascii() or not port.isdecimal() or int(port) > 65_535:
            raise Halt(f"PORT is {port!r}: it must be a number from 0 to 65535.")
        data_dir = Path(os.environ.get("DATA_DIR") or ".data").expanduser().absolute()
        return cls(int(port), data_dir, _hosts(os.environ.get("ALLOWED_HOSTS", "")))


def _hosts(text: str) -> frozenset[str]:
    names = frozenset(filter(None, (name.strip().lower() for name in text.split(","))))
    for name in names:
        if not is_host(name):
            raise Halt(
                f"ALLOWED_HOSTS has {name!r}: name hosts, each with its port or for any port, with"
                " commas between, as in models.example.org,models.lan:8443."
            )
    return names


def listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1; `Halt` when the port is taken or not allowed."""
    if port and _answers(port):
        raise _taken(port)
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, the body of an answer waits
    # some 40 ms for the client to acknowledge the head.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    # Without it a restart has to wait until the connections of the last run are forgotten.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except PermissionError:
        raise Halt(f"Port {port} is for root alone: choose one from 1024, as in PORT=8080.") from None
    except OSError:
        raise _taken(port) from None
    return listener


def _answers(port: int) -> bool:
    # Binding alone does not tell: macOS lets 127.0.0.1 share a port with a program that listens on every
    # address, and "localhost" may lead a client to one that listens on ::1.
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def _taken(port: int) -> Halt:
    other = port + 1 if port < 65_535 else 8000
    return Halt(f"Port {port} is taken by another program: choose another, as in PORT={other}.")
