"""The clients of a service that is about to be killed."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

import requests

from benchmarks._beside import Act, Others
from benchmarks._ledger import MINE, Ledger, Model
from benchmarks._service import USER, Client, Refused, zipped
from benchmarks._waiting import wait
from benchmarks._wide import change, fields, form_fields, many, planned

CLIENTS = 5
"""Threads that each have a model to themselves."""
CONTESTANTS = 3
"""Threads that work on one."""
MOST = 6
"""Versions of a model, after which all are deleted at once."""
SIZES = (1, 2_000, 200_000, 200_000, 9_000_000)
"""Bytes of files: the largest takes two parts."""

Contents = dict[str, bytes]


class Clients:
    """Threads that upload, change and delete, until the service is away."""

    def __init__(
        self, client: Client, ledger: Ledger, others: Others, round_number: int, chance: random.Random
    ) -> None:
        """They start at once."""
        self.done: Counter[str] = Counter()
        self.open: list[str] = []
        """Uploads that were handed over and not seen to end."""
        self.unexpected: list[str] = []
        self._client, self._ledger, self._round = client, ledger, round_number
        self._stop = Event()
        works: list[Callable[[int, random.Random], None]] = [self._work] * CLIENTS
        works += [self._repeat(one) for one in others.threads(CONTESTANTS)]
        seeds = [chance.random() for _ in works]
        self._threads = [
            Thread(target=self._run, args=(work, number, random.Random(seed)))
            for number, (work, seed) in enumerate(zip(works, seeds, strict=True))
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Lets no new request begin, and waits for those that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[int, random.Random], None], number: int, chance: random.Random) -> None:
        try:
            work(number, chance)
        except requests.RequestException:
            # The service is away, or a store behind its URL.
            return
        except Refused as refusal:
            # Clients have only their own things to do with: nothing refuses them but the kill.
            if not self._stop.is_set():
                self.unexpected.append(str(refusal))

    def _repeat(self, one: Act) -> Callable[[int, random.Random], None]:
        def repeat(_: int, chance: random.Random) -> None:
            while not self._stop.is_set():
                self.done[one.act(self._client, chance)] += 1

        return repeat

    def _work(self, number: int, chance: random.Random) -> None:
        kinds: list[Callable[[str, str, random.Random], None]] = [
            self._form,
            self._folder_form,
            self._plan,
            self._folder_plan,
            self._bundle,
        ]
        kinds += [self._change] * 2
        model, count = f"{MINE}{number}", 0
        while not self._stop.is_set():
            count += 1
            kind = chance.choice([*kinds, self._delete] if count % 10 == 9 else kinds)
            if len(self._ledger.of_model(model)) > MOST:
                kind = self._delete_all
            kind(model, f"v{self._round}.{count}", chance)
            self.done[kind.__name__.strip("_")] += 1

    def _form(self, model: str, version: str, chance: random.Random) -> None:
        data = chance.randbytes(chance.choice(SIZES))
        self._sent_as_form("single", model, version, chance, {"model.bin": data}, "model.bin", data)

    def _folder_form(self, model: str, version: str, chance: random.Random) -> None:
        contents = many(chance)
        self._sent_as_form("folder", model, version, chance, contents, "f.zip", zipped(contents))

    def _sent_as_form(
        self,
        kind: str,
        model: str,
        version: str,
        chance: random.Random,
        contents: Contents,
        name: str,
        data: bytes,
    ) -> None:
        told = form_fields(model, version, chance.randrange(1_000))
        known = self._ledger.sending(told, contents)
        self._client.form(kind, told, name, data)
        known.state = "there"

    def _plan(self, model: str, version: str, chance: random.Random) -> None:
        contents = {
            f"part-{number}.bin": chance.randbytes(chance.choice(SIZES))
            for number in range(chance.randint(1, 4))
        }
        self._planned(model, version, chance, contents)

    def _bundle(self, model: str, version: str, chance: random.Random) -> None:
        self._planned(model, version, chance, many(chance), bundle=True)

    def _planned(
        self, model: str, version: str, chance: random.Random, contents: Contents, *, bundle: bool = False
    ) -> None:
        told = fields(model, version, chance.randrange(1_000))
        known = self._ledger.sending(told, contents)
        plan = self._client.plan("files", {**told, "files": planned(contents, chance), "bundle": bundle})
        self.open.append(plan["upload_id"])
        if self._client.send(plan, contents).status_code == requests.codes.ok:
            known.state = "there"
            self.open.remove(plan["upload_id"])

    def _folder_plan(self, model: str, version: str, chance: random.Random) -> None:
        contents = many(chance)
        told = fields(model, version, chance.randrange(1_000))
        known = self._ledger.sending(told, contents)
        archive = zipped(contents)
        plan = self._client.plan("folder", {**told, "file_size": len(archive)})
        self.open.append(plan["upload_id"])
        self._client.send(plan, {"archive.zip": archive})
        if wait(self._client, plan["upload_id"], self._stop) == "ready":
            known.state = "there"
            self.open.remove(plan["upload_id"])

    def _mine(self, model: str, chance: random.Random) -> Model | None:
        mine = self._ledger.of_model(model)
        return chance.choice(mine) if mine else None

    def _change(self, model: str, _version: str, chance: random.Random) -> None:
        names = self._mine(model, chance)
        if names is None:
            return
        known = self._ledger.known[names]
        sent: dict[str, Any] = change(chance.randrange(1_000), f"changed {self._round} {chance.random()}")
        told = known.changing(sent)
        self._client.ask("PUT", f"/{USER}/{model}", params={"version": names[1]}, json=sent)
        known.told = [told]

    def _delete(self, model: str, _version: str, chance: random.Random) -> None:
        names = self._mine(model, chance)
        if names is not None:
            self._deleted(model, [names], {"version": names[1]})

    def _delete_all(self, model: str, _version: str, _chance: random.Random) -> None:
        # Also those that were sent and whose end was not heard: they are at most on their way.
        self._deleted(model, self._ledger.of_model(model), {"all_versions": "true"})

    def _deleted(self, model: str, versions: Sequence[Model], query: dict[str, str]) -> None:
        for names in versions:
            self._ledger.known[names].state = "leaving"
        self._client.ask("DELETE", f"/{USER}/{model}", params=query)
        for names in versions:
            self._ledger.known[names].state = "gone"
