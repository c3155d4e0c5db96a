"""Bytecode for the package: what a cold start reads instead of compiling each module that it imports.

Lambda's tree is read-only, so Python cannot keep there what it compiles. A file `.pyc` of the kind `UNCHECKED_HASH`
(https://peps.python.org/pep-0552/) is used whatever the time of its source, and holds no time itself.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from devserver.console import Halt
from infra.dependencies import BUILD, Platform

ROOT_THERE = PurePosixPath("/var/task")
"""Where Lambda unpacks a package (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""

_WHO = "import importlib.util, platform; print(importlib.util.MAGIC_NUMBER.hex(), platform.python_version())"
_COMPILE = """
import py_compile, sys
for line in sys.stdin:
    source, name, target = line.rstrip("\\n").split("\\t")
    py_compile.compile(
        source, target, name, doraise=True, optimize=0,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python whose bytecode the platform's can read."""

    path: str
    release: str


def compiler(platform: Platform) -> Compiler | None:
    """This Python, or the one of the platform's version on the PATH; None where neither has its magic number."""
    for path in (sys.executable, shutil.which(f"python{platform.python}")):
        if path is None:
            continue
        run = subprocess.run([path, "-I", "-c", _WHO], capture_output=True, text=True)
        magic, _, release = run.stdout.strip().partition(" ")
        if run.returncode == 0 and magic == platform.magic.hex():
            return Compiler(path, release)
    return None


def name_of(source: str, platform: Platform) -> str:
    """The name at which Python looks for the bytecode of a source."""
    path = PurePosixPath(source)
    return str(path.parent / "__pycache__" / f"{path.stem}.cpython-{platform.python.replace('.', '')}.pyc")


def compiled(
    files: Mapping[str, Path], platform: Platform, by: Compiler, *, kept: Path = BUILD
) -> dict[str, Path]:
    """The bytecode of the sources among the files, by its names in the package; `Halt` when one cannot be compiled.

    Each is made once for a source, its name and a release of Python, in a folder of `kept`.
    """
    folder = kept / f"bytecode-{by.release}"
    folder.mkdir(parents=True, exist_ok=True)
    made, lacking = {}, []
    for name, source in sorted(files.items()):
        if source.suffix == ".py":
            digest = sha256(name.encode() + b"\0" + source.read_bytes()).hexdigest()
            target = made[name_of(name, platform)] = folder / f"{digest}.pyc"
            if not target.exists():
                lacking.append((str(source), str(ROOT_THERE / name), str(target)))
    _compile(by, lacking)
    return made


def _compile(by: Compiler, tasks: Iterable[tuple[str, str, str]]) -> None:
    # py_compile puts a file in its place when it is whole, so that two of these can run at once.
    lines = "".join("\t".join(task) + "\n" for task in tasks)
    if lines:
        run = subprocess.run(
            [by.path, "-I", "-c", _COMPILE], input=lines, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        if run.returncode != 0:
            raise Halt(f"A file of the package could not be compiled:\n{run.stderr.strip()}")
