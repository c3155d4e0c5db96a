"""The package that Lambda runs: small, complete, and the same bytes for the same files."""

import ast
import json
import marshal
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from pathlib import Path

import pytest
from each import each
from packaging.requirements import Requirement

from devserver.console import Halt
from infra import bytecode, package
from infra.dependencies import REQUIREMENTS, ROOT, SERVICES, Platform, lambda_platform, this_platform

ARCHITECTURES = {"x86_64": b"\x3e\x00", "arm64": b"\xb7\x00"}
"""Each with the machine of its ELF files (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html)."""


@pytest.fixture(scope="module")
def packages():
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda name: package.make(lambda_platform(name)), ARCHITECTURES)
        return dict(zip(ARCHITECTURES, made, strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_has_what_lambda_needs_and_no_more(packages, architecture):
    made = packages[architecture]
    assert made.size == made.path.stat().st_size < package.LIMIT
    with zipfile.ZipFile(made.path) as archive:
        assert sum(member.file_size for member in archive.infolist()) < package.UNPACKED_LIMIT
        names = archive.namelist()
        check_bytecode(archive, lambda_platform(architecture))
        libraries = [name for name in names if name.endswith(".so")]
        assert len(libraries) >= 5
        for name in each(libraries):
            assert archive.read(name)[18:20] == ARCHITECTURES[architecture], name
    assert names == sorted(names)
    assert {
        "app.py",
        "chalicelib/routes/uploads.py",
        "chalicelib/http/static/docs.html",
        "chalice/app.py",
    } <= set(names)
    ours = {"devserver", "infra", "tests", "benchmarks", "client", "pip", "chalice/cli"}
    assert not [name for name in names if name.startswith(tuple(f"{part}/" for part in ours))]
    described = {name.split("/")[2] for name in names if re.match(r"botocore/data/[^/]+/", name)}
    assert described == set(SERVICES)


def check_bytecode(archive, platform):
    """Each source has its bytecode beside it, or, where nothing here can make that, none has."""
    names = archive.namelist()
    made = {name for name in names if name.endswith(".pyc")}
    if bytecode.compiler(platform) is None:
        assert not made
    else:
        assert made == {bytecode.name_of(name, platform) for name in names if name.endswith(".py")}
        for name in each(made):
            # The flags of an unchecked hash: https://peps.python.org/pep-0552/
            assert archive.read(name)[:8] == platform.magic + b"\x01\0\0\0", name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_bill_says_what_is_inside(packages, architecture):
    made = packages[architecture]
    bill = json.loads(made.path.with_suffix(".cdx.json").read_bytes())
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": made.sha256}]
    wanted = {(one.name.lower(), str(one.specifier)[2:]) for one in requirements()}
    assert {(one["name"], one["version"]) for one in bill["components"]} == wanted
    references = [one["bom-ref"] for one in [bill["metadata"]["component"], *bill["components"]]]
    assert len(set(references)) == len(references)
    assert sorted(one["ref"] for one in bill["dependencies"]) == sorted(references)
    assert {ref for one in bill["dependencies"] for ref in one["dependsOn"]} <= set(references)
    again = package.make(lambda_platform(architecture))
    assert json.loads(again.path.with_suffix(".cdx.json").read_bytes()) == bill


def test_the_same_files_give_the_same_bytes(tmp_path):
    for name, moment in (("one", 0), ("two", 10**9)):
        (tmp_path / name).mkdir()
        for part in ("b.py", "a.py"):
            file = tmp_path / name / part
            file.write_text(part * 100)
            file.chmod(0o600 if moment else 0o755)
            os.utime(file, (moment, moment))
    made = [
        package.write_zip(tmp_path / f"{name}.zip", [(part, tmp_path / name / part) for part in order])
        for name, order in (("one", ("a.py", "b.py")), ("two", ("b.py", "a.py")))
    ]
    assert made[0] == made[1] == (tmp_path / "one.zip").read_bytes()


def test_bytecode_has_nothing_of_the_machine_that_made_it(tmp_path):
    here = this_platform()
    by = bytecode.compiler(here)
    made = []
    for folder, order in (("one", 1), ("another", -1)):
        (tmp_path / folder / "a").mkdir(parents=True)
        files = {name: tmp_path / folder / name for name in ("a/b.py", "a/c.py", "a/d.json")[::order]}
        for file in files.values():
            file.write_text(
                f"NAMES = {{'x', 'y', {file.stem!r}}}\ndef first(x): return x in {{'a', 'b', 'c'}}\n"
            )
            os.utime(file, (10**9 + order, 10**9 + order))
        files |= bytecode.compiled(files, here, by, kept=tmp_path / folder / "kept")
        made.append(package.write_zip(tmp_path / folder / "made.zip", files.items()))
    assert made[0] == made[1]
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(tmp_path / "one" / "made.zip") as archive:
        cached = [name for name in archive.namelist() if name.endswith(".pyc")]
        assert cached == [f"a/__pycache__/{stem}.{tag}.pyc" for stem in "bc"]
        assert marshal.loads(archive.read(cached[0])[16:]).co_filename == "/var/task/a/b.py"


def test_bytecode_follows_its_source(tmp_path):
    here = this_platform()
    by = bytecode.compiler(here)
    source = tmp_path / "a.py"
    for code in ("A = 1", "A = 2"):
        source.write_text(code)
        [made] = bytecode.compiled({"a.py": source}, here, by, kept=tmp_path).values()
        loaded = {}
        exec(marshal.loads(made.read_bytes()[16:]), loaded)
        assert loaded["A"] == int(code[-1])


def test_a_source_that_cannot_be_compiled_is_named(tmp_path):
    here = this_platform()
    (tmp_path / "a.py").write_text("1 +")
    with pytest.raises(Halt, match=r"/var/task/a\.py"):
        bytecode.compiled({"a.py": tmp_path / "a.py"}, here, bytecode.compiler(here), kept=tmp_path)


def test_without_its_python_a_package_has_no_bytecode_and_says_so(tmp_path, monkeypatch, capsys):
    # A Python of the right name counts only with the right magic number: an alpha of that version has another.
    (tmp_path / "python3.99").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(package, "BUILD", tmp_path)
    monkeypatch.setattr(package, "install", lambda _: tmp_path / "installed")
    monkeypatch.setattr(package.bom, "made", lambda *_: b"")
    made = package.make(Platform("other", (), "3.99", b"\1\2\r\n"))
    with zipfile.ZipFile(made.path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]
    said = capsys.readouterr().out
    assert "has no bytecode" in said
    assert "`python3.99` is on the PATH" in said


def test_it_can_be_imported_with_nothing_beside_it(tmp_path):
    made = package.make(this_platform())
    with zipfile.ZipFile(made.path) as archive:
        check_bytecode(archive, this_platform())
        archive.extractall(tmp_path)
    # Nothing is compiled: each module has its bytecode where Python looks for it.
    held = "import importlib.machinery as m; m.SourceFileLoader.source_to_code = None"
    # What botocore, pynamodb and the checks of tokens need is imported late, so it is named.
    code = "import app, boto3, pynamodb.models, jwt, cryptography.hazmat.primitives.asymmetric.ed25519, isal.isal_zlib"
    clients = "; ".join(f"boto3.client({name!r}, region_name='us-east-1')" for name in SERVICES)
    run = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {held}; {code}; {clients}",
    ]
    subprocess.run(run, check=True, capture_output=True, timeout=60)


def requirements():
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line[0] not in "# "]
    return [Requirement(line.removesuffix("\\")) for line in lines]


def listed():
    return {one.name.lower() for one in requirements()}


def test_requirements_list_what_is_needed_by_what_they_list():
    for name in each(listed() - {"chalice"}):
        needed = [
            one
            for one in map(Requirement, requires(name) or [])
            if not one.marker or one.marker.evaluate({"extra": ""})
        ]
        assert [one for one in needed if one.name.lower() not in listed()] == [], name


def test_every_service_that_is_called_is_described_in_the_package():
    called = set()
    for file in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "client"
            ):
                called |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    # pynamodb makes its own client.
    assert called | {"dynamodb"} <= set(SERVICES)
    assert called


def test_the_folder_of_builds_is_not_kept():
    assert "build/" in Path(ROOT / ".gitignore").read_text().splitlines()
