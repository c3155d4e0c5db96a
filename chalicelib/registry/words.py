"""The words that versions are found by, and how well a version answers a query.

A query word matches the words that equal it or begin with it. The same score comes out of a whole document
(`match`) and out of the rows of an inverted index (`score_rows`).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidRequest

if TYPE_CHECKING:
    from chalicelib.schema.documents import VersionDocument

WEIGHTS = {
    "name": 8,
    "model_id": 6,
    "tags": 5,
    "algorithm": 3,
    "training_dataset": 2,
    "description": 1,
}
"""The document's fields that are searched, and what a word in each is worth."""
EXACT = 2
"""What a whole word counts for, compared with the beginning of one."""
MAX_WORD_CHARS = 64
"""Characters of a word that count: as a key of the index it stays below 300 bytes."""
MAX_TEXT_CHARS = 40_000
"""Characters of a text that are looked at, as it is without compatibility forms: some of those are 18 characters."""
MAX_INDEX_WORDS = 1_000
"""Different words that a version is found by: each is a row, and a write."""
MAX_QUERY_WORDS = 16
"""Different words of a query: each costs a request to the table."""

_WORD = re.compile(r"[^\W_]+")
# Unicode does not decompose letters with a stroke; and ı, whose capital is I, has to equal it.
_PLAIN_LETTERS = str.maketrans("đħıłøŧ", "dhilot")


def words(text: str) -> list[str]:
    """Give the words of a text in its order, repetitions included, without case and accents.

    A word is a run of letters and digits of any script; its first 64 characters count. Compatibility
    forms are the same as their plain ones (the ligature ﬁ is f and i). Vowel signs and points that Unicode
    counts as combining marks go like accents. The words of a word are the word itself.
    """
    return [word[:MAX_WORD_CHARS] for word in _WORD.findall(_folded(text))]


def query_words(query: str) -> list[str]:
    """Give the different words of a query in its order; none for an empty one, which then matches all.

    Raises `InvalidRequest` for more than 16 different words.
    """
    distinct = list(dict.fromkeys(words(query)))
    if len(distinct) > MAX_QUERY_WORDS:
        raise InvalidRequest(f"query has {len(distinct)} different words: use at most {MAX_QUERY_WORDS}")
    return distinct


def index_words(document: "VersionDocument") -> dict[str, int]:
    """Give the words that a version is found by, each with the greatest weight of the fields it is in.

    They are its 1,000 best different words: those of the greatest weight, and of equal ones the first.
    """
    weights: dict[str, int] = {}
    for field, weight in sorted(WEIGHTS.items(), key=lambda item: -item[1]):
        value = getattr(document, field) or ""
        text = value if isinstance(value, str) else " ".join(value)
        for word in words(text):
            weights.setdefault(word, weight)
            if len(weights) == MAX_INDEX_WORDS:
                return weights
    return weights


def score_rows(query_word: str, rows: Iterable[tuple[str, int]]) -> int | None:
    """Give what one version's (word, weight) rows are worth to a query word: the best of them, or None.

    A row counts its weight twice when it is the query word and once when it begins with it; others don't
    count. None says that no row does, and so that the version doesn't answer the query.
    """
    return max(
        (
            weight * (EXACT if word == query_word else 1)
            for word, weight in rows
            if word.startswith(query_word)
        ),
        default=None,
    )


def match(wanted: Iterable[str], found: Mapping[str, int]) -> int | None:
    """Give the sum of `score_rows` over the query words `wanted`; None when one of them matches nothing.

    `found` is what `index_words` returns for a version. A query without words matches all, with score 0.
    """
    total = 0
    for query_word in wanted:
        score = score_rows(query_word, found.items())
        if score is None:
            return None
        total += score
    return total


def found_by(query_word: str, found: Iterable[str]) -> str | None:
    """Say which of a version's words counts as the one that a query word finds: itself, or the last that begins so.

    None where no word does. A walk through an index that meets a version under several words so shows it once.
    """
    beginning = [word for word in found if word.startswith(query_word)]
    return query_word if query_word in beginning else max(beginning, default=None, key=str.encode)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()[:MAX_TEXT_CHARS]
    letters = "".join(char for char in folded if not unicodedata.category(char).startswith("M"))
    return letters.translate(_PLAIN_LETTERS)
