"""What trials send to look for what nobody thought of: hostile texts, and numbers of files at every boundary."""

import random
from collections.abc import Mapping
from typing import Any

from benchmarks._hostile import NAMES, TEXTS, metadata
from benchmarks._reading import TAG
from benchmarks._service import USER

COUNTS = (11, 49, 50, 51, 99, 100, 101, 120)
"""Numbers of files around those that a record, a row, a batch and a transaction hold."""
LARGE_COUNTS = (500, 999, 1_000, 1_001, 1_251)
"""Those around what a ZIP made in a request, a page, and the batches of one write hold."""
LARGE = 0.2
"""How many have such a number."""
SHORT = 400
"""Bytes of the longest of many files."""

Contents = dict[str, bytes]


def many(chance: random.Random) -> Contents:
    """As many small files as lie on one side or the other of a boundary, some of them with hostile names."""
    count = chance.choice(LARGE_COUNTS if chance.random() < LARGE else COUNTS)
    names = [*NAMES[: count // 2], *(f"small/{number:05d}.txt" for number in range(count))][:count]
    return {name: chance.randbytes(chance.randint(0, SHORT)) for name in names}


def fields(model_id: str, version: str, turn: int) -> dict[str, Any]:
    """The names and metadata of a new version, with hostile texts in every field; another `turn`, others."""
    told = metadata(turn)
    names = {"user_id": USER, "model_id": model_id, "version": version}
    return {**names, **told, "tags": [*told["tags"], TAG]}


def described(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata among the fields of a new version: all but its names."""
    return {name: fields[name] for name in fields.keys() - {"user_id", "model_id", "version"}}


def form_fields(model_id: str, version: str, turn: int) -> dict[str, Any]:
    """As `fields`, of those that a form has as mere text."""
    texts = {"name": TEXTS[turn % len(TEXTS)][:256], "description": TEXTS[(turn + 1) % len(TEXTS)]}
    names = {"user_id": USER, "model_id": model_id, "version": version}
    return {**names, **texts, "tags": ["<Error>", f"turn {turn}", TAG]}


def change(turn: int, label: str) -> dict[str, Any]:
    """A change of the metadata by which a version is found; `label` makes it differ from all others."""
    told = metadata(turn)
    return {
        "description": f"{told['description'][:300]} {label}",
        "algorithm": told["algorithm"],
        "tags": [*told["tags"], f"change {turn % 50}", TAG],
        "custom_metadata": {**told["custom_metadata"], "label": label},
    }


def planned(contents: Contents, chance: random.Random) -> list[dict[str, Any]]:
    """The files of a plan, with a description now and then."""
    return [
        {"filename": name, "file_size": len(data)}
        | ({"description": chance.choice(TEXTS)} if chance.random() < 0.2 else {})
        for name, data in contents.items()
    ]
