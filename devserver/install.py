"""Makes a virtual environment from a requirements file: ``python install.py FOLDER REQUIREMENTS STAMP``.

Runs on a bare Python, before anything is installed. The stamp file says when it was last done, so that
a second start installs nothing.
"""

import fcntl
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def _alone() -> Iterator[None]:
    """Two first starts side by side must not install into one folder; flock also takes a folder."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another start that is setting up …", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _files(requirements: Path) -> list[Path]:
    """A requirements file, those that it includes, and what says what its packages in this repository need."""
    lines = [line.split() for line in requirements.read_text().splitlines()]
    included = [requirements.parent / line[1] for line in lines if line[:1] == ["-r"]]
    ours = [requirements.parent / line[1] / "pyproject.toml" for line in lines if line[:1] == ["-e"]]
    return [requirements, *ours, *(file for inner in included for file in _files(inner))]


def _works(python: Path) -> bool:
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def install(folder: Path, requirements: Path, stamp: Path) -> None:
    """Brings the environment in `folder` up to date with `requirements`; `SystemExit` when pip fails."""
    python = folder / "bin" / "python"
    with _alone():
        works = _works(python)
        newest = max(file.stat().st_mtime for file in _files(requirements))
        if works and stamp.exists() and stamp.stat().st_mtime >= newest:
            return
        print(f"Setting up {folder.name} from {requirements.name} …", flush=True)
        if not works:
            # Also mends one that an interrupted start or an upgrade of Python has left broken.
            venv.create(folder, clear=True, with_pip=True)
        options = ("--disable-pip-version-check", "--requirement", requirements)
        if subprocess.run([python, "-m", "pip", "install", *options]).returncode != 0:
            sys.exit(f"Setting up {folder.name} failed: see pip's message above. `make clean` starts afresh.")
        stamp.touch()


if __name__ == "__main__":
    install(*(ROOT / argument for argument in sys.argv[1:]))
