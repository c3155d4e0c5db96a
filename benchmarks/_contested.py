"""Several clients at once on one model: they create, change, read and delete the same versions."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from threading import Lock
from typing import Any, Literal

from benchmarks._reading import files_of, found, is_like, unzipped
from benchmarks._service import USER, Client, Refused, sha256, zipped
from benchmarks._wide import change, described, fields, form_fields, many, planned

MODEL = "contested"
VERSIONS = ("v1", "v2", "v10")
EXPECTED = {400, 404, 409, 429, 503}
"""Statuses with which those who come too late, or too many at a time, may be refused."""
ACTS = ("form", "folder form", "bundle", "change", "change", "read", "delete", "delete all")

Digests = Mapping[str, str]


@dataclass(slots=True)
class Attempt:
    """One request, or several that make one upload, and when it was begun and answered."""

    kind: Literal["create", "change", "delete"]
    versions: tuple[str, ...]
    contents: Digests = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    ended: float = inf
    """Infinite while it is not known what became of it."""
    state: Literal["open", "done", "refused"] = "open"


class Contested:
    """The model, and everything that was asked for; any number of threads call `act`."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.unexpected: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._lock = Lock()
        self._turn = 0

    def act(self, client: Client, chance: random.Random) -> str:
        """Does one thing, and says which; raises what a client does that gets no answer."""
        kind, version = chance.choice(ACTS), chance.choice(VERSIONS)
        with self._lock:
            self._turn += 1
            turn = self._turn
        match kind:
            case "read":
                self._read(client, version)
            case "change":
                told = change(turn, f"contested {turn}")
                with self._attempt(Attempt("change", (version,), told=told)):
                    client.ask("PUT", f"/{USER}/{MODEL}", params={"version": version}, json=told)
            case "delete":
                with self._attempt(Attempt("delete", (version,))):
                    client.ask("DELETE", f"/{USER}/{MODEL}", params={"version": version})
            case "delete all":
                with self._attempt(Attempt("delete", VERSIONS)):
                    client.ask("DELETE", f"/{USER}/{MODEL}", params={"all_versions": "true"})
            case _:
                self._create(client, kind, version, turn, chance)
        return kind

    def _create(self, client: Client, kind: str, version: str, turn: int, chance: random.Random) -> None:
        contents = {"model.bin": chance.randbytes(2_000)} if kind == "form" else many(chance)
        told = (fields if kind == "bundle" else form_fields)(MODEL, version, turn)
        digests = {path: sha256(data) for path, data in contents.items()}
        kept = described(told)
        with self._attempt(Attempt("create", (version,), digests, kept)) as attempt:
            if kind == "bundle":
                plan = client.plan("files", {**told, "files": planned(contents, chance), "bundle": True})
                answer = client.send(plan, contents)
                if answer.status_code != 200:
                    # It is left to the worker, and may become of it what will.
                    attempt.state = "open"
                    return
            else:
                one = contents.get("model.bin")
                if kind == "form":
                    assert one is not None
                    client.form("single", told, "model.bin", one)
                else:
                    client.form("folder", told, "f.zip", zipped(contents))
            attempt.state = "done"

    @contextmanager
    def _attempt(self, attempt: Attempt) -> Iterator[Attempt]:
        with self._lock:
            self.attempts.append(attempt)
        try:
            yield attempt
            if attempt.kind != "create":
                attempt.state = "done"
        except Refused as refusal:
            self._refused(refusal)
            # What was refused as too much may have been half done, and of what was repeated the first try all.
            again = refusal.status >= 500 or vars(refusal).get("tries", 1) > 1
            attempt.state = "open" if again else "refused"
        if attempt.state != "open":
            attempt.ended = time.monotonic()

    def _refused(self, refusal: Refused) -> None:
        with self._lock:
            self.statuses[refusal.status] += 1
            if refusal.status not in EXPECTED:
                self.unexpected.append(str(refusal))

    def _read(self, client: Client, version: str) -> None:
        try:
            read = unzipped(client.download(MODEL, version))
        except Refused as refusal:
            self._refused(refusal)
            return
        if not any(attempt.contents == read for attempt in self._creations(version)):
            self.unexpected.append(f"a ZIP of {version} holds what nobody has sent: {sorted(read)[:5]} …")

    def _creations(self, version: str) -> list[Attempt]:
        with self._lock:
            return [one for one in self.attempts if one.kind == "create" and version in one.versions]

    def check(self, client: Client) -> list[str]:
        """What is wrong with the model while nobody works on it; what came before is forgotten then."""
        documents = {one["version"]: one for one in found(client, f"/{USER}") if one["model_id"] == MODEL}
        wrong = [*self.unexpected]
        kept = []
        seen: list[Digests] = []
        for version in VERSIONS:
            document = documents.get(version)
            creations = self._creations(version)
            if document is None:
                wrong += [f"{version} was acknowledged and is lost" for one in creations if self._stays(one)]
                continue
            files = files_of(client, document)
            digests = {file["filename"]: file["file_hash"] for file in files}
            created = [one for one in creations if one.contents == digests]
            if not created or len(files) != document["files_total"]:
                wrong.append(f"{version} holds {len(files)} files that nobody has sent so")
                continue
            if self._is_gone(created[0]):
                wrong.append(f"{version} is back after it was deleted")
            told = [one.told for one in self.attempts if one.kind == "change"] + [created[0].told]
            if not any(is_like(document, {**created[0].told, **one}) for one in told):
                wrong.append(f"{version} has metadata that nobody has sent: {document['description']!r}")
            if unzipped(client.download(MODEL, version)) != digests:
                wrong.append(f"{version} is damaged")
            seen.append(digests)
            kept.append(self._changed(client, version, created[0]))
        # The worker may still make something of an upload that was left to it.
        kept += [
            one
            for one in self.attempts
            if one.kind == "create" and one.state == "open" and one.contents not in seen
        ]
        self.attempts, self.unexpected = kept, []
        return [f"{MODEL}: {one}" for one in wrong]

    def _stays(self, created: Attempt) -> bool:
        """Whether a version must be there: no deletion could have met it."""
        return created.state == "done" and not any(
            one.ended > created.begun for one in self._deletions(created.versions[0])
        )

    def _is_gone(self, created: Attempt) -> bool:
        """Whether a version must be gone: a deletion began after it was answered, and was answered."""
        return any(
            one.state == "done" and one.begun > created.ended for one in self._deletions(created.versions[0])
        )

    def _deletions(self, version: str) -> list[Attempt]:
        return [
            one
            for one in self.attempts
            if one.kind == "delete" and version in one.versions and one.state != "refused"
        ]

    def _changed(self, client: Client, version: str, created: Attempt) -> Attempt:
        """A version that has been changed once more, which nothing may keep from it."""
        with self._lock:
            self._turn += 1
        told = change(self._turn, f"settled {self._turn}")
        client.ask("PUT", f"/{USER}/{MODEL}", params={"version": version}, json=told)
        return Attempt(
            "create",
            (version,),
            created.contents,
            {**created.told, **told},
            state="done",
            ended=time.monotonic(),
        )
