"""What clients were told about versions, against which a restarted service is held."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from benchmarks._reading import files_of, found, found_once, is_like, read_all
from benchmarks._service import USER, Client, sha256
from benchmarks._wide import described

Model = tuple[str, str]
MINE = "client-"
"""How the models begin that one client has to itself, and that are in a ledger."""
AGAIN = 5
"""Versions that did not change, whose bytes are read back all the same."""


@dataclass(slots=True)
class Known:
    """A version as far as its client knows: contents, and the metadata that it may have."""

    state: Literal["sent", "there", "leaving", "gone"]
    """`sent` and `leaving` were asked for and not answered: the version may be there or not."""
    contents: Mapping[str, str]
    """SHA-256 by path."""
    size: int
    told: list[Mapping[str, Any]]
    """What its metadata may be. A change that is not acknowledged may take effect with the next one, or with a rebuild:
    it stays possible until another change is acknowledged."""
    read: bool = False
    """Whether its bytes were read back."""

    def changing(self, change: Mapping[str, Any]) -> Mapping[str, Any]:
        """Notes that metadata is changed, and returns what it is once that is acknowledged."""
        changed = {**self.told[0], **change}
        self.told.append(changed)
        return changed


@dataclass(slots=True)
class Ledger:
    """Every version that was asked for; threads write to their own versions only."""

    known: dict[Model, Known] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def sending(self, fields: Mapping[str, Any], contents: Mapping[str, bytes]) -> Known:
        """Notes that a version is asked for."""
        digests = {path: sha256(data) for path, data in contents.items()}
        known = Known("sent", digests, sum(map(len, contents.values())), [described(fields)])
        with self._lock:
            self.known[fields["model_id"], fields["version"]] = known
        return known

    def of_state(self, state: str) -> list[Model]:
        """The versions in this state."""
        with self._lock:
            return [names for names, known in self.known.items() if known.state == state]

    def of_model(self, model_id: str) -> list[Model]:
        """The versions of a model that are known to be there."""
        return [names for names in self.of_state("there") if names[0] == model_id]


def settle(client: Client, ledger: Ledger, chance: random.Random | None = None) -> list[str]:
    """Holds the service against the ledger, says what is wrong, and notes what has become of the unanswered.

    The bytes of every version are read back; with `chance` only those of new ones and of a few others.
    """
    documents = found(client, f"/{USER}")
    names = [(document["model_id"], document["version"]) for document in documents]
    wrong = found_once(client, names)
    there = {name: one for name, one in zip(names, documents, strict=True) if name[0].startswith(MINE)}
    wrong += [f"{name} was never asked for" for name in there.keys() - ledger.known.keys()]
    old = [name for name in there if name in ledger.known and ledger.known[name].read]
    again = set(old if chance is None else chance.sample(old, min(AGAIN, len(old))))
    for name, known in list(ledger.known.items()):
        document = there.get(name)
        if document is None:
            if known.state == "there":
                wrong.append(f"{name} was acknowledged and is lost")
            known.state = "gone"
            continue
        if known.state == "gone":
            wrong.append(f"{name} is back after it was deleted, or had never come")
        wrong += [f"{name}: {problem}" for problem in _problems(client, document, known)]
        if not known.read or name in again:
            wrong += [
                f"{name}: {path} is damaged" for path in _damaged(client, name, known.contents, document)
            ]
            known.read = True
        known.state = "there"
    return wrong


def _problems(client: Client, document: Any, known: Known) -> list[str]:
    problems = []
    if not any(is_like(document, told) for told in known.told):
        told = [one.get("description") for one in known.told]
        problems.append(f"its description is {document['description']!r}, and may be one of {told}")
    files = files_of(client, document)
    paths = {file["filename"]: file["file_hash"] for file in files}
    if paths != known.contents:
        problems.append(f"files {sorted(paths.items() ^ known.contents.items())} differ")
    counts = len(files), document["files_total"], sum(file["file_size"] for file in files)
    if counts != (len(known.contents), len(known.contents), known.size):
        problems.append(f"it counts {counts}")
    return problems


def _damaged(client: Client, names: Model, contents: Mapping[str, str], document: Any) -> list[str]:
    read = read_all(client, names, contents, document)
    return [path for path in read.keys() | contents.keys() if read.get(path) != contents.get(path)]
