"""The ZIP that Lambda runs. The same files give the same bytes, whoever makes it and when."""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devserver.console import say
from infra import bom, bytecode
from infra.dependencies import BUILD, ROOT, Platform, install

LIMIT = 30_000_000
"""Bytes that a package may have; Lambda takes 50 MB
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
UNPACKED_LIMIT = 100_000_000
"""Bytes that it may have unpacked; Lambda takes 250 MB."""
_WITHOUT_BYTECODE = """\
Warning: the package has no bytecode, so that each cold start takes about 0.7 s longer. Python {version} alone can
make it, and none is here. Install it so that `python{version}` is on the PATH (`pyenv install {version}`,
`uv python install {version}`, or a package of your system), and package or deploy again."""
_MOMENT = (2000, 1, 1, 12, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was made."""

    path: Path
    sha256: str
    size: int


def own_files() -> list[Path]:
    """The files of this project that functions need."""
    library = (file for file in (ROOT / "chalicelib").rglob("*") if file.is_file())
    return [ROOT / "app.py", *(file for file in library if "__pycache__" not in file.parts)]


def make(platform: Platform) -> Package:
    """Makes the package for a platform as `build/weighthouse-PLATFORM.zip`; `Halt` when pip or a compilation fails.

    What is inside stands beside it, in `.cdx.json`. Where no Python can make bytecode for the platform, it says so
    and leaves it out.
    """
    installed = install(platform)
    files = {file.relative_to(installed).as_posix(): file for file in installed.rglob("*") if file.is_file()}
    files |= {file.relative_to(ROOT).as_posix(): file for file in own_files()}
    compiler = bytecode.compiler(platform)
    if compiler:
        files |= bytecode.compiled(files, platform, compiler)
    else:
        say(_WITHOUT_BYTECODE.format(version=platform.python))
    path = BUILD / f"weighthouse-{platform.name}.zip"
    data = write_zip(path, files.items())
    digest = sha256(data).hexdigest()
    path.with_suffix(".cdx.json").write_bytes(bom.made(installed, digest))
    return Package(path, digest, len(data))


def write_zip(path: Path, files: Iterable[tuple[str, Path]]) -> bytes:
    """Writes the files in the order of their names, with nothing of this machine or this moment; gives the bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, file in sorted(files):
            member = zipfile.ZipInfo(name, _MOMENT)
            member.external_attr, member.create_system = _MODE, _UNIX
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    path.write_bytes(data)
    return data
