"""A user's versions: newest first, filtered, page by page."""

import random

import pytest
from each import each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planting import names, plant, plant_all, walk
from pretended_table import holds

from chalicelib.registry import listing
from chalicelib.store.listing import Filters
from chalicelib.store.rows import Row

FRAMEWORKS = ["sklearn", "onnx", "other"]
TYPES = ["nlp", "regression", "other"]
TAGS = ["a", "b", "c", "größe 1"]


def collection(number, seed=7):
    """Fields of versions, in which every combination of filters occurs."""
    chance = random.Random(seed)
    return [
        {
            "framework": chance.choice(FRAMEWORKS),
            "model_type": chance.choice(TYPES),
            "tags": [tag for tag in TAGS if chance.random() < 0.5],
        }
        for _ in range(number)
    ]


def matching(planted, framework=None, model_type=None, tags=()):
    """What a list must hold: the names of those that pass, newest first."""
    found = [
        f"{model}/{version}"
        for model, version, fields in planted
        if framework in (None, fields["framework"])
        and model_type in (None, fields["model_type"])
        and set(tags) <= set(fields["tags"])
    ]
    return found[::-1]


def test_versions_come_newest_first_whatever_they_are_called(api):
    for model_id, version in [("b", "v2"), ("a", "v9"), ("c", "v1"), ("a", "v1")]:
        assert api.upload(model_id=model_id, version=version).status == 200
    plant(user_id="bob")
    page = api.get("/ai-models/ana").json
    assert names(page) == ["a/v1", "c/v1", "a/v9", "b/v2"]
    assert {name: page[name] for name in page if name != "models"} == {
        "skip": 0,
        "limit": 100,
        "next_token": None,
        "truncated": False,
    }


def test_a_user_without_versions_has_an_empty_list(api):
    empty = {"models": [], "skip": 0, "limit": 100, "next_token": None, "truncated": False}
    assert api.get("/ai-models/nobody").json == empty


def test_all_filters_alone_and_together_and_any_paging(api):
    planted = [("m", f"v{n}", fields) for n, fields in enumerate(collection(30))]
    plant_all(planted)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        framework=st.none() | st.sampled_from(FRAMEWORKS),
        model_type=st.none() | st.sampled_from(TYPES),
        tags=st.lists(st.sampled_from(TAGS), max_size=3),
        skip=st.integers(0, 35),
        limit=st.sampled_from([1, 2, 3, 7, 30, 1_000]),
    )
    def check(framework, model_type, tags, skip, limit):
        filters = {"framework": framework, "model_type": model_type, "tags": ",".join(tags)}
        filters = {name: value for name, value in filters.items() if value}
        expected = matching(planted, framework, model_type, tags)
        first = api.get("/ai-models/ana", **filters, skip=skip, limit=limit).json
        assert names(first) == expected[skip : skip + limit]
        assert (first["skip"], first["limit"]) == (skip, limit)
        pages = walk(api, "/ai-models/ana", **filters, skip=skip, limit=max(limit, 5))
        assert [name for page in pages for name in names(page)] == expected[skip:]

    check()


def test_rows_are_asked_for_by_all_filters_at_once():
    both = Filters(framework="onnx", model_type="nlp").condition()
    for found in each([("onnx", "nlp"), ("onnx", "other"), ("other", "nlp")]):
        row = Row("p", "s", framework=found[0], model_type=found[1])
        assert holds(both, row) is (found == ("onnx", "nlp"))


@pytest.mark.parametrize("filters", [{}, {"framework": "onnx"}, {"model_type": "nlp"}, {"tags": "a"}])
def test_a_walk_sees_each_version_once_while_others_come_and_go(api, filters):
    fields = {"framework": "onnx", "model_type": "nlp", "tags": ["a", "b"]}
    plant_all([("m", f"v{n}", fields) for n in range(12)])
    page = api.get("/ai-models/ana", **filters, limit=5).json
    assert names(page) == [f"m/v{n}" for n in (11, 10, 9, 8, 7)]
    plant("new", "v1", **fields)
    api.delete("/ai-models/ana/m", version="v7")
    api.delete("/ai-models/ana/m", version="v5")
    api.put("/ai-models/ana/m?version=v4", {"name": "Renamed"})
    seen = []
    while page["next_token"]:
        page = api.get("/ai-models/ana", **filters, limit=2, next_token=page["next_token"]).json
        seen += names(page)
    assert seen == [f"m/v{n}" for n in (6, 4, 3, 2, 1, 0)]
    assert names(api.get("/ai-models/ana", **filters, limit=1).json) == ["new/v1"]


