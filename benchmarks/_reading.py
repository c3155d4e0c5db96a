"""What trials read of a service: every page of what it lists and finds, and the bytes of a version."""

import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks._service import USER, Client, sha256

TAG = "trial"
"""The tag of all versions, by which they are found again; it stands in no other field."""
FEW = 30
"""Files up to which each is read by itself; more come as one ZIP."""
LIMIT = 70
"""Versions a page, so that there are several."""


def found(client: Client, path: str, **query: Any) -> list[Any]:
    """The documents of all pages that a route lists."""
    return _paged(client, path, "models", {"limit": LIMIT, **query})


def _paged(client: Client, path: str, key: str, query: Mapping[str, Any]) -> list[Any]:
    entries: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = client.ask("GET", path, params={**query, **token}).json()
        entries += page[key]
        if page["next_token"] is None:
            return entries
        token = {"next_token": page["next_token"]}


def found_once(client: Client, names: Sequence[tuple[str, str]]) -> list[str]:
    """What is wrong with how the user's versions, all of which have the tag, are found: each exactly once."""
    wrong = [f"{name} is listed {count} times" for name, count in Counter(names).items() if count > 1]
    ways: dict[str, dict[str, str]] = {
        f"/{USER}": {"tags": TAG},
        f"/search/{USER}": {"query": TAG},
        f"/search/{USER}?": {"query": TAG[:-1], "model_type": "other"},
    }
    for path, query in ways.items():
        documents = found(client, path.rstrip("?"), **query)
        seen = Counter((document["model_id"], document["version"]) for document in documents)
        wrong += [
            f"{path} with {query} finds {name} {seen[name]} times, and it is there {names.count(name)} times"
            for name in seen.keys() | set(names)
            if seen[name] != names.count(name)
        ]
    return wrong


def is_like(document: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether a version's document has the metadata that was sent."""
    return all(document[name] == value for name, value in told.items())


def files_of(client: Client, document: Mapping[str, Any]) -> list[Any]:
    """All files of a version."""
    path = f"/{document['user_id']}/{document['model_id']}/files"
    return _paged(client, path, "files", {"version": document["version"], "limit": 1000})


def read_all(
    client: Client, names: tuple[str, str], paths: Iterable[str], document: Mapping[str, Any]
) -> dict[str, str]:
    """SHA-256 of a version's files as they are downloaded: one by one, or, of many, in a ZIP."""
    if document["files_total"] <= FEW:
        return client.digests(*names, paths)
    return unzipped(client.download(*names))


def unzipped(data: bytes) -> dict[str, str]:
    """SHA-256 of each member of a ZIP, by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {path: sha256(opened.read(path)) for path in opened.namelist()}
