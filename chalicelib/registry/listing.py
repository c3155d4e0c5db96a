"""A user's versions, newest first, page by page."""

import time
from collections.abc import Iterator, Sequence

from chalicelib.errors import StoreBusy
from chalicelib.registry import documents, next_tokens
from chalicelib.registry.access import Visible, visible
from chalicelib.registry.callers import Caller
from chalicelib.registry.naming import check_tag
from chalicelib.registry.pages import Page
from chalicelib.schema.documents import VersionDocument, VersionPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import ListQuery
from chalicelib.store import keys, listing, table, versions
from chalicelib.store.listing import Filters
from chalicelib.store.rows import Row
from chalicelib.store.table import RowPage

SECONDS = 15.0
"""Seconds for which a page is looked for among versions that the caller may not see."""
REQUESTS = 12
"""Queries that one page may take: a filter that hardly anything passes ends the page early instead."""


def filters_of(query: ListQuery) -> Filters:
    """The filters of a request; `InvalidRequest` when a tag is none."""
    tags = [tag.strip() for tag in (query.tags or "").split(",") if tag.strip()]
    for tag in tags:
        check_tag(tag)
    return Filters(query.framework, query.model_type, list(dict.fromkeys(tags)))


def scope_of(caller: Caller, route: str, user_id: str, filters: Filters, words: Sequence[str] = ()) -> str:
    """What a `next_token` is good for."""
    narrowed = filters.framework, filters.model_type, sorted(filters.tags)
    return next_tokens.scope_of(caller, route, user_id, *narrowed, words)


def newest(caller: Caller, user_id: str, query: ListQuery) -> VersionPage:
    """A page of the user's versions that pass all filters and that the caller may see, newest first.

    One Query a page and megabyte, and for another user's versions one to know which are shared; by tag one
    BatchGetItem per 100 versions more, and with `skip` the Queries that count off what is skipped. `next_token`
    goes on at constant cost.
    """
    seen = visible(caller, user_id)
    filters = filters_of(query)
    scope = scope_of(caller, "list", user_id, filters)
    after: str | None
    if query.next_token:
        skip, after, ended = 0, next_tokens.read(query.next_token, scope), False
    else:
        skip = query.skip
        after, ended = _skip(user_id, filters, seen, skip)
    if ended or not seen:
        return VersionPage(models=[], skip=skip, limit=query.limit, next_token=None)
    page, position = _page(user_id, filters, seen, after, query.limit)
    token = next_tokens.make(position, scope) if position else None
    return VersionPage(models=page.documents, skip=skip, limit=query.limit, next_token=token)


def _pages(filters: Filters, seen: Visible, pages: Iterator[RowPage]) -> Iterator[RowPage]:
    """The pages without the versions that the caller may not see."""
    until = time.monotonic() + SECONDS
    for page in pages:
        shown = [row for row in page.rows if keys.split_created_key(_position(row, filters))[1] in seen]
        yield RowPage(shown, page.read_to)
        if seen.models is not None and time.monotonic() > until:
            raise StoreBusy(
                "What is shared with you is too far apart to be listed; ask for its models by name"
            )


def _skip(user_id: str, filters: Filters, seen: Visible, count: int) -> tuple[str | None, bool]:
    """The created key of the last of `count` skipped versions, and whether the list ended before."""
    if count == 0 or not seen:
        return None, not seen
    left = count
    pages = table.pages(listing.newest(user_id, filters, None), size=count, keys_only=True)
    for found in _pages(filters, seen, pages):
        if len(found.rows) >= left:
            return _position(found.rows[left - 1], filters), False
        left -= len(found.rows)
    return None, True


def _page(
    user_id: str, filters: Filters, seen: Visible, after: str | None, limit: int
) -> tuple[Page[VersionDocument], str | None]:
    """A page of what follows the created key `after`, and where the next one goes on, None at the end."""
    page: Page[VersionDocument] = Page(limit)
    position = after
    found = table.pages(listing.newest(user_id, filters, after), size=limit + 1)
    for number, chunk in enumerate(_pages(filters, seen, found), start=1):
        for row, record in zip(chunk.rows, _records(chunk.rows, filters), strict=True):
            if record is not None and not page.add(documents.list_document(record)):
                return page, position
            position = _position(row, filters)
        if chunk.read_to is None:
            return page, None
        # Where a page ends is told to its reader: at what others may not see, none of theirs does.
        if seen.models is None:
            position = chunk.read_to
        if len(page.documents) == limit or (number == REQUESTS and seen.models is None):
            break
    return page, position


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