def test_filters_that_hardly_anything_passes_end_a_page_early(api, monkeypatch, calls):
    monkeypatch.setattr(listing, "REQUESTS", 2)
    fields = [{"framework": "onnx", "model_type": "nlp" if n in (0, 39) else "other"} for n in range(40)]
    plant_all([("m", f"v{n}", one) for n, one in enumerate(fields)])
    rare = {"framework": "onnx", "model_type": "nlp", "limit": 3}
    with calls.counting() as counted:
        first = api.get("/ai-models/ana", **rare).json
    assert counted == {"Query": 2}
    assert names(first) == ["m/v39"]
    assert first["next_token"]
    pages = walk(api, "/ai-models/ana", **rare)
    assert [name for page in pages for name in names(page)] == ["m/v39", "m/v0"]
    assert any(page["models"] == [] for page in pages)


@pytest.mark.parametrize(
    "path", ["/ai-models/ana", "/ai-models/ana?tags=big", "/ai-models/search/ana?query=heavy"]
)
def test_no_answer_outgrows_5_mb(api, path):
    heavy = {"custom_metadata": {"notes": "x" * 60_000}, "tags": ["big"], "description": "heavy"}
    plant_all([("m", f"v{n}", heavy) for n in range(90)])
    pages, token = [], {}
    while True:
        answer = api.get(path, limit=1_000, **token)
        assert len(answer.content) < 5_000_000
        pages.append(answer.json)
        if answer.json["next_token"] is None:
            break
        token = {"next_token": answer.json["next_token"]}
    assert sorted(name for page in pages for name in names(page)) == sorted(f"m/v{n}" for n in range(90))
    assert len(pages) >= 2


def test_versions_of_a_model_end_early_too(api):
    plant_all([("m", f"v{n}", {"custom_metadata": {"notes": "x" * 60_000}}) for n in range(80)])
    pages = walk(api, "/ai-models/ana/m/versions", limit=1_000)
    assert [len(page["models"]) > 0 for page in pages] == [True, True]
    assert [name for page in pages for name in names(page)] == [f"m/v{n}" for n in reversed(range(80))]


class TestTags:
    def test_they_match_whole_and_as_written(self, api):
        plant("m", "v1", tags=["NLP", "tiny model"])
        for tags, found in [
            ("NLP", 1),
            ("nlp", 0),
            ("NL", 0),
            ("tiny model", 1),
            ("tiny", 0),
            ("NLP,tiny model", 1),
        ]:
            assert len(api.get("/ai-models/ana", tags=tags).json["models"]) == found, tags

    @pytest.mark.parametrize("tags", [" a ,b", "a,,b", ",a,b,", "b,a,b"])
    def test_spaces_empty_ones_and_repetitions_do_not_matter(self, api, tags):
        plant_all([("m", "v1", {"tags": ["a", "b"]}), ("m", "v2", {"tags": ["a"]})])
        assert names(api.get("/ai-models/ana", tags=tags).json) == ["m/v1"]

    def test_only_commas_filter_nothing(self, api):
        plant()
        assert len(api.get("/ai-models/ana", tags=" , ").json["models"]) == 1

    @pytest.mark.parametrize("tag", ["#", "a#b", "x/y", "ana#a", "%41", "🌷", "a\\b", '"q"', "t" * 128])
    def test_a_tag_may_be_any_printable_text(self, api, tag):
        plant_all([("m", "v1", {"tags": [tag]}), ("m", "v2", {"tags": ["a"]})])
        assert names(api.get("/ai-models/ana", tags=tag).json) == ["m/v1"]

    @pytest.mark.parametrize("tag", ["t" * 129, "a\nb", "a\x00b"])
    def test_what_can_be_no_tag_is_refused(self, api, tag):
        answer = api.get("/ai-models/ana", tags=tag)
        assert answer.status == 400
        assert "tag" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "mentioned"),
    [
        ("framework=torch", ["framework", "torch", "pytorch"]),
        ("framework=ONNX", ["framework", "ONNX", "onnx"]),
        ("model_type=vision", ["model_type", "vision", "computer_vision"]),
        ("limit=0", ["limit", "0"]),
        ("limit=1001", ["limit", "1001", "1,000"]),
        ("limit=1e-2", ["limit", "1e-2"]),
        ("skip=-1", ["skip", "-1"]),
        ("skip=1000001", ["skip"]),
        ("skip=" + "9" * 500, ["skip"]),
        ("page=2", ["page", "next_token"]),
        ("tags=a&tags=b", ["tags"]),
    ],
)
def test_parameters_that_are_not_allowed_are_named(api, query, mentioned):
    for path in ("/ai-models/ana", "/ai-models/search/ana"):
        answer = api.get(f"{path}?{query}")
        assert answer.status == 400
        assert all(word in answer.json["detail"] for word in each(mentioned)), answer.json["detail"]


@pytest.mark.parametrize("user_id", ["upload", "uploads", "search", "-a", "a b", "a%2Fb", "é", "u" * 129])
def test_a_name_that_no_user_can_have_is_refused(api, user_id):
    for path in (f"/ai-models/{user_id}", f"/ai-models/search/{user_id}"):
        answer = api.get(path)
        assert answer.status == 400
        assert "user_id" in answer.json["detail"]
