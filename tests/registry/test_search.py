"""Search: every word, as a word or the beginning of one, best match first."""

import re
import unicodedata

import pytest
from each import each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planting import names, plant, plant_all, walk

from chalicelib.registry import terms
from chalicelib.store import table
from chalicelib.store.rows import Row


def found(api, query, **filters):
    answer = api.get("/ai-models/search/ana", query=query, **filters)
    assert answer.status == 200, answer.content
    return names(answer.json)


class TestWords:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", "Petal length"),
            ("description", "It tells species by the petal, and more."),
            ("algorithm", "petal-forest"),
            ("tags", ["big", "petal data"]),
            ("training_dataset", "s3://sets/petal_v2.csv"),
        ],
    )
    def test_a_word_is_found_in_this_field(self, api, field, value):
        plant_all([("m", "v1", {field: value}), ("m", "v2", {})])
        assert found(api, "petal") == ["m/v1"]
        assert found(api, "pet") == ["m/v1"]
        assert found(api, "petals") == []
        assert found(api, "etal") == []

    def test_a_word_is_found_in_the_model_id(self, api):
        plant_all([("petal-net_v2.large", "v1", {}), ("m", "v1", {})])
        for query in ("petal", "net", "v2", "LARGE", "petal-net_v2.large", "lar pet"):
            assert found(api, query) == ["petal-net_v2.large/v1"]

    @pytest.mark.parametrize("field", ["hardware_requirements", "python_version"])
    def test_other_fields_are_not_searched(self, api, field):
        plant("m", "v1", **{field: "petal"}, custom_metadata={"petal": "petal"}, dependencies=["petal"])
        assert found(api, "petal") == []

    def test_every_word_must_occur_in_whatever_fields_and_order(self, api):
        plant_all(
            [
                ("rose", "v1", {"description": "red", "tags": ["flower"]}),
                ("rose", "v2", {"description": "white"}),
            ]
        )
        assert found(api, "flow re ROSE") == ["rose/v1"]
        assert found(api, "rose flower white") == []
        assert found(api, "rose rose ROSE") == ["rose/v2", "rose/v1"]

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("Größe", "grosse"),
            ("STRASSE", "straße"),
            ("Łódź", "lodz"),
            ("crème brûlée", "CREME brulee"),
            ("nai\u0308ve", "naïve"),
            ("ﬁne", "fine"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("花の分類", "花"),
            ("модель", "МОДЕ"),
            ("３.５", "3"),
        ],
    )
    def test_case_and_accents_do_not_matter(self, api, text, query):
        plant_all([("m", "v1", {"description": text}), ("m", "v2", {"description": "other"})])
        assert found(api, query) == ["m/v1"]

    def test_a_very_long_word_is_found_by_itself(self, api):
        plant("m", "v1", description="x" * 5_000)
        assert found(api, "x" * 5_000) == found(api, "x" * 3) == ["m/v1"]

    @pytest.mark.parametrize("query", ["", "  ", "-- !?", None])
    def test_without_a_word_the_newest_come_first(self, api, query):
        plant_all([("a", "v1", {}), ("b", "v1", {"framework": "onnx"})])
        path = "/ai-models/search/ana" + ("" if query is None else f"?query={query}")
        assert names(api.get(path).json) == ["b/v1", "a/v1"]
        assert names(api.get(path, framework="onnx").json) == ["b/v1"]

    def test_a_query_may_have_16_different_words(self, api):
        plant("m", "v1", description=" ".join(f"w{n}" for n in range(16)))
        words = [f"w{n}" for n in range(16)]
        assert found(api, " ".join(words + words)) == ["m/v1"]
        answer = api.get("/ai-models/search/ana", query=" ".join([*words, "w16"]))
        assert answer.status == 400
        assert "16" in answer.json["detail"]

    def test_another_users_versions_are_not_found(self, api):
        plant(user_id="bob", description="petal")
        plant(user_id="an", description="petal")
        assert found(api, "petal") == []


class TestRanking:
    def test_a_whole_word_comes_before_the_beginning_of_one(self, api):
        plant_all(
            [("a", "v1", {"name": "Cat"}), ("b", "v1", {"name": "Category"}), ("c", "v1", {"name": "Cats"})]
        )
        assert found(api, "cat") == ["a/v1", "c/v1", "b/v1"]

    def test_the_name_counts_more_than_the_description(self, api):
        plant_all(
            [
                ("a", "v1", {"name": "Cat"}),
                ("cat", "v1", {}),
                ("c", "v1", {"tags": ["cat"]}),
                ("d", "v1", {"algorithm": "cat"}),
                ("e", "v1", {"training_dataset": "cat"}),
                ("f", "v1", {"description": "cat"}),
            ]
        )
        assert found(api, "cat") == ["a/v1", "cat/v1", "c/v1", "d/v1", "e/v1", "f/v1"]

    def test_among_equals_the_newest_comes_first(self, api):
        plant_all([("m", f"v{n}", {}) for n in (3, 1, 2)])
        assert found(api, "m") == ["m/v2", "m/v1", "m/v3"]


