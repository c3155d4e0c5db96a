"""`next_token`: opaque, checked, and good for nothing but the request it was made for."""

import base64
import hashlib
import re

import pytest
from each import each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planting import plant, plant_all
from stealing import stolen
from stores import once

from chalicelib.registry import next_tokens
from chalicelib.registry.callers import Caller, anyone
from chalicelib.store import keys, table, token_key
from chalicelib.store.token_key import key as real_key

UPLOAD = "0123456789abcdef" * 2
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
    "/ai-models/ana/iris/history",
    f"/ai-models/uploads/{UPLOAD}/parts",
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
    "/ai-models/ana/iris2/history",
]


@once
def stock(api):
    """Three versions and three files on every one of the lists, for two users."""
    fields = {"framework": "onnx", "model_type": "nlp", "tags": ["a", "b"], "description": "tiny"}
    for user_id in ("ana", "bob"):
        wanted = [(model, f"v{n}", fields) for model in ("iris", "iris2") for n in range(1, 4)]
        plant_all(wanted, user_id=user_id, files=3)
    for name in ("One", "Two"):
        assert api.put("/ai-models/ana/iris", {"name": name}).status == 200
    planned = [{"filename": f"{n}.bin", "file_size": 1} for n in range(3)]
    plan = {"user_id": "ana", "model_id": "new", "name": "New", "files": planned, "upload_id": UPLOAD}
    assert api.post("/ai-models/upload/files", plan).status == 200


@pytest.fixture
def stocked(api):
    stock(api)
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
    damaged += [token.swapcase(), token[::-1], token + "\n", "ü" + token, "0", "null", "9" * 4_000]
    for wrong in damaged:
        assert refused(stocked.get(path, limit=1, next_token=wrong)), wrong


POSITIONS = [
    "9" * 5_000,
    "0",
    "-1",
    "1e9",
    "",
    "v1",
    "a/b",
    '["2026"]',
    "2026-01-01T00:00:00.000000Z#iris#v1",
]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("scope", ["", "list/ana/None/None//", f"parts/{UPLOAD}/", "versions/ana/iris"])
def test_who_knows_the_code_but_not_the_key_can_not_make_one(stocked, monkeypatch, path, scope):
    forged = []
    for position in POSITIONS:
        data = position.encode()
        digest = hashlib.sha256(scope.encode() + b"\0" + data).digest()
        forged += [base64.urlsafe_b64encode(digest[:size] + data).decode().rstrip("=") for size in (12, 16)]
    with monkeypatch.context() as another:
        another.setattr(token_key, "key", lambda: b"x" * token_key.BYTES)
        forged += [next_tokens.make(position, scope) for position in POSITIONS]
    for token in each(forged):
        assert refused(stocked.get(path, limit=1, next_token=token)), token[:80]


def test_a_token_is_for_the_caller_who_was_handed_it():
    scope = next_tokens.scope_of(anyone(), "list", "ana")
    assert scope != next_tokens.scope_of(Caller("ben", frozenset()), "list", "ana")
    assert next_tokens.scope_of(anyone(), "a", "b/c") != next_tokens.scope_of(anyone(), "a", "b", "c")


class TestKey:
    @pytest.fixture(autouse=True)
    def fresh(self, api, monkeypatch):
        monkeypatch.setattr(token_key, "key", real_key)
        token_key._key.cache_clear()
        yield
        token_key._key.cache_clear()

    def test_it_is_made_once_and_read_once_a_process(self, api, calls):
        plant_all([("m", f"v{n}", {}) for n in range(9)])
        with calls.counting() as counted:
            assert token_of(api, "/ai-models/ana/m/versions")
        assert counted == {"Query": 1, "GetItem": 1, "PutItem": 1}
        token_key._key.cache_clear()
        with calls.counting() as counted:
            token = token_of(api, "/ai-models/ana/m/versions")
            assert api.get("/ai-models/ana/m/versions", limit=1, next_token=token).status == 200
        assert counted == {"Query": 2, "GetItem": 1}

    def test_of_two_processes_at_once_both_use_one(self):
        made = []
        with stolen(keys.TOKEN_KEY, lambda _: made.append(token_key._key.__wrapped__(0))):
            made.append(token_key._key.__wrapped__(0))
        assert made[0] == made[1]
        assert len(made[0]) == token_key.BYTES

    def test_a_token_outlives_its_process_and_not_its_table(self, api):
        plant_all([("m", f"v{n}", {}) for n in range(3)])
        token = token_of(api, "/ai-models/ana")
        token_key._key.cache_clear()
        assert api.get("/ai-models/ana", next_token=token).status == 200
        table.delete(keys.TOKEN_KEY)
        token_key._key.cache_clear()
        assert refused(api.get("/ai-models/ana", next_token=token))


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
