"""API tokens with hostile labels, made, used and revoked: those that were revoked never work again."""

import random
from typing import Any

from benchmarks._hostile import TEXTS
from benchmarks._people import is_refused
from benchmarks._service import USER, Client

MOST = 25
"""Tokens that one user may have here; the service allows 100."""
TIME = 10
"""How many of those that were revoked are tried again."""


class Tokens:
    """The tokens of one user, which one thread has to itself."""

    def __init__(self) -> None:
        self.unexpected: list[str] = []
        self._live: dict[str, tuple[str, str]] = {}
        """Label and token by id."""
        self._leaving: dict[str, tuple[str, str]] = {}
        self._revoked: dict[str, str] = {}

    def act(self, client: Client, chance: random.Random) -> str:
        """Does one thing, and says which; raises what a client does that gets no answer."""
        kind = chance.choice(("make", "make", "use", "revoke"))
        if len(self._live) > MOST:
            kind = "revoke"
        if kind == "make" or not self._live:
            label = chance.choice(TEXTS)[:100]
            body: dict[str, Any] = {"label": label, "scopes": ["models:read"]}
            made = client.ask("POST", "/tokens", base="", json=body).json()
            self._live[made["token_id"]] = label, made["token"]
            return "make"
        token_id = chance.choice(list(self._live))
        if kind == "use":
            if not self._works(client, self._live[token_id][1]):
                self.unexpected.append(f"API token {token_id} does not work")
            return kind
        self._leaving[token_id] = self._live.pop(token_id)
        is_refused(client, (404,), "DELETE", f"/tokens/{token_id}", base="")
        self._revoked[token_id] = self._leaving.pop(token_id)[1]
        return kind

    def _works(self, client: Client, token: str) -> bool:
        holder = Client(client.url, token)
        return not is_refused(holder, (401,), "GET", f"/{USER}", params={"limit": 1})

    def is_certain(self, name: str) -> bool:
        """Whether it was acknowledged what becomes of the token that an audit calls so."""
        token_id = name.removeprefix("token ")
        return token_id in self._live or token_id in list(self._revoked)[-TIME:]

    def check(self, client: Client) -> list[str]:
        """What is wrong with them while nobody works on them."""
        wrong = [*self.unexpected]
        self.unexpected = []
        listed = {
            one["token_id"]: one["label"] for one in client.ask("GET", "/tokens", base="").json()["tokens"]
        }
        for token_id, (label, token) in self._live.items():
            if listed.get(token_id) != label:
                wrong.append(f"API token {token_id} is listed as {listed.get(token_id)!r}")
            if not self._works(client, token):
                wrong.append(f"API token {token_id} does not work")
        for token_id in list(self._revoked)[-TIME:]:
            if token_id in listed or self._works(client, self._revoked[token_id]):
                wrong.append(f"API token {token_id} works, and was revoked")
        for token_id, kept in list(self._leaving.items()):
            # Whether it went is not known: it is revoked again.
            is_refused(client, (404,), "DELETE", f"/tokens/{token_id}", base="")
            self._revoked[token_id] = kept[1]
        self._leaving.clear()
        return wrong
