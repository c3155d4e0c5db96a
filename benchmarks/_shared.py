"""A model that is shared, deleted and made again: nobody may read what is not shared with them."""

import random
from typing import Any

import requests

from benchmarks._people import READER, STRANGER, as_user, is_refused
from benchmarks._reading import found
from benchmarks._service import USER, Client, Refused, sha256
from benchmarks._wide import form_fields

VERSION = "v1"
NOBODY: frozenset[str] = frozenset()
SHARINGS = (NOBODY, frozenset({READER}), frozenset({READER, "another", "a.third@example"}))
GONE = (404, 409)
"""Statuses of a model that is not there, or is just being deleted."""


class Shared:
    """One model, which one thread has to itself."""

    def __init__(self, number: int) -> None:
        self.model = f"shared-{number}"
        self.unexpected: list[str] = []
        self._turn = 0
        self._contents: set[str] = set()
        """SHA-256 of what the model may hold."""
        self._there: set[bool] = {False}
        self.is_certain = True
        """Whether the last change of its readers was acknowledged."""
        self._readers: set[frozenset[str]] = {NOBODY}
        """Who may be allowed to read it, as far as that is known."""

    def act(self, client: Client, chance: random.Random) -> str:
        """Does one thing, and says which; raises what a client does that gets no answer."""
        self._turn += 1
        if True not in self._there or (False in self._there and chance.random() < 0.5):
            self._create(client, chance)
            return "create"
        kind = chance.choice(("share", "share", "delete", "delete", "look"))
        if kind == "share":
            self._share(client, chance.choice(SHARINGS))
        elif kind == "delete":
            self._delete(client, chance)
        else:
            self.unexpected += self._look(client)
        return kind

    @property
    def _path(self) -> str:
        return f"/{USER}/{self.model}"

    def _create(self, client: Client, chance: random.Random) -> None:
        data = chance.randbytes(1_000)
        fields = form_fields(self.model, VERSION, self._turn)
        self._there.add(True)
        self._contents.add(sha256(data))
        try:
            client.form("single", fields, "model.bin", data)
        except Refused as refusal:
            # It is still being deleted, or was made by a try whose answer was lost.
            if refusal.status != 409:
                raise
            return
        self._there, self._contents = {True}, {sha256(data)}

    def _share(self, client: Client, users: frozenset[str]) -> None:
        if any(before - users for before in self._readers):
            # Before it is taken from somebody, the copy goes that a rebuild would bring back.
            self._readers.add(NOBODY)
        self._readers.add(users)
        self.is_certain = False
        body: dict[str, Any] = {"users": sorted(users)}
        if is_refused(client, GONE, "PUT", f"{self._path}/access", json=body):
            self._gone()
        else:
            self._readers, self.is_certain = {users}, True

    def _delete(self, client: Client, chance: random.Random) -> None:
        # What it ends with is the model's last version.
        self._there.add(False)
        self._readers.add(NOBODY)
        self.is_certain = False
        query = {"all_versions": "true"} if chance.random() < 0.5 else {"version": VERSION}
        is_refused(client, GONE, "DELETE", self._path, params=query)
        self._gone()
        self.is_certain = True

    def _gone(self) -> None:
        self._there, self._readers, self._contents = {False}, {NOBODY}, set()

    def _look(self, client: Client) -> list[str]:
        """What of it others read who may not, or don't who may."""
        wrong = []
        for user in (READER, STRANGER):
            other = as_user(client, user)
            sees = not is_refused(other, (404,), "GET", self._path)
            listed = [one["model_id"] for one in found(other, f"/{USER}")]
            searched = [one["model_id"] for one in found(other, f"/search/{USER}", query=self.model)]
            for way, reads in (
                ("gets", sees),
                ("lists", self.model in listed),
                ("finds", self.model in searched),
            ):
                may = {user in readers and there for readers in self._readers for there in self._there}
                if reads not in may:
                    wrong.append(f"{self.model}: {user} {way} it: {reads}, and may: {may}")
            file = {"filename": "model.bin"}
            if not sees and not is_refused(other, (404,), "GET", f"{self._path}/download", params=file):
                wrong.append(f"{self.model}: {user} downloads it")
        return wrong

    def check(self, client: Client) -> list[str]:
        """What is wrong while nobody works on it; what is found of what was not answered is what holds from now on."""
        wrong = [*self.unexpected]
        self.unexpected = []
        there = not is_refused(client, (404,), "GET", self._path)
        if there not in self._there:
            wrong.append(f"{self.model}: it is there: {there}, and may be: {self._there}")
        self._there = {there}
        if not there:
            self._gone()
        else:
            self._readers &= {self._told(client)}
            if not self._readers:
                wrong.append(f"{self.model}: it is shared with {set(self._told(client))}")
                self._readers = {self._told(client)}
            digest = client.sha256(self.model, VERSION, "model.bin")
            if digest not in self._contents:
                wrong.append(f"{self.model}: it is damaged")
            self._contents = {digest}
        return wrong + self._look(client)

    def _told(self, client: Client) -> frozenset[str]:
        answer: requests.Response = client.ask("GET", f"{self._path}/access")
        return frozenset(answer.json()["users"])
