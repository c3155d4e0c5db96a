"""The words that versions are found by."""

import sys
import unicodedata
from collections import defaultdict

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.registry.words import (
    MAX_INDEX_WORDS,
    MAX_TEXT_CHARS,
    found_by,
    index_words,
    match,
    query_words,
    score_rows,
    words,
)
from chalicelib.schema.documents import VersionDocument

TEXTS = st.text() | st.text("aAb é_ßÉ1-", max_size=20)
FEW_WORDS = st.lists(st.sampled_from(["a", "ab", "abc", "b", "bc", "é", "1"]), max_size=4).map(" ".join)


def document(**fields):
    values = {"model_id": "m", "user_id": "u", "name": "", "version": "v1", **fields}
    return VersionDocument(framework="other", model_type="other", created_at="", updated_at="", **values)


DOCUMENTS = st.builds(
    document,
    name=FEW_WORDS,
    model_id=st.sampled_from(["a", "ab-1", "B.c"]),
    tags=st.lists(FEW_WORDS, max_size=3),
    algorithm=st.none() | FEW_WORDS,
    training_dataset=st.none() | FEW_WORDS,
    description=st.none() | FEW_WORDS,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" …!-_ ", []),
        ("Iris classifier, v2.0", ["iris", "classifier", "v2", "0"]),
        ("random_forest-RF", ["random", "forest", "rf"]),
        ("to be or not to be", ["to", "be", "or", "not", "to", "be"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("İstanbul ısı ISI", ["istanbul", "isi", "isi"]),
        ("ﬁne ﬀ Ⅷ", ["fine", "ff", "viii"]),
        ("caf\u00e9 cafe\u0301 CAFÉ cafe", ["cafe", "cafe", "cafe", "cafe"]),
        ("Łódź Ørsted Đặng", ["lodz", "orsted", "dang"]),
        ("ΣΑΣ σας", ["σασ", "σασ"]),
        ("модель 模型 モデル", ["модель", "模型", "モテル"]),
        ("m² ½", ["m2", "1", "2"]),
        ("a" * 100, ["a" * 64]),
    ],
)
def test_examples_of_words(text, expected):
    assert words(text) == expected


@given(TEXTS)
def test_the_words_of_words_are_themselves(text):
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(word.isalnum() and len(word) <= 64 for word in found)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(text=TEXTS)
def test_words_do_not_depend_on_the_composition(form, text):
    assert words(unicodedata.normalize(form, text)) == words(text)


def test_case_and_repetition_make_no_difference_for_any_letter():
    for code in each(range(sys.maxunicode + 1)):
        char = chr(code)
        if not (char.isalnum() or unicodedata.combining(char)):
            continue
        found = words(char)
        assert words(char.upper()) == found, hex(code)
        assert words(char.lower()) == found, hex(code)
        assert words(" ".join(found)) == found, hex(code)


def test_a_query_is_its_different_words():
    assert query_words("Iris iris-IRIS set") == ["iris", "set"]
    assert query_words("?") == []
    assert len(query_words(" ".join(f"w{n % 16}" for n in range(100)))) == 16
    with pytest.raises(InvalidRequest, match="query has 17 different words: use at most 16"):
        query_words(" ".join(f"w{n}" for n in range(17)))


def test_a_word_has_the_weight_of_its_best_field():
    assert index_words(
        document(
            name="Iris",
            model_id="iris-tree",
            tags=["Tree", "small one"],
            algorithm="tree",
            training_dataset="one set",
            description="A set of one",
        )
    ) == {"iris": 8, "tree": 6, "small": 5, "one": 5, "set": 2, "a": 1, "of": 1}


def test_a_version_is_found_by_its_1000_best_words():
    numbered = [f"w{number:04}" for number in range(1_200)]
    found = index_words(document(name="last", algorithm="beside", description=" ".join(numbered)))
    assert list(found) == ["last", "m", "beside", *numbered[:997]]
    assert len(index_words(document(description=" ".join(numbered[:999])))) == MAX_INDEX_WORDS == 1_000


def test_a_text_of_forms_that_stand_for_many_letters_is_read_to_a_limit():
    assert len("".join(words("\ufdfa" * 20_000))) < MAX_TEXT_CHARS


def test_one_of_the_words_that_begin_so_counts_as_found():
    assert found_by("ca", ["cat", "ca", "car"]) == "ca"
    assert found_by("ca", ["car", "cat", "dog"]) == "cat"
    # By the order of their bytes, as rows are sorted.
    assert found_by("a", ["a\uffdc", "a\U00010400"]) == "a\U00010400"
    assert found_by("ca", ["dog"]) is None


def test_every_word_must_match_as_a_word_or_the_beginning_of_one():
    iris = index_words(document(name="Iris classifier", tags=["flowers"]))
    assert match(["iris"], iris) == 16
    assert match(["iri"], iris) == 8
    assert match(["class", "flowers"], iris) == 8 + 10
    assert match(["classifier", "tulip"], iris) is None
    assert match(["ris"], iris) is None
    assert match([], iris) == 0


def test_the_best_row_counts():
    assert score_rows("net", [("net", 1), ("network", 8), ("netto", 5), ("planet", 9)]) == 8
    assert score_rows("net", [("net", 5), ("network", 8)]) == 10
    assert score_rows("net", [("planet", 9)]) is None
    assert score_rows("net", []) is None


def search(index, wanted):
    """What an inverted index gives for a query: version to score."""
    found = []
    for query_word in wanted:
        rows = defaultdict(list)
        for word, number, weight in index:
            if word.startswith(query_word):
                rows[number].append((word, weight))
        found.append({number: score_rows(query_word, of_version) for number, of_version in rows.items()})
    in_all = set.intersection(*(set(scores) for scores in found))
    return {number: sum(scores[number] for scores in found) for number in in_all}


@given(st.lists(DOCUMENTS, max_size=4), FEW_WORDS.map(query_words).filter(bool))
def test_an_inverted_index_gives_the_scores_of_the_documents(documents, wanted):
    index = [
        (word, number, weight)
        for number, each in enumerate(documents)
        for word, weight in index_words(each).items()
    ]
    scores = {number: match(wanted, index_words(each)) for number, each in enumerate(documents)}
    assert search(index, wanted) == {number: score for number, score in scores.items() if score is not None}


@given(DOCUMENTS, st.data())
def test_beginnings_of_a_documents_own_words_find_it(found, data):
    own = sorted(index_words(found))
    word = data.draw(st.sampled_from(own))
    beginning = word[: data.draw(st.integers(1, len(word)))]
    assert match(query_words(beginning.upper()), index_words(found)) is not None
