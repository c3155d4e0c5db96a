"""What the person at the terminal is told."""

from contextlib import suppress


class Halt(Exception):
    """Something outside must change first; the message says what, and is shown without a traceback."""


def say(text: str) -> None:
    """Tells whoever started the server, if they still listen."""
    with suppress(BrokenPipeError):
        print(text, flush=True)
