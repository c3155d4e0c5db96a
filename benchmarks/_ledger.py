"""What clients were told about versions, against which a restarted service is held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from benchmarks._service import USER, Client, sha256

Model = tuple[str, str]


@dataclass(slots=True)
class Known:
    """A version as far as its client knows: contents, and the descriptions that it may have."""

    state: Literal["sent", "there", "leaving", "gone"]
    """`sent` and `leaving` were asked for and not answered: the version may be there or not."""
    contents: Mapping[str, str]
    """SHA-256 by path."""
    fields: Mapping[str, Any]
    descriptions: set[str]


@dataclass(slots=True)
class Ledger:
    """Every version that was asked for; threads write to their own versions only."""

    known: dict[Model, Known] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def sending(self, fields: Mapping[str, Any], contents: Mapping[str, bytes]) -> Known:
        """Notes that a version is asked for."""
        digests = {path: sha256(data) for path, data in contents.items()}
        known = Known("sent", digests, fields, {fields["description"]})
        with self._lock:
            self.known[fields["model_id"], fields["version"]] = known
        return known

    def of_state(self, state: str) -> list[Model]:
        """The versions in this state."""
        with self._lock:
            return [names for names, known in self.known.items() if known.state == state]


def listed(client: Client) -> dict[Model, Any]:
    """The documents of all versions, by page and `next_token`."""
    found: dict[Model, Any] = {}
    token: dict[str, str] = {}
    while True:
        page = client.ask("GET", f"/{USER}", params=token).json()
        found |= {(document["model_id"], document["version"]): document for document in page["models"]}
        if page["next_token"] is None:
            return found
        token = {"next_token": page["next_token"]}


def settle(client: Client, ledger: Ledger) -> list[str]:
    """Holds the service against the ledger, says what is wrong, and notes what has become of the unanswered."""
    found = listed(client)
    wrong = [f"{names} was never asked for" for names in found.keys() - ledger.known.keys()]
    for names, known in list(ledger.known.items()):
        document = found.get(names)
        if document is None:
            if known.state == "there":
                wrong.append(f"{names} was acknowledged and is lost")
            known.state = "gone"
            continue
        if known.state == "gone":
            wrong.append(f"{names} is back after it was deleted, or had never come")
        wrong += [f"{names}: {problem}" for problem in _problems(client, document, known)]
        # A change that was not acknowledged may take effect with the next one, or with a rebuild: its
        # description stays possible until another change is acknowledged.
        known.state = "there"
    return wrong


def _problems(client: Client, document: Any, known: Known) -> list[str]:
    names = document["model_id"], document["version"]
    problems = []
    if document["description"] not in known.descriptions:
        problems.append(f"description {document['description']!r} is none of {known.descriptions}")
    for field_name in ("name", "tags"):
        if document[field_name] != known.fields[field_name]:
            problems.append(f"{field_name} is {document[field_name]!r}")
    listing = client.ask(
        "GET", f"/{USER}/{names[0]}/files", params={"version": names[1], "limit": 1000}
    ).json()
    paths = {file["filename"]: file["file_hash"] for file in listing["files"]}
    if paths != known.contents:
        problems.append(f"files {sorted(paths.items() ^ known.contents.items())} differ")
    # Bytes are read back of every file, however old.
    read = client.digests(*names, paths)
    return problems + [f"{path} is damaged" for path in paths if read.get(path) != known.contents.get(path)]