class TestPages:
    @pytest.fixture
    def stocked(self, api):
        texts = ["cat", "a cat", "category", "dog"]
        plant_all(
            [
                (f"m{n}", "v1", {"description": texts[n % 4], "name": "Cat" if n % 5 == 0 else "x"})
                for n in range(30)
            ]
        )
        return api

    @pytest.mark.parametrize("limit", [1, 5, 23, 24, 25])
    def test_a_walk_holds_each_once_in_one_ranking(self, stocked, limit):
        all_of_them = found(stocked, "cat", limit=1_000)
        assert len(all_of_them) == len(set(all_of_them)) == 24
        pages = walk(stocked, "/ai-models/search/ana", query="cat", limit=limit)
        assert [name for page in pages for name in names(page)] == all_of_them
        assert all(len(page["models"]) <= limit for page in each(pages))
        assert pages[-1]["models"]

    def test_skip_counts_off_the_best(self, stocked):
        all_of_them = found(stocked, "cat")
        for skip in (0, 1, 23, 24, 1_000_000):
            assert found(stocked, "cat", skip=skip, limit=7) == all_of_them[skip : skip + 7]

    def test_versions_that_come_and_go_do_not_shift_the_others(self, stocked):
        first = stocked.get("/ai-models/search/ana", query="cat", limit=10).json
        rest = found(stocked, "cat")[10:]
        plant("new", "v1", name="Cat", description="cat")
        stocked.delete(f"/ai-models/ana/{names(first)[-1].split('/')[0]}")
        seen, page = [], first
        while page["next_token"]:
            token = page["next_token"]
            page = stocked.get("/ai-models/search/ana", query="cat", limit=4, next_token=token).json
            seen += names(page)
        assert seen == rest


def test_filters_narrow_a_search(api):
    plant_all(
        [
            ("a", "v1", {"framework": "onnx", "model_type": "nlp", "tags": ["x", "y"]}),
            ("b", "v1", {"framework": "onnx", "model_type": "nlp", "tags": ["x"]}),
            ("c", "v1", {"framework": "onnx"}),
            ("d", "v1", {"model_type": "nlp"}),
        ]
    )
    assert found(api, "iris", framework="onnx") == ["c/v1", "b/v1", "a/v1"]
    assert found(api, "iris", model_type="nlp") == ["d/v1", "b/v1", "a/v1"]
    assert found(api, "iris", framework="onnx", model_type="nlp", tags="x") == ["b/v1", "a/v1"]
    assert found(api, "iris", tags="x,y") == ["a/v1"]
    assert found(api, "iris", framework="keras") == []


FIELDS = {"name": 8, "model_id": 6, "tags": 5, "algorithm": 3, "training_dataset": 2, "description": 1}


def model_words(text):
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return re.findall("[a-z0-9]+", plain)


def model_score(query, document):
    """What a document is worth, looked up word by word; None when a word does not occur."""
    total = 0
    for wanted in dict.fromkeys(model_words(query)):
        values = []
        for field, weight in FIELDS.items():
            value = document.get(field) or ""
            for word in model_words(value if isinstance(value, str) else " ".join(value)):
                if word.startswith(wanted):
                    values.append(weight * (2 if word == wanted else 1))
        if not values:
            return None
        total += max(values)
    return total


WORDS = st.sampled_from(["cat", "cats", "Café", "ca", "dog", "dogma", "c", "12", "123", "É"])
TEXTS = st.lists(WORDS, max_size=4).map("-".join)
DOCUMENTS = st.fixed_dictionaries(
    {
        "model_id": st.sampled_from(["cat", "dog-2", "m"]),
        "name": st.lists(WORDS, min_size=1, max_size=2).map(" ".join),
        "description": TEXTS,
        "algorithm": TEXTS,
        "training_dataset": TEXTS,
        "tags": st.lists(WORDS, max_size=2, unique=True),
        "framework": st.sampled_from(["onnx", "keras"]),
    }
)


@pytest.mark.parametrize("first", [None, 2])
def test_search_agrees_with_reading_every_document(api, monkeypatch, first):
    """With a first read of two rows most words are common ones, so that both ways to an answer are taken."""
    original = table.pages
    if first:
        monkeypatch.setattr(terms, "FEW", first)
        monkeypatch.setattr(
            table, "pages", lambda r, **how: original(r, **{**how, "size": how.get("size") or first})
        )
    users = iter(range(1_000))

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(DOCUMENTS, max_size=8),
        st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=3, max_size=3),
    )
    def check(documents, queries):
        user_id = f"user{next(users)}"
        planted = [(one["model_id"], f"v{n}", {**one}) for n, one in enumerate(documents)]
        for _, _, fields in planted:
            fields.pop("model_id")
        plant_all(planted, user_id=user_id)
        for words in queries:
            for framework in (None, "onnx"):
                scored = [
                    (-score, -n, f"{one['model_id']}/v{n}")
                    for n, one in enumerate(documents)
                    if framework in (None, one["framework"])
                    and (score := model_score(" ".join(words), one)) is not None
                ]
                filters = {"framework": framework} if framework else {}
                pages = walk(api, f"/ai-models/search/{user_id}", query=" ".join(words), limit=3, **filters)
                assert [name for page in pages for name in names(page)] == [
                    name for _, _, name in sorted(scored)
                ]

    check()


def test_a_common_word_beside_a_rare_one_is_not_read_to_its_end(api, monkeypatch, calls):
    monkeypatch.setattr(terms, "FEW", 5)
    fields = [{"description": "common" + (" rare" if n % 50 == 0 else "")} for n in range(100)]
    fields[0]["name"] = "Common"
    plant_all([("m", f"v{n}", one) for n, one in enumerate(fields)])
    with calls.counting() as counted:
        assert found(api, "rare common") == ["m/v0", "m/v50"]
    assert counted == {"Query": 2, "BatchGetItem": 1}


def test_an_index_that_is_behind_shows_nothing_wrong(api):
    """The rows of a word are put right after a change of many words; until then the document decides."""
    plant("m", "v1", description="cat")
    plant("m", "v2", description="cat")
    created = api.get("/ai-models/ana/m", version="v1").json["created_at"]
    pk, sk = "words#ana", f"dog#{created}#m#v1"
    table.write_many([Row(pk, sk, weight=1, framework="other", model_type="other")])
    assert found(api, "dog") == []
    assert found(api, "dog cat") == []
    assert found(api, "cat") == ["m/v2", "m/v1"]
