"""Makes a virtual environment from a lock: ``python install.py FOLDER LOCK STAMP [PROJECT]``.

Runs on a bare Python, before anything is installed. The stamp file says when it was last done, so that
a second start installs nothing. Every package is a wheel whose hash the lock has: nothing is built, so no code of a
package runs here. The project, a folder of this repository, is built by what the lock brings.
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


def _works(python: Path) -> bool:
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def _pip(python: Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", *arguments]
    if subprocess.run(command).returncode != 0:
        sys.exit("Setting up failed: see pip's message above. `make clean` starts afresh.")


def install(folder: Path, lock: Path, stamp: Path, project: Path | None = None) -> None:
    """Brings the environment in `folder` up to date with `lock` and `project`; `SystemExit` when pip fails."""
    python = folder / "bin" / "python"
    with _alone():
        works = _works(python)
        given = [lock, project / "pyproject.toml"] if project else [lock]
        newest = max(file.stat().st_mtime for file in given)
        if works and stamp.exists() and stamp.stat().st_mtime >= newest:
            return
        print(f"Setting up {folder.name} from {lock.name} …", flush=True)
        if not works:
            # Also mends one that an interrupted start or an upgrade of Python has left broken.
            venv.create(folder, clear=True, with_pip=True)
        _pip(python, "--require-hashes", "--only-binary=:all:", "--requirement", lock)
        if project:
            _pip(python, "--no-build-isolation", "--editable", project)
        stamp.touch()


if __name__ == "__main__":
    install(*(ROOT / argument for argument in sys.argv[1:]))
