"""Searches with more matches than one ranking sees: bounded pages, and every match on one of them."""

from functools import cache

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st
from planting import names, plant_all, walk
from pretended_table import PretendedTable

from chalicelib.registry import listing as lists
from chalicelib.registry import searching, terms, windows
from chalicelib.registry.callers import READ, Caller, anyone
from chalicelib.registry.words import index_words, match
from chalicelib.schema.requests import SearchQuery
from chalicelib.store import access, table, token_key
from chalicelib.store.rows import Row

SEARCH = "/ai-models/search/ana"


def small(monkeypatch, window, *, few=2, windows_read=3, spare_reads=1):
    """Windows of so few rows that a handful of versions is too many for one ranking."""
    for module, values in (
        (windows, {"WINDOW": window}),
        (terms, {"WINDOW": window, "FEW": few}),
        (searching, {"WINDOW": window, "FEW": few, "WINDOWS": windows_read, "SPARE_READS": spare_reads}),
        (lists, {"FEW_MODELS": 0}),
    ):
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


WORDS = st.sampled_from(["cat", "cats", "category", "cab", "c", "dog", "dogma", "żuk"])
QUERY_WORDS = st.sampled_from(["cat", "ca", "c", "cats", "dog", "d", "zu"])
DOCUMENTS = st.fixed_dictionaries(
    {
        "description": st.lists(WORDS, max_size=4).map(" ".join),
        "name": WORDS,
        "tags": st.lists(st.sampled_from(["cat", "t", "u"]), max_size=3, unique=True),
        "framework": st.sampled_from(["onnx", "keras"]),
    }
)
FILTERS = st.fixed_dictionaries(
    {}, optional={"framework": st.just("onnx"), "tags": st.sampled_from(["t", "t,u"])}
)
BOUNDS = st.fixed_dictionaries(
    {
        "few": st.integers(1, 4),
        "windows_read": st.integers(1, 3),
        "spare_reads": st.integers(1, 2),
    }
)


def matches(query, filters, one):
    found = f"{one['name']} {one['description']} {' '.join(one['tags'])} m".replace("ż", "z").split()
    return (
        all(any(word.startswith(wanted) for word in found) for wanted in query)
        and filters.get("framework") in (None, one["framework"])
        and set(filter(None, filters.get("tags", "").split(","))) <= set(one["tags"])
    )


def walked(caller, **query):
    """The names on all pages, and the pages."""
    pages, token = [], None
    while True:
        page = searching.search(caller, "ana", SearchQuery(next_token=token, **query))
        assert len(page.models) <= query["limit"]
        pages.append(page)
        if page.next_token is None:
            return [f"{one.model_id}/{one.version}" for page in pages for one in page.models], pages
        assert len(pages) < 300
        token = page.next_token


@settings(max_examples=100, deadline=None)
@given(
    documents=st.lists(DOCUMENTS, min_size=3, max_size=16),
    query=st.lists(QUERY_WORDS, min_size=1, max_size=3, unique=True),
    filters=FILTERS,
    window=st.integers(2, 8),
    bounds=BOUNDS,
    limit=st.integers(1, 5),
    skip=st.integers(0, 5),
    one_moment=st.booleans(),
    hidden=st.sets(st.sampled_from(["m-0", "m-1", "m-2"]), max_size=2),
)
def test_a_walk_shows_every_match_once(
    documents, query, filters, window, bounds, limit, skip, one_moment, hidden
):
    """Several words and beginnings of them, filters, versions of one moment, and models that are not shared."""
    at = {"created_at": "2020-09-13T12:26:40.000000Z"} if one_moment else {}
    planted = [(f"m-{n % 4}", f"v{n}", {**one, **at}) for n, one in enumerate(documents)]
    caller = Caller("ben", frozenset({READ})) if hidden else anyone()
    with pytest.MonkeyPatch.context() as monkeypatch:
        pretended = PretendedTable("ana", planted)
        pretended.install(monkeypatch)
        monkeypatch.setattr(token_key, "key", lambda: b"k" * 32)
        monkeypatch.setattr(access, "readable", lambda *_: {m for m, _, _ in planted} - hidden)
        small(monkeypatch, window, **bounds)
        wanted = {"query": " ".join(query), "limit": limit, **filters}
        shown, pages = walked(caller, **wanted)
        expected = [f"{m}/{v}" for m, v, one in planted if m not in hidden and matches(query, filters, one)]
        assert sorted(shown) == sorted(expected)
        skipped, _ = walked(caller, skip=skip, **wanted)
        assert skipped == shown[skip:]
        small(monkeypatch, 1_000, few=100)
        ranked, whole = walked(caller, **wanted)

        def rank(name):
            document = pretended.records["ana", *name.split("/")].document
            return (
                match(query, index_words(document)),
                document.created_at + f"#{name.replace('/', '#')}",
                name,
            )

        assert not whole[0].truncated
        assert [name for _, _, name in sorted(map(rank, expected), reverse=True)] == ranked
        if not any(page.truncated for page in pages):
            assert shown == ranked


