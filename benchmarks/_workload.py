"""Clients that do so many random things with a service, keep at it, and note what they were told."""

import io
import random
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import requests

from benchmarks._beside import Act, Others
from benchmarks._echoes import Echoes
from benchmarks._ledger import MINE, Known, Ledger, Model
from benchmarks._patience import PatientClient
from benchmarks._reading import files_of
from benchmarks._service import USER, Pending, Refused, sha256, zipped
from benchmarks._wide import change, form_fields, many, planned
from benchmarks._wide import fields as wide_fields
from chalicelib.settings import MIB
from chalicelib.store import keys

SMALL = 120
"""Files of a folder of many small ones."""
SIZES = (0, 1, 2_000, 200_000, 200_000, 3_000_000)
PARTED = (9 * MIB, 17 * MIB)
"""Sizes of files that take two parts and three."""

BY_JSON = ("files", "stored folder", "deflated folder", "small folder", "many files")
"""What is sent by a plan, which takes every field."""
FORM_FIELDS = {"user_id", "model_id", "version", "name", "description", "tags"}
Contents = dict[str, bytes]


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
        self.others = Others(clients)
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
            model = f"{MINE}{number}"
            fields = (wide_fields if name in BY_JSON else form_fields)(model, f"v{count}", count)
            begun = time.monotonic()
            try:
                known = self._beside(name, number, chance) or self._do(name, fields, chance)
            except (requests.RequestException, Pending):
                known = False
            except (Refused, zipfile.BadZipFile) as error:
                self.unexpected.append(f"{name}: {error}")
                known = False
            self.seconds[name].append(time.monotonic() - begun)
            self.left[name] += not known

    def _beside(self, name: str, number: int, chance: random.Random) -> bool:
        """Does a thing if it is none for a client's own model, and says whether it was."""
        beside: dict[str, Act] = {
            "contested": self.others.contested,
            "shared": self.others.shared[number],
            "tokens": self.others.tokens[number],
        }
        if name in beside:
            beside[name].act(self._client, chance)
        return name in beside

    def _do(self, name: str, fields: dict[str, Any], chance: random.Random) -> bool:
        """Does a thing, and says whether its outcome is known."""
        mine = self._ledger.of_model(fields["model_id"])
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
        if name == "delete all":
            return self._delete_all(fields["model_id"], mine)
        if name == "many files":
            return self._many(fields, chance)
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
            self._client.form(kind, fields, name, data)
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
        names = {name: fields[name] for name in ("user_id", "model_id", "version")}
        try:
            found = files_of(self._client, names)
        except Refused as refusal:
            if refusal.status != requests.codes.not_found:
                raise
            return False
        return {file["filename"]: file["file_hash"] for file in found} == known.contents

    def _many(self, fields: dict[str, Any], chance: random.Random) -> bool:
        contents = many(chance)
        if chance.random() < 0.3:
            archive = zipped(contents)
            sent = {name: fields[name] for name in fields.keys() & FORM_FIELDS}
            return self._sent_as_form("folder", sent, contents, "f.zip", archive)
        known = self._ledger.sending(fields, contents)
        bundle = {"files": planned(contents, chance), "bundle": True}
        plan = self._client.plan("files", {**fields, **bundle})
        return self._sent(plan, contents, known)

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
        sent = change(chance.randrange(1_000), f"changed {chance.random()}")
        told = known.changing(sent)
        path, query = f"/{USER}/{names[0]}", {"version": names[1]}
        self._client.ask("PUT", path, params=query, json=sent)
        known.told = [told]
        return True

    def _delete_all(self, model: str, mine: Sequence[Model]) -> bool:
        for names in mine:
            self._ledger.known[names].state = "leaving"
        try:
            self._client.ask("DELETE", f"/{USER}/{model}", params={"all_versions": "true"})
        except Refused as refusal:
            # There is none, or all were deleted by a request whose answer was lost.
            if refusal.status != requests.codes.not_found:
                raise
        for names in mine:
            self._ledger.known[names].state = "gone"
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
