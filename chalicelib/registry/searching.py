"""Search: the versions in which every word of a query occurs, best match first.

Each word is looked up in the inverted index. Up to 1,000 rows a word are read: where they hold all that a word has, or
one word leaves few candidates, all matches are ranked as one. Where they don't, the index is walked window by window.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from chalicelib.registry import documents, next_tokens
from chalicelib.registry import listing as lists
from chalicelib.registry.access import visible
from chalicelib.registry.callers import Caller
from chalicelib.registry.pages import Page
from chalicelib.registry.terms import FEW, Ranking, read_many, whole_ranking
from chalicelib.registry.windows import WINDOW, Candidate, Scored, Walk, Window
from chalicelib.registry.words import found_by, index_words, match, query_words
from chalicelib.schema.documents import VersionDocument, VersionPage
from chalicelib.schema.records import VersionRecord
from chalicelib.schema.requests import SearchQuery

WINDOWS = 8
"""Windows that a page reads at most: one for which hardly anything passes ends early instead."""
SPARE_READS = 4
"""BatchGetItems that a page may take for versions that turn out not to match."""
COUNTED = 1_000
"""Matches that a page counts off where it takes their documents to know them; it is empty where more are to be."""


class Place(Struct, array_like=True):
    """Where a search resumes."""

    skip: int = 0
    """Matches that are still to be counted off."""
    after: Scored | None = None
    """The last one shown or counted off, of the ranking of all matches or of the window."""
    window: Window | None = None
    """The window that is shown; None while one ranking has all."""
    shown: Scored | None = None
    """The last one shown of a ranking of all, before there came to be too many for one."""


def search(caller: Caller, user_id: str, query: SearchQuery) -> VersionPage:
    """A page of the user's versions that match all words and filters and that the caller may see.

    Without words, the newest.

    A Query a word, or four where words are common, one for a tag, one or more to know what is shared of another
    user's, and one BatchGetItem per 100 versions. Where there are too many matches, up to 8 Queries and 4 BatchGetItems
    more, however many there are. Every page costs the same.
    """
    wanted = query_words(query.query or "")
    if not wanted:
        return lists.newest(caller, user_id, query)
    filters = lists.filters_of(query)
    scope = lists.scope_of(caller, "search", user_id, filters, wanted)
    place = next_tokens.read_place(query.next_token, scope, Place) if query.next_token else Place(query.skip)
    seen = visible(caller, user_id)
    page = SearchPage(Walk(user_id, wanted, filters, seen), query.limit, place)
    if seen:
        page.fill(lists.shared(user_id, seen))
    return VersionPage(
        models=page.documents,
        skip=0 if query.next_token else query.skip,
        limit=query.limit,
        next_token=next_tokens.make_place(page.place, scope) if page.place else None,
        truncated=page.truncated,
    )


class SearchPage:
    """A page of a search that is filled from where the last one ended."""

    def __init__(self, walk: Walk, limit: int, place: Place) -> None:
        """An empty page, behind which nothing comes; `place` is where `fill` begins."""
        self.place: Place | None = None
        """Where the next page resumes, None at the end."""
        self._begin = place
        self.truncated = False
        self._walk = walk
        self._page: Page[VersionDocument] = Page(limit)
        self._limit = limit
        self._reads = -(-(limit + min(place.skip, COUNTED)) // FEW) + SPARE_READS

    @property
    def documents(self) -> list[VersionDocument]:
        """What is on the page."""
        return self._page.documents

    def fill(self, known: Sequence[VersionRecord] | None) -> None:
        """Fills the page; `known` are all versions that may be seen, where that is known."""
        place = self._begin
        if place.window is None:
            found = whole_ranking(self._walk, known)
            if isinstance(found, Ranking):
                self._fill_from(found, place)
                return
            place = Place(place.skip, window=Window(found), shown=place.after)
        self.truncated = True
        self._fill_from_windows(place)

    def _fill_from(self, ranking: Ranking, place: Place) -> None:
        following = _behind(ranking.candidates, place.after)
        if ranking.is_certain:
            following, place.skip = following[place.skip :], 0
        self.place = None if self._show(following, place, ranking.known) else place

    def _fill_from_windows(self, place: Place) -> None:
        window: Window | None = place.window
        for number in range(WINDOWS):
            if window is None or self._is_full:
                break
            place.window, candidates = self._walk.read(window, WINDOW << min(number, 2))
            if not self._show(_behind(candidates, place.after), place, {}):
                self.place = place
                return
            window, place.after = self._walk.following(place.window), None
        place.window = window
        self.place = place if window else None

    @property
    def _is_full(self) -> bool:
        return len(self.documents) == self._limit

    def _show(
        self, candidates: Sequence[Candidate], place: Place, known: Mapping[str, VersionRecord]
    ) -> bool:
        """Shows or counts off candidates; whether it came to their end. `place` has the last one then."""
        start, step = 0, min(FEW, self._limit)
        while start < len(candidates):
            chunk = candidates[start : start + step]
            missing = [one.created for one in chunk if one.created not in known]
            if self._is_full or (missing and not self._reads):
                return False
            self._reads -= bool(missing)
            records = {**known, **read_many(self._walk.user_id, missing)} if missing else known
            for one in chunk:
                document = self._matching(one, records.get(one.created), place.shown)
                if document and place.skip:
                    place.skip -= 1
                elif document and not self._page.add(document):
                    return False
                place.after = one.rank
            start, step = start + step, FEW
        return True

    def _matching(
        self, one: Candidate, record: VersionRecord | None, shown: Scored | None
    ) -> VersionDocument | None:
        """What a page shows of a candidate; None where its document says that it belongs elsewhere or nowhere."""
        if record is None or not self._walk.filters.passes(record.document):
            return None
        found = index_words(record.document)
        score = match(self._walk.words, found)
        if score is None or (shown is not None and (score, one.created) >= shown):
            return None
        if one.query_word and found_by(one.query_word, found) != one.word:
            return None
        return documents.list_document(record)


def _behind(candidates: Sequence[Candidate], after: Scored | None) -> Sequence[Candidate]:
    return candidates if after is None else [one for one in candidates if one.rank < after]
