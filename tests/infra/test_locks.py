"""What is installed anywhere: each package with its version, and with the hashes of its files."""

import re
import subprocess

import pytest
from packaging.requirements import Requirement

from devserver.lock import ROOT, SOURCES, asked_for, first_line

HOSTS = re.compile(
    "|".join(("py" + r"pi\.(org|python)", "python" + "hosted", r"registry\." + "npm", "npm" + r"js\."))
)
"""Names of package registries, which no file may hold: each setup uses the one that its pip is configured for."""


def locked(name):
    """The lock of an `.in`: each requirement with the lines of hashes behind it."""
    text = (ROOT / f"{name}.txt").read_text()
    return [entry.split(" \\\n") for entry in re.split(r"\n(?=\S)", text.rstrip("\n"))[1:]]


def test_every_environment_is_locked():
    assert {file.stem for file in ROOT.glob("requirements*.in")} == set(SOURCES)
    assert {file.stem for file in ROOT.glob("requirements*.txt")} == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_a_lock_is_of_what_is_asked_for_now(name):
    text = (ROOT / f"{name}.txt").read_text()
    assert text.startswith(first_line(name)), f"{name}.in and its lock disagree: run `make lock`"
    wanted = [Requirement(line) for line in asked_for(name)]
    found = {Requirement(line).name.lower(): Requirement(line).specifier for line, *_ in locked(name)}
    missing = [each for each in wanted if str(found.get(each.name.lower(), ""))[2:] not in each.specifier]
    assert missing == []


@pytest.mark.parametrize("name", SOURCES)
def test_everything_in_a_lock_has_one_version_and_hashes(name):
    entries = locked(name)
    assert entries
    bad = [
        line
        for line, *hashes in entries
        if not re.fullmatch(r"[\w.-]+==[\w.!+]+( ; .*)?", line)
        or not hashes
        or not all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", found) for found in hashes)
    ]
    assert bad == []


def test_what_goes_into_the_package_goes_there_on_every_system():
    assert [line for line, *_ in locked("requirements") if ";" in line] == []


def test_what_runs_is_tested_at_the_same_versions():
    tested = {Requirement(line).name: line for line, *_ in locked("requirements-dev")}
    running = locked("requirements") + locked("requirements-run")
    assert [line for line, *_ in running if tested.get(Requirement(line).name) != line] == []


def test_no_file_names_a_registry():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if names.returncode:
        pytest.skip("this is no checkout of git")
    files = [ROOT / name for name in names.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert len(files) > 100
    assert [str(file) for file in files if HOSTS.search(file.read_text(errors="replace"))] == []
