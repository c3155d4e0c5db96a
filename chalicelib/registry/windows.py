"""A search that has more matches than one ranking can see: the index is walked window by window.

One term of the query, a word or a tag, is walked through. Each window is what one Query reads of its rows, and is
ranked by itself; a version that several windows show belongs to one of them, which its document decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct, structs

from chalicelib.registry.access import Visible
from chalicelib.registry.words import score_rows
from chalicelib.store import keys, listing, table
from chalicelib.store.listing import Filters
from chalicelib.store.rows import Row

WINDOW = 1_000
"""Rows of a window at first. Of what nothing was found in, the next on the page is larger, up to what a Query reads."""

Scored = tuple[int, str]
"""A match: its score and the version's created key. The greatest is the best, and of equals the newest."""


class Window(Struct, array_like=True, frozen=True):
    """A part of the rows of a term, from the highest sort key down."""

    term: int
    """Which of the terms is walked through."""
    stretch: int = 0
    """Which part of the term's rows: first those of the word itself, then those of longer words."""
    below: str = ""
    """The sort key that it begins below; empty at the beginning of the stretch."""
    down_to: str | None = None
    """The last sort key in it; empty when it holds the rest of the stretch, None while it was not read yet."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that a window shows."""

    score: int
    created: str
    word: str = ""
    """The word under which the walk meets it first in this window."""
    query_word: str = ""
    """The word of the query that finds that one; empty where no word is walked through."""

    @property
    def rank(self) -> Scored:
        """Its place among the others."""
        return self.score, self.created


@dataclass(frozen=True, slots=True)
class Walk:
    """What is walked through: the words of a query, and behind them the first tag of the filters if there is one."""

    user_id: str
    words: Sequence[str]
    filters: Filters
    seen: Visible

    def read(self, window: Window, size: int) -> tuple[Window, list[Candidate]]:
        """A window, with its end, and the versions in it, best first. One Query of up to `size` rows.

        What is in a window whose end is known stays so, whatever is published meanwhile.
        """
        between = self._between(window)
        if window.term == len(self.words):
            range_ = listing.tagged(self.user_id, between, self.filters)
        else:
            range_ = listing.words(self.user_id, between, self.filters)
        if window.down_to is not None:
            rows = list(table.rows(range_))
        else:
            page = next(table.pages(range_, size=size))
            rows, window = page.rows, structs.replace(window, down_to=page.read_to or "")
        return window, self._ranked(window, [row for row in rows if row.sk != window.below])

    def following(self, window: Window) -> Window | None:
        """The window behind one that was read; None at the end of the walk."""
        if window.down_to:
            return structs.replace(window, below=window.down_to, down_to=None)
        if window.stretch + 1 < len(self._stretches(window.term)):
            return Window(window.term, window.stretch + 1)
        return None

    def _stretches(self, term: int) -> list[tuple[str, str]]:
        if term == len(self.words):
            return [("0", ":")]
        word = self.words[term]
        # Behind a word comes "#", and every letter and digit is above that and "$".
        return [(f"{word}#", f"{word}$"), (f"{word}$", f"{word[:-1]}{chr(ord(word[-1]) + 1)}")]

    def _between(self, window: Window) -> tuple[str, str]:
        low, high = self._stretches(window.term)[window.stretch]
        return window.down_to or low, window.below or high

    def _ranked(self, window: Window, rows: Sequence[Row]) -> list[Candidate]:
        query_word = self.words[window.term] if window.term < len(self.words) else ""
        found: dict[str, Candidate] = {}
        for row in rows:
            word, created = row.sk.split("#", 1) if query_word else ("", row.sk)
            if keys.split_created_key(created)[1] not in self.seen:
                continue
            score = (score_rows(query_word, [(word, int(row.weight))]) or 0) if query_word else 0
            first = found.setdefault(created, Candidate(score, created, word, query_word))
            if first.score < score:
                found[created] = Candidate(score, created, first.word, query_word)
        return sorted(found.values(), key=lambda one: one.rank, reverse=True)
