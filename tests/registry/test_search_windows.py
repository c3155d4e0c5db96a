"""Searches with more matches than one ranking sees: bounded pages, and every match on one of them."""

import pytest
from guarding import WRITE, bearer, guard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planting import names, plant, plant_all, walk

from chalicelib.registry import clock, searching, terms, windows
from chalicelib.registry import listing as lists
from chalicelib.store import table
from chalicelib.store.rows import Row

SEARCH = "/ai-models/search/ana"


@pytest.fixture
def small(monkeypatch):
    """Windows of so few rows that a handful of versions is too many for one ranking."""

    def made(window, few=2, windows_=3, reads=1):
        monkeypatch.setattr(windows, "WINDOW", window)
        monkeypatch.setattr(searching, "WINDOW", window)
        monkeypatch.setattr(terms, "WINDOW", window)
        monkeypatch.setattr(terms, "FEW", few)
        monkeypatch.setattr(searching, "FEW", few)
        monkeypatch.setattr(searching, "WINDOWS", windows_)
        monkeypatch.setattr(searching, "SPARE_READS", reads)

    return made


WORDS = st.sampled_from(["cat", "cats", "category", "cab", "c", "dog", "dogma", "żuk"])
QUERY_WORDS = st.sampled_from(["cat", "ca", "c", "cats", "dog", "d", "żu"])
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


def matches(query, filters, one):
    found = f"{one['name']} {one['description']} {' '.join(one['tags'])} m".split()
    return (
        all(any(word.startswith(wanted) for word in found) for wanted in query)
        and filters.get("framework") in (None, one["framework"])
        and set(filter(None, filters.get("tags", "").split(","))) <= set(one["tags"])
    )


@pytest.mark.parametrize("reader", ["ana", "ben"])
def test_a_walk_shows_every_match_once(api, small, monkeypatch, tmp_path, reader):
    """Several words and beginnings of them, filters, versions of one moment, and models that are not shared."""
    guard(monkeypatch, tmp_path)
    monkeypatch.setattr(lists, "FEW_MODELS", 0)
    users = iter(range(1_000))

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(DOCUMENTS, min_size=3, max_size=10),
        st.lists(QUERY_WORDS, min_size=1, max_size=3, unique=True),
        FILTERS,
        st.integers(2, 6),
        st.integers(2, 5),
        st.integers(0, 4),
        st.booleans(),
    )
    def check(documents, query, filters, window, limit, skip, one_moment):
        small(window)
        user_id = f"user{next(users)}"
        at = {"created_at": clock.timestamp(1_600_000_000)} if one_moment else {}
        planted = [(f"m-{n % 4}", f"v{n}", {**one, **at}) for n, one in enumerate(documents)]
        plant_all(planted, user_id=user_id)
        hidden = set() if reader == "ana" else {"m-1", "m-2"}
        api.token = bearer(user_id, WRITE)
        for model_id in {model_id for model_id, _, _ in planted} - hidden:
            api.put(f"/ai-models/{user_id}/{model_id}/access", {"users": ["ben"]})
        api.token = bearer(user_id if reader == "ana" else "ben", WRITE)
        wanted = {"query": " ".join(query), "limit": limit, **filters}
        pages = walk(api, f"/ai-models/search/{user_id}", **wanted)
        shown = [name for page in pages for name in names(page)]
        expected = [f"{m}/{v}" for m, v, one in planted if m not in hidden and matches(query, filters, one)]
        assert sorted(shown) == sorted(expected)
        assert all(len(page["models"]) <= limit for page in pages)
        pages = walk(api, f"/ai-models/search/{user_id}", skip=skip, **wanted)
        assert [name for page in pages for name in names(page)] == shown[skip:]
        # A stand-in for the table sorts all of it for each Query.
        table.clear(keep="none")

    check()
