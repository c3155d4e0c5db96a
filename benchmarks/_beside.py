"""What is done in trials beside clients that have their model to themselves."""

import random
from collections.abc import Sequence
from typing import Protocol

from benchmarks._contested import Contested
from benchmarks._service import USER, Client
from benchmarks._shared import Shared
from benchmarks._tokens import Tokens


class Act(Protocol):
    """Something that threads do again and again."""

    def act(self, client: Client, chance: random.Random) -> str:
        """Does one thing, and says which."""

    def check(self, client: Client) -> list[str]:
        """What is wrong while nobody works."""


class Others:
    """A model for which many contend, and for each of so many threads one that is shared, and API tokens."""

    def __init__(self, threads: int = 1) -> None:
        self.contested = Contested()
        self.shared = [Shared(number) for number in range(threads)]
        self.tokens = [Tokens() for _ in range(threads)]

    def threads(self, contestants: int) -> list[Act]:
        """What each of their threads does, where each does one thing."""
        return [*[self.contested] * contestants, *self.shared, *self.tokens]

    def check(self, client: Client) -> list[str]:
        """What is wrong while nobody works."""
        return [problem for one in self.threads(1) for problem in one.check(client)]

    def are_wrong(self, copies: Sequence[str]) -> list[str]:
        """Those rows and copies that disagree, as an audit calls them, although what was done was acknowledged."""
        certain = {f"access {USER}/{one.model}" for one in self.shared if one.is_certain}
        return [
            f"copies: {name}"
            for name in copies
            if name in certain or any(one.is_certain(name) for one in self.tokens)
        ]
