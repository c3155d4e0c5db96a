"""Changes the code in one place at a time and runs the tests that reach it: a mutant that passes them is a gap.

``make trial-mutants GROUP=conditions|client [SAMPLE=40] [SEED=1] [ONLY=part of path:line] [CLOSE=1]`` fails below the
group's floor. With CLOSE it runs just the tests that find most, which takes half an hour; what these let pass counts as
passed. Without, that is run against all others too, a quarter of an hour for each.
"""

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trials.mutations import Mutant, Operator, damage, mutants, unchanged, weaken
from trials.running import ROOT, Tree


@dataclass(frozen=True)
class Group:
    """Modules that are held alike: how they are changed, which tests reach them, and how much is to be caught."""

    modules: tuple[str, ...]
    operators: list[Operator]
    tests: dict[str, tuple[str, ...]]
    """Files and folders by the beginning of a module's path. All that begin it are run, files before folders."""
    floor: float


def _registry(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/registry/test_{name}.py" for name in names)


_UPLOADS = _registry(
    "sleepers",
    "upload_stolen",
    "reserving",
    "upload_plans",
    "complete_goes_on",
    "upload_worker",
    "upload_bundles",
)
_DELETIONS = _registry("deletion_stolen", "sleepers", "one_deletion_at_a_time", "deleting")
_ZIPS = _registry("deletion_stolen", "zips_go_on", "dead_zips", "downloads")
_UNPACKING = _registry("sleepers", "same_content", "upload_worker", "unpacking_ways", "upload_folders")
_OBJECTS = (
    "tests/store/test_wire.py",
    "tests/registry/test_same_content.py",
    "tests/registry/test_sleepers.py",
    *_registry("manifests", "lost_manifests"),
)
CLOSE = {
    "registry/api_tokens": _registry("token_trail"),
    "registry/arriving": _registry("upload_stolen", "upload_worker", "complete_goes_on"),
    "registry/bundles": _registry("same_content", "sleepers", "upload_bundles"),
    "registry/deleting": _DELETIONS,
    "registry/finishing": _UPLOADS,
    "registry/leases": _registry("leases"),
    "registry/manifests": _registry("same_content", "manifests", "lost_manifests", "update_stolen"),
    "registry/marking": _registry("deletion_stolen", "sharing_ends", "deleting_many"),
    "registry/parts": _registry("upload_stolen", "upload_plans", "upload_races"),
    "registry/plans": _registry("upload_stolen", "upload_lists", "upload_plans"),
    "registry/publishing": (*_UPLOADS, *_registry("manifests")),
    "registry/readers": _registry("sharing_ends", "sharing"),
    "registry/reserving": _UPLOADS,
    "registry/restoring": _registry("update_stolen", "rebuild", "rebuild_damage"),
    "registry/sharing": _registry("sharing", "sleepers"),
    "registry/sweeping": _registry("upload_stolen", "journal", "complete_goes_on"),
    "registry/tasks": _registry("upload_worker", "complete_goes_on"),
    "registry/undoing": _UPLOADS,
    "registry/unpacking": _UNPACKING,
    "registry/updating": _registry("update_stolen", "journal", "manifests", "updating", "lost_manifests"),
    "registry/uploads": _UPLOADS,
    "registry/verifying": _registry(
        "same_content", "sleepers", "upload_worker", "upload_plans", "complete_goes_on", "versions"
    ),
    "registry/working": _UNPACKING,
    "registry/zipping": _ZIPS,
    "store/access": _registry("sharing_ends", "sharing"),
    "store/api_tokens": _registry("token_trail"),
    "store/builds": _ZIPS,
    "store/downloads": _registry("download_counts"),
    "store/leases": _registry("leases", "upload_stolen"),
    "store/listing": _registry("listing", "search"),
    "store/multipart": _OBJECTS,
    "store/objects": _OBJECTS,
    "store/shares": _registry("upload_stolen", "sharing"),
    "store/table": _registry("table"),
    "store/token_key": _registry("next_tokens"),
    "store/uploads": (*_UPLOADS, *_registry("upload_lists")),
    "store/versions": _registry("sleepers", "deletion_stolen", "sharing_ends", "deleting"),
}
"""The tests that find most, and soon, by the beginning of a module's path."""
LAST = ("crashes", "cuts", "races", "many", "growth", "hostile", "budgets", "rebuild", "search")
"""What the names of files have whose tests take long: they are run when all others have passed."""
GROUPS = {
    "conditions": Group(
        modules=("chalicelib/registry", "chalicelib/store"),
        operators=[weaken],
        tests={
            **{f"chalicelib/{module}": tests for module, tests in CLOSE.items()},
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
            "client/src/weighthouse/push": (
                "tests/client/test_push_rules.py",
                "tests/client/test_push_files.py",
                "tests/client/test_folders.py",
                "tests/client/test_push_faults.py",
            ),
            "client": ("tests/client",),
        },
        floor=0.90,
    ),
}
_PUSH = "client/src/weighthouse/push"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (f"{_PUSH}/content.py", "self._descriptor = -1", "1 is 2"): "any negative number is no descriptor",
    (
        f"{_PUSH}/content.py",
        "self._segment, self._descriptor = None, -1",
        "1 is 2",
    ): "any negative number is no descriptor",
    (f"{_PUSH}/content.py", "self._done = 0", "0 is 1"): "set again when a file is opened",
    (f"{_PUSH}/content.py", "self._done = 0", "0 is -1"): "set again when a file is opened",
    (
        f"{_PUSH}/content.py",
        'return blocks[0] if len(blocks) == 1 else b"".join(blocks)',
        "0 is -1",
    ): "of one block the first is the last",
    (f"{_PUSH}/content.py", 'return b""', "returns None"): "the caller asks only whether there is a block",
    (f"{_PUSH}/existing.py", "0", "0 is -1"): "a page that is read as one version has just one",
    (f"{_PUSH}/existing.py", "return False", "returns None"): "the caller asks only whether it is true",
    (f"{_PUSH}/layout.py", "return False", "returns None"): "the caller asks only whether it is true",
    (f"{_PUSH}/leftovers.py", "return False", "returns None"): "the caller asks only whether it is true",
    (f"{_PUSH}/leftovers.py", "except OSError:", "handler does nothing"): "None is as false as False",
    (
        f"{_PUSH}/pushing.py",
        'raise AssertionError("unreachable")',
        "raise dropped",
    ): "the last try returns or raises",
    **{
        (
            f"{_PUSH}/pushing.py",
            'if getattr(error, "status", 0) == 404 or upload.state() in OVER:',
            label,
        ): "all that is caught here has a status"
        for label in ("0 is 1", "0 is -1")
    },
    **{
        (
            f"{_PUSH}/scanning.py",
            "same = [ascii(source.path) for source in sources if source.filename == pair[0]]",
            label,
        ): "both names of the pair are the same here"
        for label in ("0 is 1", "0 is -1")
    },
}
"""Mutants that no test can tell from the code, each with the reason: (module, line, label)."""


