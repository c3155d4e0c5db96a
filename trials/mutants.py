"""Changes the code in one place at a time and runs the tests that reach it: a mutant that passes them is a gap.

``make trial-mutants GROUP=conditions|client [SAMPLE=40] [SEED=1] [ONLY=part of a path]`` fails below the group's floor.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from trials.mutations import Mutant, Operator, damage, mutants, weaken

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
AT_A_TIME = 2
SECONDS = 600
"""That the tests of one mutant may take; one that never ends is caught."""


@dataclass(frozen=True)
class Group:
    """Modules that are held alike: how they are changed, which tests reach them, and how much is to be caught."""

    modules: tuple[str, ...]
    operators: list[Operator]
    tests: dict[str, tuple[str, ...]]
    """By the beginning of a module's path; all that begin it are run, those that find most first."""
    floor: float


GROUPS = {
    "conditions": Group(
        modules=("chalicelib/registry", "chalicelib/store"),
        operators=[weaken],
        tests={
            "chalicelib": ("tests/registry", "tests/store"),
        },
        floor=0.95,
    ),
    "client": Group(
        modules=("client/src/weighthouse/transport.py", "client/src/weighthouse/push"),
        operators=[damage],
        tests={
            "client/src/weighthouse/transport.py": (
                "tests/client/test_transport.py",
                "tests/client/test_forks.py",
            ),
            "client": ("tests/client",),
        },
        floor=0.90,
    ),
}
EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""Mutants that no test can tell from the code, each with the reason: (module, line, label)."""


def tests_of(module: str, group: Group) -> list[str]:
    """The files of tests for a module: those that name it in theirs come first."""
    words = set(Path(module).stem.split("_"))
    given = [path for begins, paths in group.tests.items() if module.startswith(begins) for path in paths]
    files = [file for path in given for file in ([path] if path.endswith(".py") else _listed(path))]
    close = {
        file: bool(words & {word.rstrip("s") for word in Path(file).stem.split("_")} or "stolen" in file)
        for file in files
    }
    return sorted(dict.fromkeys(files), key=lambda file: not close[file])


def _listed(folder: str) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in sorted((ROOT / folder).glob("test_*.py"))]


def copied(folder: Path) -> Path:
    """A copy of the project in which modules can be changed."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def passes(tree: Path, module: str, source: str, files: list[str]) -> bool:
    """Whether the tests pass with this source in place of a module."""
    original = (tree / module).read_text()
    (tree / module).write_text(source)
    environment = os.environ | {
        "PYTHONPATH": f"{tree}:{tree / 'client' / 'src'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-o",
        "timeout=120",
    ]
    try:
        run = subprocess.run(
            [*command, *files], cwd=tree, env=environment, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        (tree / module).write_text(original)
    if run.returncode not in (0, 1, 2):
        raise SystemExit(f"pytest failed with {run.returncode}:\n{run.stdout.decode()}{run.stderr.decode()}")
    return run.returncode == 0


def chosen(group: Group, sample: int, seed: int, only: str) -> list[tuple[str, Mutant]]:
    """The mutants to try, a sample where there are more."""
    paths = [ROOT / module for module in group.modules]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    names = [name for name in (str(file.relative_to(ROOT)) for file in files) if only in name]
    all_ = [
        (name, mutant) for name in names for mutant in mutants((ROOT / name).read_text(), group.operators)
    ]
    all_ = [(name, each) for name, each in all_ if (name, each.code, each.label) not in EQUIVALENT]
    return random.Random(seed).sample(all_, min(sample or len(all_), len(all_)))


def main() -> None:
    """Tries the mutants of a group and says which ones the tests let pass."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    group, trees = GROUPS[given.group], SimpleQueue[Path]()
    tried = chosen(group, given.sample, given.seed, given.only)

    def survives(pair: tuple[str, Mutant]) -> bool:
        (module, mutant), tree = pair, trees.get()
        try:
            passed = passes(tree, module, mutant.source, tests_of(module, group))
        finally:
            trees.put(tree)
        print(
            f"{'PASSED' if passed else 'caught'}  {module}:{mutant.line}  {mutant.label}: {mutant.code}",
            flush=True,
        )
        return passed

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        for number in range(AT_A_TIME):
            (Path(folder) / str(number)).mkdir()
            trees.put(copied(Path(folder) / str(number)))
        passed = sum(pool.map(survives, tried))
    caught = 1 - passed / len(tried)
    print(
        f"{len(tried) - passed} of {len(tried)} caught, {caught:.1%}; {len(EQUIVALENT)} equivalent ones left out"
    )
    sys.exit(caught < group.floor)


if __name__ == "__main__":
    main()
