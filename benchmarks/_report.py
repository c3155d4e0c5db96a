"""How benchmarks print: what they ran on, and tables."""

import os
import platform
import sys
from collections.abc import Sequence


def machine() -> str:
    """The machine in one line: figures mean little without it."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def progress(text: str) -> None:
    """Says on a terminal what is going on, in place of what was said before."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="\r", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their head: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def verdict(broken: Sequence[str]) -> int:
    """Prints the limits that are broken, and gives the exit status."""
    print("\n" + "\n".join(f"BROKEN: {limit}" for limit in broken) if broken else "\nAll limits hold.")
    return 1 if broken else 0