QUERIES = [
    {"query": "alpha"},
    {"query": "alp"},
    {"query": "a"},
    {"query": "alpha beta"},
    {"query": "al be"},
    {"query": "alpha", "framework": "onnx"},
    {"query": "alpha", "tags": "t"},
    {"query": "alpha", "skip": 30},
    {"query": "alpha beta", "tags": "t", "framework": "onnx", "skip": 10},
]


@cache
def catalog(number):
    fields = {"description": "alpha alps beta", "name": "N", "tags": ["t"], "framework": "onnx"}
    return PretendedTable("ana", [(f"m{n % 50}", f"v{n}", fields) for n in range(number)])


@pytest.mark.parametrize("caller", [anyone(), Caller("ben", frozenset({READ}))], ids=["owner", "reader"])
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_page_costs_the_same_however_many_match(monkeypatch, query, caller):
    """All is a tenth of what it is: this stands for 1,000, 2,000 and 6,000 matches, and pages of 100."""
    monkeypatch.setattr(token_key, "key", lambda: b"k" * 32)
    monkeypatch.setattr(access, "readable", lambda *_: [f"m{n}" for n in range(0, 50, 2)])
    small(monkeypatch, 100, few=10, windows_read=8, spare_reads=4)
    costs = []
    for number in (100, 200, 600):
        pretended = catalog(number)
        pretended.install(monkeypatch)
        token, cost = None, []
        for _ in range(3):
            before = pretended.requests
            page = searching.search(caller, "ana", SearchQuery(limit=10, next_token=token, **query))
            cost.append(pretended.requests - before)
            assert page.truncated or number == 100
            token = page.next_token
        costs.append(cost)
    assert costs[1] == costs[2]
    assert max(map(max, costs)) <= 12


def test_the_best_of_a_window_come_first_and_the_word_itself_before_longer_ones(api, monkeypatch):
    small(monkeypatch, 4)
    texts = ["cats", "category", "cat", "cat", "cat", "cat", "cat", "dog"]
    plant_all([("m", f"v{n}", {"description": text}) for n, text in enumerate(texts)])
    plant_all([("m", "v9", {"name": "Cat"}), ("m", "v10", {"name": "x", "description": "cats"})])
    pages = walk(api, SEARCH, query="cat", limit=3)
    assert all(page["truncated"] for page in each(pages))
    found = [name for page in pages for name in names(page)]
    assert found[:4] == ["m/v9", "m/v6", "m/v5", "m/v4"]
    assert sorted(found[4:]) == ["m/v0", "m/v1", "m/v10", "m/v2", "m/v3"]


def test_versions_that_come_do_not_shift_a_window(api, monkeypatch):
    small(monkeypatch, 4)
    # The last of each window is its best, and would be in the next one too if a new version moved it there.
    plant_all([("m", f"v{n}", {"description": "cat", "name": "x" if n % 4 else "Cat"}) for n in range(12)])
    page = api.get(SEARCH, query="cat", limit=3).json
    seen = names(page)
    while page["next_token"]:
        plant_all([("new", f"v{len(seen)}", {"description": "cat"})])
        page = api.get(SEARCH, query="cat", limit=3, next_token=page["next_token"]).json
        seen += names(page)
    assert sorted(seen) == sorted(f"m/v{n}" for n in range(12))


def test_a_ranking_of_all_that_grows_too_large_resumes_by_windows(api, monkeypatch):
    small(monkeypatch, 8)
    plant_all([("m", f"v{n}", {"description": "cat", "name": "Cat" if n < 2 else "x"}) for n in range(7)])
    page = api.get(SEARCH, query="cat", limit=3).json
    assert not page["truncated"]
    seen = names(page)
    plant_all([("new", f"v{n}", {"description": "cat"}) for n in range(3)])
    while page["next_token"]:
        page = api.get(SEARCH, query="cat", limit=3, next_token=page["next_token"]).json
        assert page["truncated"]
        seen += names(page)
    assert sorted(name for name in seen if "new" not in name) == sorted(f"m/v{n}" for n in range(7))
    assert len(seen) == len(set(seen))


def test_rows_of_version_0_1_are_found(api, monkeypatch):
    """They had no marks, and all tags of the version, in rows of words too."""
    plant_all(
        [("m", f"v{n}", {"description": "cat", "tags": ["a", "b"] if n % 2 else ["a"]}) for n in range(6)]
    )
    for row in list(table.scan("tag#")):
        table.update((row.pk, row.sk), [Row.marks.remove()])
    odd = ["m/v5", "m/v3", "m/v1"]
    for window in (1_000, 4):
        small(monkeypatch, window)
        pages = [walk(api, path, tags="a,b") for path in ("/ai-models/ana", f"{SEARCH}?query=cat")]
        assert [[name for page in each for name in names(page)] for each in pages] == [odd, odd]


def test_tags_that_share_a_mark_are_told_apart(api, monkeypatch):
    monkeypatch.setattr("chalicelib.store.keys.tag_mark", lambda tag: "same")
    plant_all([("m", f"v{n}", {"description": "cat", "tags": ["a", f"t{n}"]}) for n in range(6)])
    assert names(api.get("/ai-models/ana", tags="a,t3", limit=1).json) == ["m/v3"]
    assert names(api.get(SEARCH, query="cat", tags="a,t3").json) == ["m/v3"]
