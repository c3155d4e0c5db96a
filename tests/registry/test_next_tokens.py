"""`next_token`: opaque, checked, and good for nothing but the request it was made for."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planting import plant, plant_all

LISTS = [
    "/ai-models/ana",
    "/ai-models/ana?framework=onnx",
    "/ai-models/ana?model_type=nlp",
    "/ai-models/ana?tags=a",
    "/ai-models/ana?tags=a,b&framework=onnx",
    "/ai-models/search/ana?query=iris",
    "/ai-models/search/ana?query=iris&tags=a",
    "/ai-models/ana/iris/versions",
    "/ai-models/ana/iris/files?version=v1",
]
OTHERS = [
    *LISTS,
    "/ai-models/ana?framework=keras",
    "/ai-models/ana?model_type=other",
    "/ai-models/ana?tags=b",
    "/ai-models/bob",
    "/ai-models/bob?tags=a",
    "/ai-models/search/ana?query=iris tiny",
    "/ai-models/search/ana?query=iri",
    "/ai-models/search/bob?query=iris",
    "/ai-models/ana/iris2/versions",
    "/ai-models/bob/iris/versions",
    "/ai-models/ana/iris/files?version=v2",
    "/ai-models/ana/iris2/files?version=v1",
    "/ai-models/bob/iris/files?version=v1",
]


@pytest.fixture
def stocked(api):
    """Three versions and three files on every one of the lists, for two users."""
    fields = {"framework": "onnx", "model_type": "nlp", "tags": ["a", "b"], "description": "tiny"}
    for user_id in ("ana", "bob"):
        wanted = [(model, f"v{n}", fields) for model in ("iris", "iris2") for n in range(1, 4)]
        plant_all(wanted, user_id=user_id, files=3)
    return api


def token_of(api, path):
    token = api.get(path, limit=1).json["next_token"]
    assert token
    return token


def refused(answer):
    return answer.status == 400 and "next_token" in answer.json["detail"]


@pytest.mark.parametrize("path", LISTS)
def test_a_token_serves_its_own_request_and_no_other(stocked, path):
    token = token_of(stocked, path)
    following = stocked.get(path, limit=1, next_token=token)
    assert following.status == 200
    assert stocked.get(path, limit=1, next_token=token).content == following.content
    assert stocked.get(path, limit=2, next_token=token).status == 200
    for other in OTHERS:
        if other != path:
            assert refused(stocked.get(other, limit=1, next_token=token)), other


@pytest.mark.parametrize("path", LISTS)
def test_a_token_shows_nothing_of_what_it_holds(stocked, path):
    token = token_of(stocked, path)
    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert "iris" not in token


@pytest.mark.parametrize("path", LISTS)
def test_a_damaged_token_is_refused(stocked, path):
    token = token_of(stocked, path)
    damaged = [
        token[:-1],
        token[1:],
        token + "A",
        token + "=",
        token + "!",
        token[:5] + "!" + token[5:],
        token * 2,
    ]
    damaged += [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    damaged += [token.swapcase(), token[::-1], token + "\n", "ü" + token, "0", "null"]
    for wrong in damaged:
        assert refused(stocked.get(path, limit=1, next_token=wrong)), wrong


def test_a_token_made_for_a_version_is_not_for_its_successor(api):
    plant(files=3)
    token = token_of(api, "/ai-models/ana/iris/files?version=v1")
    assert api.delete("/ai-models/ana/iris", version="v1").status == 200
    plant(files=3)
    assert refused(api.get("/ai-models/ana/iris/files", version="v1", next_token=token))


def test_the_order_of_tags_makes_no_other_request(stocked):
    token = token_of(stocked, "/ai-models/ana?tags=a,b")
    answers = [
        stocked.get("/ai-models/ana", tags=tags, limit=2, next_token=token)
        for tags in ("a,b", "b,a", " b , a ", "a,b,a")
    ]
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.content for answer in answers}) == 1


def test_no_text_at_all_makes_an_error_of_another_kind(stocked):
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sampled_from(LISTS), st.text(min_size=1) | st.from_regex("[A-Za-z0-9_-]{1,80}", fullmatch=True))
    def check(path, text):
        if text.isprintable() and text.isascii():
            assert refused(stocked.get(path, next_token=text))
        else:
            assert stocked.get(path, next_token=text).status == 400

    check()