def tests_of(module: str, group: Group) -> Iterator[list[str]]:
    """The files of tests for a module, in the lists that are run one after the other: those that find most first."""
    words = set(Path(module).stem.split("_"))
    given = [path for begins, paths in group.tests.items() if module.startswith(begins) for path in paths]
    named = [path for path in given if path.endswith(".py")]
    others = dict.fromkeys(file for path in given if path not in named for file in _listed(path))
    close = [file for file in others if words & {word.rstrip("s") for word in Path(file).stem.split("_")}]
    first = list(dict.fromkeys([*named, *close]))
    yield first
    yield sorted(set(others) - set(first), key=lambda file: (any(word in file for word in LAST), file))


def _listed(folder: str) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in sorted((ROOT / folder).glob("test_*.py"))]


def chosen(group: Group, sample: int, seed: int, only: str) -> list[tuple[str, Mutant]]:
    """The mutants to try, a sample where there are more."""
    all_ = [
        (name, mutant)
        for name in modules_of(group)
        for mutant in mutants((ROOT / name).read_text(), group.operators)
        if only in f"{name}:{mutant.line}" and (name, mutant.code, mutant.label) not in EQUIVALENT
    ]
    return random.Random(seed).sample(all_, min(sample or len(all_), len(all_)))


def modules_of(group: Group) -> list[str]:
    """The paths of a group's modules."""
    paths = [ROOT / module for module in group.modules]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return [str(file.relative_to(ROOT)) for file in files]


def tried(tree: Tree, group: Group, module: str, mutant: Mutant, *, close: bool) -> str | None:
    """The test that catches a mutant, None where all pass; with `close`, just those that find most are run."""
    for files in tests_of(module, group):
        if files and (caught_by := tree.failed_test(module, mutant.source, files)):
            return caught_by
        if close:
            break
    return None


def main() -> None:
    """Tries the mutants of a group and says which ones the tests let pass."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of `path:line`")
    parser.add_argument("--close", action="store_true", help="run no tests but those that find most")
    given = parser.parse_args()
    group = GROUPS[given.group]
    trying = chosen(group, given.sample, given.seed, given.only)
    caught_by: defaultdict[str, list[str]] = defaultdict(list)

    def say(what: str, text: str) -> None:
        print(f"{what}  {text}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        tree = Tree.copied(Path(folder))
        for module in modules_of(group):
            # As the mutants are written, so that these differ in one place.
            (tree.folder / module).write_text(unchanged((ROOT / module).read_text()))
        for module, mutant in trying:
            text = f"{module}:{mutant.line}  {mutant.label}: {mutant.code}"
            test = tried(tree, group, module, mutant, close=given.close)
            say("caught" if test else "PASSED", f"{text}  [{test}]" if test else text)
            if test:
                caught_by[test].append(text)
        # A test that fails by itself has caught nothing.
        module = modules_of(group)[0]
        while caught_by and (
            test := tree.failed_test(module, (tree.folder / module).read_text(), [*caught_by])
        ):
            for text in caught_by.pop(test) if test in caught_by else []:
                say("UNSURE", f"{text}: {test} fails without it too")
    caught = sum(map(len, caught_by.values()))
    print(
        f"{caught} of {len(trying)} caught, {caught / len(trying):.1%}; {len(EQUIVALENT)} equivalent ones left out"
    )
    sys.exit(caught < group.floor * len(trying))


if __name__ == "__main__":
    main()
