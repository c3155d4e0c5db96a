"""The limit of time that each test has: one that hangs fails with its stack, and the others run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHORT = {"timeout": "1", "faulthandler_timeout": "3"}
WAITS = """
import threading

def test_that_waits():
    threading.Event().wait()
"""
HOLDS_ON = """
import threading

def test_that_also_waits_when_it_fails():
    try:
        threading.Event().wait()
    finally:
        threading.Event().wait()
"""
PASSES = "def test_that_passes(): pass"


def test_a_test_that_hangs_ends_with_its_stack_and_the_others_run(tmp_path: Path) -> None:
    for name, code in {"test_1.py": WAITS, "test_2.py": HOLDS_ON, "test_3.py": PASSES}.items():
        (tmp_path / name).write_text(code)
    options = [f"--override-ini={name}={value}" for name, value in SHORT.items()]
    command = [
        sys.executable,
        "-m",
        "pytest",
        f"--config-file={ROOT / 'pyproject.toml'}",
        f"--rootdir={tmp_path}",
    ]
    plugins = ["-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "xdist", "-n", "1"]
    run = subprocess.run(
        [*command, *options, *plugins, tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 failed, 1 passed" in run.stdout
    assert re.search(r"test_1\.py:5: ", run.stdout)
    assert "crashed while running 'test_2.py::test_that_also_waits_when_it_fails'" in run.stdout
    assert 'test_2.py", line 8 in test_that_also_waits_when_it_fails' in run.stderr


def test_each_test_has_a_limit(request: pytest.FixtureRequest) -> None:
    limit, last = (float(request.config.getini(name)) for name in SHORT)
    assert 0 < limit < last
