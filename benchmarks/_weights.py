"""What clients do under faults, and how often."""

import random
from collections.abc import Mapping

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
WIDE = {"many files": 16, "contested": 60, "shared": 40, "tokens": 12, "delete all": 4}
"""What is done besides where the service knows its callers."""


def operations(count: int, chance: random.Random, weights: Mapping[str, int]) -> list[str]:
    """The names of so many things to do, as their weights have it, in random order."""
    total = sum(weights.values())
    ends, before = [], 0
    for weight in weights.values():
        before += weight
        ends.append(round(before * count / total))
    starts = [0, *ends]
    chosen = [
        name for name, start, end in zip(weights, starts, ends, strict=False) for _ in range(end - start)
    ]
    chance.shuffle(chosen)
    return chosen
