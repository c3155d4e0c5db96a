"""The packages that the functions need, installed for the platform that they will run on."""

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devserver.console import Halt

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
BUILD = ROOT / "build"
PYTHON = "3.13"
"""The runtime of the functions (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html)."""
MAGIC = (3571).to_bytes(2, "little") + b"\r\n"
"""What bytecode of that version begins with
(https://github.com/python/cpython/blob/3.13/Include/internal/pycore_magic_number.h)."""
GLIBC = (34, 28, 17)
"""Minor versions of the glibc 2.x whose wheels run there: Amazon Linux 2023 has 2.34."""
SERVICES = ("dynamodb", "s3", "secretsmanager", "ssm", "sts")
"""What the functions call: botocore's descriptions of all others stay out of the package."""


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a package runs: a name for it, what pip must know of it, its version of Python and that one's magic."""

    name: str
    options: tuple[str, ...]
    python: str = PYTHON
    magic: bytes = MAGIC


def lambda_platform(architecture: str) -> Platform:
    """Lambda's, for `x86_64` or `arm64`."""
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    wheels = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    # pip knows the older names of these wheels only under the name manylinux2014.
    wheels.append(f"--platform=manylinux2014_{machine}")
    return Platform(architecture, ("--implementation=cp", f"--python-version={PYTHON}", *wheels))


def this_platform() -> Platform:
    """This machine's, under this Python: for an emulator that runs functions as its own processes."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"here-{sys.platform}-{version.replace('.', '')}"
    return Platform(name, (), version, importlib.util.MAGIC_NUMBER)


def install(platform: Platform) -> Path:
    """A folder with exactly what `requirements.txt` lists, cut to what functions use; `Halt` when pip fails.

    It is made once for each state of that file and of this one.
    """
    made_of = sha256(REQUIREMENTS.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    folder = BUILD / f"dependencies-{platform.name}-{made_of}"
    if not folder.exists():
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
            installed = Path(temporary) / folder.name
            _pip(installed, platform.options)
            _cut(installed)
            # Another one that was begun at the same time may be done by now.
            with suppress(OSError):
                installed.rename(folder)
    return folder


def _pip(folder: Path, options: Sequence[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        "--no-compile",
    ]
    command += [
        "--only-binary=:all:",
        "--no-deps",
        "--require-hashes",
        f"--target={folder}",
        f"--requirement={REQUIREMENTS}",
    ]
    if subprocess.run([*command, *options]).returncode != 0:
        raise Halt("The packages of requirements.txt could not be fetched: see pip's message above.")


_UNUSED = re.compile(
    "|".join(
        (
            r"bin/.*",
            r"(.*/)?(__pycache__|tests?)/.*",
            r".*\.pyi",
            # What pip notes of an installation says where and when.
            r"[^/]*\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)",
            # Of Chalice the functions need what an app imports; the rest packages and deploys.
            r"chalice/(?!__init__\.py$|app\.py$).*",
            # boto3's own descriptions are for its resources, which nothing here uses.
            r"boto3/(data|examples)/.*",
            rf"botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/.*",
        )
    )
)


def _cut(folder: Path) -> None:
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if _UNUSED.fullmatch(file.relative_to(folder).as_posix()):
            file.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
