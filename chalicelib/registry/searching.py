"""Search: the versions in which every word of a query occurs, best match first.

Each word is looked up in the inverted index. Words that many versions have are not read to their end when
another word leaves few candidates: those are then held against the documents themselves.
"""

from collections.abc import Sequence

from chalicelib.registry import documents, next_tokens
from chalicelib.registry import listing as lists
from chalicelib.registry.access import Visible, visible
from chalicelib.registry.callers import Caller
from chalicelib.registry.pages import Page
from chalicelib.registry.words import match, query_words, score_rows
from chalicelib.schema.documents import VersionDocument, VersionPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import SearchQuery
from chalicelib.store import keys, listing, table, versions
from chalicelib.store.listing import Filters
from chalicelib.store.parallel import Pool

FEW = table.BATCH_GET
"""Candidates that one BatchGetItem reads: so few are held against the documents."""

Scored = tuple[int, str]
"""A match: its score and the version's created key."""


class WordRows:
    """The versions that have one word of the query and may be seen, as far as the index was read."""

    def __init__(self, user_id: str, word: str, filters: Filters, seen: Visible, first: int | None) -> None:
        """Nothing is read yet; the first Query reads `first` rows, or a megabyte."""
        self.word = word
        self.exhausted = False
        self.found: dict[str, list[tuple[str, int]]] = {}
        self._seen = seen
        self._pages = table.pages(listing.word(user_id, word, filters), size=first)

    def read(self) -> None:
        """Reads on by one Query."""
        chunk = next(self._pages, None)
        for row in chunk.rows if chunk else ():
            word, created = row.sk.split("#", 1)
            if keys.split_created_key(created)[1] in self._seen:
                self.found.setdefault(created, []).append((word, int(row.weight)))
        self.exhausted = chunk is None or chunk.read_to is None


def search(caller: Caller, user_id: str, query: SearchQuery) -> VersionPage:
    """A page of the user's versions that match all words and filters and that the caller may see.

    Without words, the newest.

    One Query a word and megabyte, one to know what is shared of another user's, and one BatchGetItem per 100
    versions. Every page costs the same.
    """
    wanted = query_words(query.query or "")
    if not wanted:
        return lists.newest(caller, user_id, query)
    seen = visible(caller, user_id)
    filters = lists.filters_of(query)
    scope = lists.scope_of(caller, "search", user_id, filters, wanted)
    position = _read_position(next_tokens.read(query.next_token, scope)) if query.next_token else None
    ranking, known = _ranking(user_id, wanted, filters, seen) if seen else ([], {})
    following = [one for one in ranking if position is None or _rank(one) > _rank(position)]
    skipped = 0 if position else query.skip
    page, last = _page(user_id, wanted, following[skipped:], known, query.limit)
    return VersionPage(
        models=page.documents,
        skip=skipped,
        limit=query.limit,
        next_token=next_tokens.make(f"{last[0]} {last[1]}", scope) if last else None,
    )


def _rank(one: Scored) -> tuple[int, tuple[int, ...]]:
    # Newest first among equals: the created key backwards.
    return -one[0], tuple(-ord(character) for character in one[1])


def _read_position(text: str) -> Scored:
    score, _, created = text.partition(" ")
    if not score.isdecimal():
        raise next_tokens.refusal()
    return int(score), created


def _ranking(
    user_id: str, wanted: Sequence[str], filters: Filters, seen: Visible
) -> tuple[list[Scored], dict[str, VersionRecord]]:
    """All matches, best first, and the records that had to be read to know them."""
    # A word alone has to be read to its end; one of several may turn out to be common.
    first = FEW if len(wanted) > 1 else None
    words = [WordRows(user_id, word, filters, seen, first) for word in wanted]
    with Pool(len(words)) as pool:
        while True:
            unread = [word for word in words if not word.exhausted]
            list(pool.map(WordRows.read, unread))
            read = [word for word in words if word.exhausted]
            candidates = set.intersection(*(set(word.found) for word in read)) if read else None
            if len(read) == len(words) or (candidates is not None and len(candidates) <= FEW):
                break
    assert candidates is not None
    if len(read) < len(words):
        return _held_against_documents(user_id, wanted, candidates)
    scored = [
        (sum(score_rows(word.word, word.found[created]) or 0 for word in words), created)
        for created in candidates
    ]
    return sorted(scored, key=_rank), {}


def _held_against_documents(
    user_id: str, wanted: Sequence[str], candidates: set[str]
) -> tuple[list[Scored], dict[str, VersionRecord]]:
    known = _read(user_id, list(candidates))
    scored = [
        (score, created)
        for created, record in known.items()
        if (score := match(wanted, record.document)) is not None
    ]
    return sorted(scored, key=_rank), known


def _read(user_id: str, created: list[str]) -> dict[str, VersionRecord]:
    names = [(user_id, *keys.split_created_key(one)[1:]) for one in created]
    found = zip(created, versions.read_many(names), strict=True)
    return {one: record for one, record in found if record is not None}


def _page(
    user_id: str, wanted: Sequence[str], ranking: list[Scored], known: dict[str, VersionRecord], limit: int
) -> tuple[Page[VersionDocument], Scored | None]:
    """The first matches of a ranking, and the last of them when more follow."""
    page: Page[VersionDocument] = Page(limit)
    last: Scored | None = None
    step = min(FEW, limit)
    for start in range(0, len(ranking), step):
        chunk = ranking[start : start + step]
        missing = [created for _, created in chunk if created not in known]
        records = known | (_read(user_id, missing) if missing else {})
        for one in chunk:
            document = _matching(wanted, records.get(one[1]))
            if document is not None and not page.add(document):
                return page, last
            last = one
        if len(page.documents) == limit and last != ranking[-1]:
            return page, last
    return page, None


def _matching(wanted: Sequence[str], record: VersionRecord | None) -> VersionDocument | None:
    """What a page shows of a match; None where a row of the index has outlived a change by a moment."""
    if record is None or match(wanted, record.document) is None:
        return None
    return documents.list_document(record)
