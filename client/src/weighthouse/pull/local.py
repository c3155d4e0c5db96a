"""What former pulls and pushes left in the folder: files that may be replaced or removed. All others are somebody's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from sqlite3 import Error

from weighthouse.errors import LocalEdits
from weighthouse.paths import path_key, some
from weighthouse.pull.checking import There
from weighthouse.pull.comparing import Comparing
from weighthouse.pull.places import Places
from weighthouse.pull.selection import Wanted
from weighthouse.records import Recorded


class Local:
    """The folder of a pull, by what is on record; read once the files were, so that a pull at the same time shows.

    Where nothing can be recorded, nothing is on record: what differs is then an edit.
    """

    def __init__(self, places: Places, comparing: Comparing) -> None:
        self._places, self._comparing = places, comparing
        self._records = comparing.records()
        self._known: Recorded = {}
        with suppress(Error):
            self._known = self._records.under(places.root) if self._records else {}

    def left_over(self, files: Sequence[Wanted]) -> list[str]:
        """The files that a pull into this folder put there, and that are not among those that are wanted."""
        return left_over([file.filename for file in files], self._known, self._places)

    def check(self, there: There, removed: Sequence[str]) -> None:
        """Raises `LocalEdits` when a file that would be replaced or removed is not as it was left."""
        places = self._places
        others = there.other | {
            name: self._comparing.sha256(places.target(name), lambda count: None) for name in removed
        }
        if names := edited(others, self._known, places):
            raise LocalEdits(refusal(names, places.root, on_record=bool(self._known)))

    def remove(self, names: Sequence[str]) -> None:
        """Removes files, with the folders that they leave empty."""
        for name in names:
            self._places.remove(name)
        with suppress(Error):
            if self._records and names:
                self._records.forget(map(self._places.target, names))

    def expect(self, files: Iterable[Wanted]) -> None:
        """Records what is about to be put there."""
        placed = [(self._places.target(file.filename), file.sha256) for file in files if file.sha256]
        with suppress(Error):
            if self._records:
                self._records.expect(self._places.root, placed)

    def keep(self, files: Iterable[Wanted], found: Mapping[str, str]) -> None:
        """Records that all files are there; `found` has the hashes of those that were fetched without a known one."""
        root = self._places.root
        hashes = ((file.filename, file.sha256 or found.get(file.filename)) for file in files)
        placed = [(self._places.target(name), sha256) for name, sha256 in hashes if sha256]
        with suppress(Error):
            if self._records:
                self._records.expect(
                    root, [(self._places.target(name), sha256) for name, sha256 in found.items()]
                )
                self._records.keep(placed)


def edited(there: Mapping[str, str | None], known: Recorded, places: Places) -> list[str]:
    """The files whose content is none that is on record for their place, by name and SHA-256; None is no file."""
    others: dict[str, list[str]] | None = None
    found = []
    for name, sha256 in there.items():
        target = places.target(name)
        if sha256 in known.get(target, ()):
            continue
        if others is None:
            others = _by_key(known, places)
        alike = others.get(path_key(name), ())
        if not any(sha256 in known[path] and _is_same(path, target) for path in alike):
            found.append(name)
    return found


def left_over(names: Iterable[str], known: Recorded, places: Places) -> list[str]:
    """The files that a pull into this folder put there, and that have none of these names."""
    wanted = {path_key(name): name for name in names}
    pulled = (_name(path, places) for path, contents in known.items() if places.root in contents.values())
    return [
        name
        for name in pulled
        if places.look(name) and not _is_wanted(name, wanted.get(path_key(name)), places)
    ]


def _is_wanted(name: str, alike: str | None, places: Places) -> bool:
    """Whether a file is the one that is wanted under a name which differs in case or Unicode form at most."""
    return alike is not None and (alike == name or _is_same(places.target(name), places.target(alike)))


def _by_key(known: Recorded, places: Places) -> dict[str, list[str]]:
    """The recorded paths by their names as file systems see them that take several names for one."""
    found: dict[str, list[str]] = {}
    for path in known:
        found.setdefault(path_key(_name(path, places)), []).append(path)
    return found


def _name(path: str, places: Places) -> str:
    return path[len(places.target("")) :]


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except OSError:
        return False


def refusal(names: Sequence[str], folder: str, *, on_record: bool) -> str:
    """The sentence that names the files, some of them when they are many."""
    why = (
        "differ from what a pull or a push last left there"
        if on_record
        else "differ from the version, and no pull or push of them is on record"
    )
    advice = "Nothing was changed: move them away, or have them replaced by --force"
    return f"Files in {folder!r} {why}: {some(list(map(repr, sorted(names))))}. {advice}"
