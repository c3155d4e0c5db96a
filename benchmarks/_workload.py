"""Clients that do so many random things with a service, keep at it, and note what they were told."""

import io
import random
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import requests

from benchmarks._echoes import Echoes
from benchmarks._ledger import Known, Ledger
from benchmarks._patience import PatientClient, Pending
from benchmarks._service import USER, Refused, sha256, zipped
from chalicelib.settings import MIB
from chalicelib.store import keys

WEIGHTS = {
    "form": 28,
    "folder form": 18,
    "files": 32,
    "stored folder": 14,
    "deflated folder": 14,
    "small folder": 12,
    "zip": 32,
    "change": 32,
    "delete": 18,
}
"""How often each thing is done, of 200."""
SMALL = 120
"""Files of a folder of many small ones."""
SIZES = (0, 1, 2_000, 200_000, 200_000, 3_000_000)
PARTED = (9 * MIB, 17 * MIB)
"""Sizes of files that take two parts and three."""

Contents = dict[str, bytes]


def operations(count: int, chance: random.Random) -> list[str]:
    """The names of so many things to do, as their weights have it, in random order."""
    total = sum(WEIGHTS.values())
    ends, before = [], 0
    for weight in WEIGHTS.values():
        before += weight
        ends.append(round(before * count / total))
    starts = [0, *ends]
    chosen = [
        name for name, start, end in zip(WEIGHTS, starts, ends, strict=False) for _ in range(end - start)
    ]
    chance.shuffle(chosen)
    return chosen


