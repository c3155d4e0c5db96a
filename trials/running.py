"""Runs tests against a changed copy of the project, in a process that need not load the libraries again."""

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = (
    "app.py",
    "chalicelib",
    "client",
    "devserver",
    "infra",
    "benchmarks",
    "tests",
    "docs",
    "pyproject.toml",
)
LINKED = (".venv", ".venv-emulator")
LIBRARIES = (
    "boto3",
    "chalice.test",
    "hypothesis",
    "moto.dynamodb.models",
    "moto.dynamodb.responses",
    "moto.s3.models",
    "moto.s3.responses",
    "pynamodb.models",
    "pynamodb.transactions",
    "pytest_timeout",
    "xdist.scheduler",
)
"""What nearly all tests load, in two seconds: once here, instead of once for each run."""
SECONDS = 3_600.0
"""That a run may take. A test that hangs ends long before, at its own limit, and fails."""


class Undecided(Exception):
    """A run says nothing of the code that it ran."""


class _LastTest:
    """A plugin that writes down what runs now; where pytest stops at the first failure, that is what failed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._path.write_text(nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._path.write_text(report.nodeid)
            pytest.exit("a file of tests can't be loaded", pytest.ExitCode.TESTS_FAILED)


@dataclass(frozen=True)
class Tree:
    """A copy of the project in which one module at a time is changed."""

    folder: Path

    @classmethod
    def copied(cls, folder: Path) -> "Tree":
        """Copies the project into an empty folder."""
        for library in LIBRARIES:
            importlib.import_module(library)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        return cls(folder)

    def failed_test(self, module: str, source: str, tests: Sequence[str]) -> str | None:
        """The first of these tests that fails with this source in place of a module; None when all pass.

        Raises `Undecided` when the run does not end, or ends in another way.
        """
        path = self.folder / module
        original = path.read_text()
        _write(path, source)
        try:
            return self._first_failure(tests)
        finally:
            _write(path, original)

    def _first_failure(self, tests: Sequence[str]) -> str | None:
        said, last = self.folder / "said.txt", self.folder / "last.txt"
        last.write_text("")
        child = os.fork()
        if child == 0:
            self._run(tests, said, last)
        until = time.monotonic() + SECONDS
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise Undecided(f"the run took over {SECONDS:.0f} s, and was at {last.read_text()}")
            time.sleep(0.05)
        code = os.waitstatus_to_exitcode(ended[1])
        if code == pytest.ExitCode.OK:
            return None
        if code == pytest.ExitCode.TESTS_FAILED and (failed := last.read_text()):
            return failed
        if code == pytest.ExitCode.USAGE_ERROR:
            # What all tests share can't be loaded.
            return tests[0]
        raise Undecided(f"pytest ended with {code}:\n{said.read_text()[-4_000:]}")

    def _run(self, tests: Sequence[str], said: Path, last: Path) -> None:
        """Runs the tests in a process that was just forked, and ends it."""
        code = -1
        try:
            os.setsid()
            with said.open("wb") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            os.chdir(self.folder)
            paths = [str(self.folder), str(self.folder / "client" / "src")]
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
            sys.path[:] = paths + [path for path in sys.path if path not in ("", str(ROOT))]
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], plugins=[_LastTest(last)])
        finally:
            os._exit(code)


def _write(path: Path, source: str) -> None:
    # Two sources of one length, written in one second, look alike to who compares them with a compiled one.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
    path.write_text(source)
