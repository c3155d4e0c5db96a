"""A user's versions, newest first, page by page."""

import time
from collections.abc import Iterator, Sequence

from msgspec import Struct

from chalicelib.errors import InvalidRequest
from chalicelib.paths import composed
from chalicelib.registry import documents, next_tokens
from chalicelib.registry.access import Visible, visible
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import MAX_TAGS, check_tag
from chalicelib.registry.pages import Page
from chalicelib.schema.documents import VersionDocument, VersionPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import ListQuery
from chalicelib.store import keys, listing, table, versions
from chalicelib.store.listing import Filters
from chalicelib.store.parallel import Pool
from chalicelib.store.rows import Row

SECONDS = 10.0
"""Seconds after which `skip` counts no further in this request; the next page resumes there."""
REQUESTS = 12
"""Queries that one page may take: where hardly anything passes or may be seen, it ends early instead."""
FEW_MODELS = 16
"""Models that are shared of which all versions are read by themselves, apart from those that are not shared."""


class Place(Struct, array_like=True):
    """Where a list resumes."""

    skip: int = 0
    """Versions that are still to be counted off."""
    after: str | None = None
    """The created key of the version that is behind it."""


def filters_of(query: ListQuery) -> Filters:
    """The filters of a request; `InvalidRequest` when a tag is none."""
    tags = [composed(tag.strip()) for tag in (query.tags or "").split(",") if tag.strip()]
    for tag in tags:
        check_tag(tag)
    distinct = list(dict.fromkeys(tags))
    if len(distinct) > MAX_TAGS:
        raise InvalidRequest(f"tags has {len(distinct)} different tags: a version has at most {MAX_TAGS}")
    return Filters(query.framework, query.model_type, distinct)


def scope_of(caller: Caller, route: str, user_id: str, filters: Filters, words: Sequence[str] = ()) -> str:
    """What a `next_token` is good for."""
    narrowed = filters.framework, filters.model_type, sorted(filters.tags)
    return next_tokens.scope_of(caller, route, user_id, *narrowed, words)


def newest(caller: Caller, user_id: str, query: ListQuery) -> VersionPage:
    """A page of the user's versions that pass all filters and that the caller may see, newest first.

    One Query a page and megabyte; by tag one BatchGetItem per 100 versions more, and with `skip` the Queries that
    count off what is skipped. Of another user's, one Query to know which models are shared, and one for each where
    they are few. `next_token` resumes at constant cost. A page for which much has to be read ends early.
    """
    filters = filters_of(query)
    scope = scope_of(caller, "list", user_id, filters)
    place = next_tokens.read_place(query.next_token, scope, Place) if query.next_token else Place(query.skip)
    seen = visible(caller, user_id)
    page: Page[VersionDocument] = Page(query.limit)
    following = _fill(page, user_id, filters, seen, place) if seen else None
    return VersionPage(
        models=page.documents,
        skip=0 if query.next_token else query.skip,
        limit=query.limit,
        next_token=next_tokens.make_place(following, scope) if following else None,
    )


def shared(user_id: str, seen: Visible) -> list[VersionRecord] | None:
    """All versions of a user that may be seen, where that is a few models of at most a megabyte each; otherwise None.

    One Query a model. What the user does not share, and how much of that there is, makes no difference then.
    """
    if seen.models is None or len(seen.models) > FEW_MODELS:
        return None
    ranges = [versions.of_model(user_id, model_id) for model_id in sorted(seen.models)]
    with Pool(len(ranges)) as pool:
        found = list(pool.map(lambda range_: next(table.pages(range_)), ranges))
    if any(page.read_to is not None for page in found):
        return None
    return [row.read(VersionRecord) for page in found for row in page.rows]


def _fill(
    page: Page[VersionDocument], user_id: str, filters: Filters, seen: Visible, place: Place
) -> Place | None:
    """Fills a page from here on; where the next one resumes, None at the end."""
    known = shared(user_id, seen)
    if known is not None:
        passing = [record for record in known if filters.passes(record.document)]
        by_age = sorted(passing, key=versions.created_key, reverse=True)
        following = [one for one in by_age if place.after is None or versions.created_key(one) < place.after]
        return _fill_from(page, following[place.skip :])
    if place.skip:
        counted = _skip(user_id, filters, seen, place)
        if counted is None or counted.skip:
            return counted
        place = counted
    return _fill_by_pages(page, user_id, filters, seen, place)


def _fill_from(page: Page[VersionDocument], records: Sequence[VersionRecord]) -> Place | None:
    after: str | None = None
    for record in records:
        if not page.add(documents.list_document(record)):
            return Place(after=after)
        after = versions.created_key(record)
    return None


def _skip(user_id: str, filters: Filters, seen: Visible, place: Place) -> Place | None:
    """Counts versions off, by their keys alone; None where the list ended before."""
    until = time.monotonic() + SECONDS
    range_ = listing.newest(user_id, filters, place.after)
    for found in table.pages(range_, size=place.skip, keys_only=True):
        shown = _seen(found.rows, filters, seen)
        if len(shown) >= place.skip:
            return Place(after=_position(shown[place.skip - 1], filters))
        if found.read_to is None:
            return None
        place = Place(place.skip - len(shown), found.read_to)
        if time.monotonic() > until:
            return place
    return None


def _fill_by_pages(
    page: Page[VersionDocument], user_id: str, filters: Filters, seen: Visible, place: Place
) -> Place | None:
    position = place.after
    found = table.pages(listing.newest(user_id, filters, position), size=page.limit + 1)
    for number, chunk in enumerate(found, start=1):
        rows = _seen(chunk.rows, filters, seen)
        for row, record in zip(rows, _records(rows, filters), strict=True):
            passes = record is not None and filters.passes(record.document)
            if record is not None and passes and not page.add(documents.list_document(record)):
                return Place(after=position)
            position = _position(row, filters)
        if chunk.read_to is None:
            return None
        position = chunk.read_to
        if len(page.documents) == page.limit or number == REQUESTS:
            break
    return Place(after=position)


def _seen(rows: Sequence[Row], filters: Filters, seen: Visible) -> list[Row]:
    return [row for row in rows if keys.split_created_key(_position(row, filters))[1] in seen]


def _position(row: Row, filters: Filters) -> str:
    return row.sk if filters.tags else row.created_key


def _records(rows: list[Row], filters: Filters) -> Iterator[VersionRecord | None]:
    if not filters.tags:
        yield from (row.read(VersionRecord) for row in rows)
        return
    # A hundred at a time: should they be so large that the page ends early, the others need not be read.
    for start in range(0, len(rows), table.BATCH_GET):
        some = rows[start : start + table.BATCH_GET]
        names = [(row.pk.split("#")[1], *keys.split_created_key(row.sk)[1:]) for row in some]
        yield from versions.read_many(names)