class Workload:
    """Threads that work through the operations, each on a model of its own."""

    def __init__(
        self,
        client: PatientClient,
        ledger: Ledger,
        echoes: Echoes,
        todo: list[str],
        clients: int,
        chance: random.Random,
    ) -> None:
        """They start at once."""
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        """What each operation took, by its name."""
        self.left: Counter[str] = Counter()
        """Operations whose outcome their client never heard."""
        self.open: list[str] = []
        """Uploads that were handed over and not seen to end."""
        self.unexpected: list[str] = []
        self._client, self._ledger, self._echoes = client, ledger, echoes
        self._todo: SimpleQueue[str] = SimpleQueue()
        for name in todo:
            self._todo.put(name)
        self._stop = Event()
        seeds = [chance.random() for _ in range(clients)]
        self._threads = [Thread(target=self._run, args=(n, random.Random(s))) for n, s in enumerate(seeds)]
        for thread in self._threads:
            thread.start()

    @property
    def left_to_do(self) -> int:
        """Operations that nobody has begun."""
        return self._todo.qsize()

    def join(self) -> None:
        """Waits until all is done."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Lets no operation begin any more, and waits for those that are under way."""
        self._stop.set()
        self.join()

    def _run(self, number: int, chance: random.Random) -> None:
        count = 0
        while not self._stop.is_set():
            try:
                name = self._todo.get_nowait()
            except Empty:
                return
            count += 1
            fields = {
                "user_id": USER,
                "model_id": f"client-{number}",
                "version": f"v{count}",
                "name": f"Client {number}",
                "description": f"first of {count}",
                "tags": ["tried", f"client-{number}"],
            }
            begun = time.monotonic()
            try:
                known = self._do(name, fields, chance)
            except (requests.RequestException, Pending):
                known = False
            except (Refused, zipfile.BadZipFile) as error:
                self.unexpected.append(f"{name}: {error}")
                known = False
            self.seconds[name].append(time.monotonic() - begun)
            self.left[name] += not known

    def _do(self, name: str, fields: dict[str, Any], chance: random.Random) -> bool:
        """Does a thing, and says whether its outcome is known."""
        mine = [names for names in self._ledger.of_state("there") if names[0] == fields["model_id"]]
        if name in ("zip", "change", "delete"):
            if not mine:
                return self._form(fields, chance)
            names = chance.choice(mine)
            known = self._ledger.known[names]
            if name == "zip":
                return self._zip(names, known)
            return self._change(names, known, chance) if name == "change" else self._delete(names, known)
        if name == "form":
            return self._form(fields, chance)
        if name == "folder form":
            contents = {f"net/{n:02d}.bin": _bytes(chance) for n in range(chance.randint(2, 25))}
            return self._sent_as_form("folder", fields, contents, "f.zip", zipped(contents))
        if name == "files":
            return self._files(fields, chance)
        return self._folder(name, fields, chance)

    def _form(self, fields: dict[str, Any], chance: random.Random) -> bool:
        data = _bytes(chance)
        return self._sent_as_form("single", fields, {"model.bin": data}, "model.bin", data)

    def _sent_as_form(
        self, kind: str, fields: dict[str, Any], contents: Contents, name: str, data: bytes
    ) -> bool:
        known = self._ledger.sending(fields, contents)
        try:
            self._client.form(kind, {**fields, "tags": ",".join(fields["tags"])}, name, data)
        except Refused as refusal:
            again = refusal.status == requests.codes.conflict and vars(refusal)["tries"] > 1
            if not again:
                raise
            if not self._is_there(fields, known):
                # A run that was killed holds the name for a minute; this client takes another.
                return False
        known.state = "there"
        return True

    def _is_there(self, fields: Mapping[str, Any], known: Known) -> bool:
        """Whether a version whose answer was lost has come to be."""
        path, query = f"/{USER}/{fields['model_id']}/files", {"version": fields["version"], "limit": 1000}
        try:
            found = self._client.ask("GET", path, params=query).json()
        except Refused as refusal:
            if refusal.status != requests.codes.not_found:
                raise
            return False
        return {file["filename"]: file["file_hash"] for file in found["files"]} == known.contents

    def _files(self, fields: dict[str, Any], chance: random.Random) -> bool:
        contents = {f"part-{n}.bin": _bytes(chance) for n in range(chance.randint(0, 3))}
        contents["large.bin"] = chance.randbytes(chance.choice(PARTED) + chance.randint(0, 1000))
        known = self._ledger.sending(fields, contents)
        files = [
            {"filename": path, "file_size": len(data)}
            | ({"file_hash": sha256(data)} if chance.random() < 0.5 else {})
            for path, data in contents.items()
        ]
        plan = self._client.plan("files", {**fields, "files": files})
        return self._sent(plan, contents, known)

    def _folder(self, name: str, fields: dict[str, Any], chance: random.Random) -> bool:
        compression = zipfile.ZIP_DEFLATED
        if name == "stored folder":
            compression = zipfile.ZIP_STORED
            contents = {f"shards/{n}.bin": chance.randbytes(chance.randint(5, 7) * MIB) for n in range(2)}
            contents["config.json"] = b"{}" * 100
        elif name == "deflated folder":
            contents = {f"w/{n}.bin": chance.randbytes(1_000) * 3_000 for n in range(3)}
            contents["w/large.bin"] = chance.randbytes(2_000) * 5_000
        else:
            contents = {f"small/{n:04d}.txt": chance.randbytes(chance.randint(0, 400)) for n in range(SMALL)}
        known = self._ledger.sending(fields, contents)
        archive = zipped(contents, compression)
        plan = self._client.plan("folder", {**fields, "file_size": len(archive)})
        return self._sent(plan, {"archive.zip": archive}, known)

    def _sent(self, plan: Any, contents: Contents, known: Known) -> bool:
        upload_id = plan["upload_id"]
        for key in (
            keys.archive_key(upload_id),
            keys.task_key("verify", upload_id),
            keys.task_key("unpack", upload_id),
        ):
            self._echoes.heard_of(key)
        self.open.append(upload_id)
        self._client.send_parts(plan, contents)
        deadline = time.monotonic() + self._client.patience
        while time.monotonic() < deadline:
            answer = self._client.ask("POST", f"/uploads/{upload_id}/complete")
            if answer.status_code == requests.codes.ok:
                known.state = "there"
                self.open.remove(upload_id)
                return True
            time.sleep(0.2)
        return False

    def _zip(self, names: tuple[str, str], known: Known) -> bool:
        data = self._client.download(*names)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {path: sha256(archive.read(path)) for path in archive.namelist()}
        if found != known.contents:
            self.unexpected.append(f"zip: {names}: {sorted(found.items() ^ known.contents.items())} differ")
        return True

    def _change(self, names: tuple[str, str], known: Known, chance: random.Random) -> bool:
        description = f"changed {chance.random()}"
        known.descriptions.add(description)
        path, query = f"/{USER}/{names[0]}", {"version": names[1]}
        self._client.ask("PUT", path, params=query, json={"description": description})
        known.descriptions = {description}
        return True

    def _delete(self, names: tuple[str, str], known: Known) -> bool:
        known.state = "leaving"
        try:
            self._client.ask("DELETE", f"/{USER}/{names[0]}", params={"version": names[1]})
        except Refused as refusal:
            # It was deleted by a request whose answer was lost.
            if refusal.status != requests.codes.not_found or vars(refusal)["tries"] == 1:
                raise
        known.state = "gone"
        return True


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice(SIZES))
