"""Makes the locks again, ``make lock``: all packages that an environment gets, with versions and hashes of files.

Each ``requirements*.in`` says what an environment is for; the ``.txt`` beside it is its lock. What is locked stays as
it is until a line of the ``.in`` wants something else; ``make lock UPGRADE=1`` takes the newest of all else.
"""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = "3.11"
"""The first Python that everything runs on; a lock is for all systems, and for all versions from this one."""
BEGINNING = "# Made by `make lock`, for what is asked for:"
CLIENT = ROOT / "client" / "pyproject.toml"
SOURCES = {
    # All of it goes into one package, for which no marker is evaluated and nothing is looked up.
    "requirements": ("--no-deps",),
    "requirements-run": ("--constraint", "requirements.txt"),
    "requirements-dev": (str(CLIENT.relative_to(ROOT)), "--constraint", "requirements-run.txt"),
    "requirements-emulator": (),
    "requirements-bench": (),
    "requirements-mlflow": (),
    "requirements-lock": (),
}
"""Each `.in` with what uv gets to know besides it, in the order in which they are locked."""


def asked_for(name: str) -> list[str]:
    """What the environment of this `.in` is asked to have: the lines of the file and of those that it includes."""
    lines = [line.split("#")[0].strip() for line in (ROOT / f"{name}.in").read_text().splitlines()]
    included = [line.split()[1].removesuffix(".in") for line in lines if line.startswith("-r")]
    found = [line for line in lines if line and not line.startswith("-r")]
    if str(CLIENT.relative_to(ROOT)) in SOURCES[name]:
        found += tomllib.loads(CLIENT.read_text())["project"]["dependencies"]
    return found + [line for inner in included for line in asked_for(inner)]


def first_line(name: str) -> str:
    """How the lock begins that was made for what is asked for now."""
    asked = "\n".join(sorted(asked_for(name)))
    return f"{BEGINNING} {sha256(asked.encode()).hexdigest()[:16]}\n"


def lock(name: str, uv: str, options: Sequence[str]) -> None:
    """Writes the lock beside an `.in`; `CalledProcessError` when uv finds no versions that go together."""
    file = ROOT / f"{name}.txt"
    command = [uv, "pip", "compile", f"{name}.in", *SOURCES[name], *options, f"--output-file={file.name}"]
    command += ["--quiet", "--universal", "--generate-hashes", f"--python-version={OLDEST}"]
    command += ["--only-binary=:all:", "--no-header", "--no-annotate", "--no-emit-index-url"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # uv names the files of its own environment in a header, and how it was told to build in options.
    lines = [line for line in file.read_text().splitlines() if not line.startswith(("#", "--"))]
    file.write_text(first_line(name) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    for each in SOURCES:
        print(f"Locking {each}.txt …", flush=True)
        lock(each, sys.argv[1], sys.argv[2:])
