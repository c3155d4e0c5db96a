"""The terms of a search, each looked up in the index: the words of the query, and a tag of the filters.

Words that many versions have are not read to their end when another leaves few candidates: those are then held
against the documents themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.registry.windows import WINDOW, Candidate, Walk
from chalicelib.registry.words import index_words, match, score_rows
from chalicelib.schema.records import VersionRecord
from chalicelib.store import keys, listing, table, versions
from chalicelib.store.parallel import Pool

FEW = table.BATCH_GET
"""Candidates that one BatchGetItem reads: so few are held against the documents."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """All matches of a search as one ranking."""

    candidates: Sequence[Candidate]
    """The best first."""
    is_certain: bool = True
    """Whether each is a match as far as the index knows; otherwise their documents have to tell."""
    known: Mapping[str, VersionRecord] = field(default_factory=dict)
    """Records that were read already, by created key."""


class Term:
    """The versions that have a word of the query, or the first tag, and may be seen, as far as the index was read."""

    def __init__(self, walk: Walk, word: str | None, first: int) -> None:
        """Nothing is read yet; the first Query reads `first` rows. Without a word it is the tag."""
        self.word = word
        self.exhausted = False
        self.found: dict[str, list[tuple[str, int]]] = {}
        self._seen = walk.seen
        self._next, self._read = first, 0
        if word is None:
            range_ = listing.newest(walk.user_id, walk.filters, None)
        else:
            range_ = listing.word(walk.user_id, word, walk.filters)
        self._pages = table.pages(range_, size=first)

    @property
    def is_open(self) -> bool:
        """Whether there is more of it that may be read."""
        return not self.exhausted and self._read < WINDOW

    def read(self) -> None:
        """Reads on by one Query, which reads twice as much as the one before."""
        self._read, self._next = self._read + self._next, self._next * 2
        chunk = next(self._pages)
        for row in chunk.rows:
            word, created = ("", row.sk) if self.word is None else row.sk.split("#", 1)
            if keys.split_created_key(created)[1] in self._seen:
                self.found.setdefault(created, []).append((word, int(row.weight or 0)))
        self.exhausted = chunk.read_to is None

    def score(self, created: str) -> int:
        """What the term is worth in a version that has it."""
        return 0 if self.word is None else score_rows(self.word, self.found[created]) or 0


def whole_ranking(walk: Walk, known: Sequence[VersionRecord] | None) -> Ranking | int:
    """All matches, best first, or where there are too many for that the place of the term to walk through.

    `known` are all versions that may be seen, where that is known already: then nothing is read. Otherwise one Query
    a word, up to four where several are common, and one for the tag where the words alone leave many.
    """
    if known is not None:
        return _held_against(walk, {versions.created_key(record): record for record in known})
    # A word alone has to be read to its end; one of several may turn out to be common.
    terms = [Term(walk, word, WINDOW if len(walk.words) == 1 else FEW) for word in walk.words]
    candidates = _read_to_candidates(terms)
    if walk.filters.tags and (candidates is None or len(candidates) > FEW):
        terms.append(Term(walk, None, WINDOW))
        candidates = _read_to_candidates(terms)
    if candidates is not None and all(term.exhausted for term in terms):
        return Ranking(_ranked((_score(terms, created), created) for created in candidates))
    if candidates is not None and len(candidates) <= FEW:
        return _held_against(walk, read_many(walk.user_id, candidates))
    if candidates is not None and all(term.exhausted for term in terms[: len(walk.words)]):
        scored = _ranked((_score(terms[: len(walk.words)], created), created) for created in candidates)
        return Ranking(scored, is_certain=False)
    return _narrowest(terms)


def read_many(user_id: str, created: Iterable[str]) -> dict[str, VersionRecord]:
    """The ready versions of these created keys. One BatchGetItem per 100."""
    wanted = list(created)
    found = versions.read_many([(user_id, *keys.split_created_key(one)[1:]) for one in wanted])
    return {one: record for one, record in zip(wanted, found, strict=True) if record is not None}


def _read_to_candidates(terms: Sequence[Term]) -> set[str] | None:
    """The versions that have every term that was read to its end; None where none was.

    Reads until all are at their end, few candidates are left, or nothing more may be read.
    """
    with Pool(len(terms)) as pool:
        while True:
            ended = [set(term.found) for term in terms if term.exhausted]
            candidates = set.intersection(*ended) if ended else None
            unread = [term for term in terms if term.is_open]
            if not unread or (candidates is not None and len(candidates) <= FEW):
                return candidates
            list(pool.map(Term.read, unread))


def _held_against(walk: Walk, known: Mapping[str, VersionRecord]) -> Ranking:
    scored = [
        (score, created)
        for created, record in known.items()
        if walk.filters.passes(record.document)
        and (score := match(walk.words, index_words(record.document))) is not None
    ]
    return Ranking(_ranked(scored), known=known)


def _score(terms: Sequence[Term], created: str) -> int:
    return sum(term.score(created) for term in terms)


def _ranked(scored: Iterable[tuple[int, str]]) -> list[Candidate]:
    return [Candidate(score, created) for score, created in sorted(scored, reverse=True)]


def _narrowest(terms: Sequence[Term]) -> int:
    """Of the terms the one that fewest versions have, if one was read to its end, otherwise the longest word."""
    ended = [number for number, term in enumerate(terms) if term.exhausted]
    if ended:
        return min(ended, key=lambda number: len(terms[number].found))
    return max(range(len(terms)), key=lambda number: len(terms[number].word or ""))
