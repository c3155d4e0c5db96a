"""The routes whose cost is measured, and what each may cost.

Every page is of three, so that answers are of one size in a catalog of 10 versions and in one of 100,000.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import _catalog as catalog
from benchmarks._requests import App
from chalicelib.registry import manifests, next_tokens, zipping
from chalicelib.registry.callers import anyone
from chalicelib.registry.listing import scope_of
from chalicelib.schema.records import VersionRecord
from chalicelib.store import objects, table, versions
from chalicelib.store.listing import Filters

PAGE = 3


@dataclass(frozen=True, slots=True)
class Catalog:
    """A user and how many versions he has."""

    user_id: str
    count: int

    def record(self, place: int) -> VersionRecord:
        """The version at this place by age; but for what only rare ones have."""
        return catalog.record(self.user_id, place, rare=False)

    @property
    def settled(self) -> VersionRecord:
        """The version that `settle` has given objects as well."""
        return self.record(self.count // 3)


@dataclass(frozen=True, slots=True)
class Route:
    """A request, and the DynamoDB and S3 calls that it may make; None where nothing is promised."""

    name: str
    dynamodb: int | None
    s3: int | None
    event: Callable[[App, Catalog, random.Random], Any]
    judged: bool = True
    """Whether its latency must not grow."""
    units: int = 1
    """Read units that it may cost more than with few versions, beside one for each further document."""


def settle(of: Catalog) -> None:
    """Gives one version what changing and downloading it need: a manifest, and its ZIP."""
    record = of.settled
    record.manifest_etag = manifests.write_first(record, bool)
    table.write_many(catalog.rows(record))
    objects.put(zipping.key_of(record), b"a ZIP that nobody opens")


def _base(of: Catalog) -> str:
    return f"/ai-models/{of.user_id}"


def _address(record: VersionRecord) -> tuple[str, str]:
    return f"/ai-models/{record.document.user_id}/{record.document.model_id}", record.document.version


def _named(app: App, of: Catalog, chance: random.Random) -> Any:
    path, version = _address(of.record(chance.randrange(of.count)))
    return app.event("GET", path, version=version)


def _latest(app: App, of: Catalog, chance: random.Random) -> Any:
    return app.event("GET", _address(of.record(chance.randrange(of.count)))[0])


def _versions(app: App, of: Catalog, chance: random.Random) -> Any:
    path, _ = _address(of.record(chance.randrange(of.count)))
    return app.event("GET", f"{path}/versions", limit=PAGE)


def _files(app: App, of: Catalog, chance: random.Random) -> Any:
    path, version = _address(of.record(chance.randrange(of.count)))
    return app.event("GET", f"{path}/files", version=version)


def _deep(app: App, of: Catalog, chance: random.Random) -> Any:
    position = versions.created_key(of.record(of.count // 2))
    token = next_tokens.make(position, scope_of(anyone(), "list", of.user_id, Filters()))
    return app.event("GET", _base(of), limit=PAGE, next_token=token)


def _list(**filters: str) -> Callable[[App, Catalog, random.Random], Any]:
    return lambda app, of, chance: app.event("GET", _base(of), limit=PAGE, **filters)


def _search(query: str, **filters: str) -> Callable[[App, Catalog, random.Random], Any]:
    return lambda app, of, chance: app.event(
        "GET", f"/ai-models/search/{of.user_id}", query=query, limit=PAGE, **filters
    )


def _update(app: App, of: Catalog, chance: random.Random) -> Any:
    path, version = _address(of.settled)
    # A new pair of words each time: two rows of the index go and two come.
    described = f"checked{chance.randrange(10**6):06d} approved{chance.randrange(10**6):06d}"
    return app.event("PUT", path, version=version, body={"description": described})


def _download(app: App, of: Catalog, chance: random.Random) -> Any:
    path, version = _address(of.settled)
    return app.event("GET", f"{path}/download", version=version, filename=of.settled.files[0].path)


def _zip(app: App, of: Catalog, chance: random.Random) -> Any:
    path, version = _address(of.settled)
    return app.event("GET", f"{path}/download", version=version)


ROUTES = [
    Route("get a version", 1, 0, _named),
    Route("get the latest", 1, 0, _latest),
    Route("versions of a model", 1, 0, _versions, judged=False),
    Route("files of a version", 1, 0, _files, judged=False),
    Route("list, first page", 1, 0, _list()),
    Route("list, page from the middle", 1, 0, _deep),
    Route("list by framework", 1, 0, _list(framework=catalog.FRAMEWORK)),
    Route("list by model type", 1, 0, _list(model_type=catalog.MODEL_TYPE)),
    Route(
        "list by framework and type",
        1,
        0,
        _list(framework=catalog.FRAMEWORK, model_type=catalog.MODEL_TYPE),
        judged=False,
    ),
    Route("list by a rare tag", 2, 0, _list(tags=catalog.RARE_TAG)),
    Route("list by a common tag", 2, 0, _list(tags=catalog.COMMON_TAG)),
    Route("search, 1 rare word", 2, 0, _search(catalog.RARE_WORD)),
    Route("search, 2 rare words", 3, 0, _search(f"{catalog.RARE_WORD} {catalog.OTHER_RARE_WORD}")),
    Route("search, rare beginning", 2, 0, _search(catalog.RARE_WORD[:6])),
    Route(
        "search, rare and common word",
        3,
        0,
        _search(f"{catalog.RARE_WORD} {catalog.COMMON_WORD}"),
        # 100 rows of the common word are read beside the rare one's, where there are so many.
        units=4,
    ),
    Route("change metadata", 2, 1, _update, judged=False),
    Route("download a file (link)", 1, 0, _download, judged=False),
    Route("download the ZIP (link)", 2, 1, _zip, judged=False),
    Route(
        "list by a common and a rare tag",
        None,
        0,
        _list(tags=f"{catalog.COMMON_TAG},{catalog.RARE_TAG}"),
        judged=False,
    ),
    Route("search, 1 common word", None, 0, _search(catalog.COMMON_WORD), judged=False),
]
