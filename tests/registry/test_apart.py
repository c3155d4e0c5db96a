"""Users are strangers to each other: what one may know of another's models, and who else may read them."""

import base64

import pytest
from api import everything
from guarding import ADMIN, READ, WRITE, bearer, guard
from planting import plant_all

from chalicelib.registry import clock
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import objects, table

IRIS, NONE = "/ai-models/ana/iris", "/ai-models/ana/none"


@pytest.fixture
def people(api, monkeypatch, tmp_path):
    """Clients of ana, who has models; of ben and cleo, who have not; and of an admin."""
    guard(monkeypatch, tmp_path)
    return People(api)


class People:
    """`people.ben.get(…)` asks as ben."""

    def __init__(self, api):
        self._api = api

    def __getattr__(self, name):
        self._api.token = bearer(name, ADMIN if name == "admin" else WRITE)
        return self._api


def names(answer):
    return [(version["model_id"], version["version"]) for version in answer.json["models"]]


def share(people, model_id="iris", **with_whom):
    answer = people.ana.put(f"/ai-models/ana/{model_id}/access", with_whom)
    assert answer.status == 200, answer.content
    return answer.json


ROUTES = [
    ("GET", "?version=v1", None),
    ("GET", "", None),
    ("GET", "/versions", None),
    ("GET", "/files", None),
    ("GET", "/download?filename=model.pkl", None),
    ("GET", "/downloads", None),
    ("GET", "/access", None),
    ("GET", "/history", None),
    ("PUT", "?version=v1", {"name": "Mine"}),
    ("PUT", "/access", {"users": ["ben"]}),
    ("DELETE", "", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda part: str(part))
def test_what_is_not_shared_is_as_if_it_were_not_there(people, calls, method, path, body):
    """The same answer, but for the name, after the same calls: also time tells nothing."""
    people.ana.upload()
    before = everything()
    answers = []
    for address in (IRIS, NONE):
        with calls.counting() as counted:
            answer = people.ben.request(method, f"{address}{path}", json_body=body)
        assert answer.status == 404
        answers.append((answer.content.replace(address[11:].encode(), b"it"), dict(counted)))
    assert answers[0] == answers[1]
    assert answers[0][1] == {"GetItem": 1}
    assert everything() == before


def test_what_is_shared_can_be_read_and_no_more(people):
    people.ana.upload(data=b"weights")
    people.ana.upload(model_id="other")
    shared = share(people, users=["ben", "ana", "ben"])
    assert (shared["users"], shared["everyone"]) == (["ben"], False)
    assert people.ana.get(f"{IRIS}/access").json == shared
    ben = people.ben
    assert ben.get(IRIS).json["version"] == "v1"
    assert names(ben.get(f"{IRIS}/versions")) == [("iris", "v1")]
    assert [file["filename"] for file in ben.get(f"{IRIS}/files").json["files"]] == ["model.pkl"]
    found = ben.get(f"{IRIS}/download", filename="model.pkl", accept="application/octet-stream")
    assert found.content == b"weights"
    assert ben.get(f"{IRIS}?version=v9").status == 404
    for answer in (ben.put(IRIS, {"name": "Mine"}), ben.delete(IRIS), ben.get(f"{IRIS}/history")):
        assert answer.status == 403
        assert "shared with you for reading" in answer.json["detail"]
    # Versions to come are shared as well; other models, and other people, are not.
    people.ana.upload(version="v2")
    assert people.ben.get(IRIS).json["version"] == "v2"
    assert people.ben.get("/ai-models/ana/other").status == 404
    assert people.cleo.get(IRIS).status == 404


def test_sharing_with_everyone_and_its_end(people):
    people.ana.upload()
    share(people, everyone=True)
    assert people.ben.get(IRIS).status == people.cleo.get(IRIS).status == 200
    ended = share(people)
    assert people.ben.get(IRIS).status == 404
    assert people.ana.get(f"{IRIS}/access").json == ended
    assert (ended["everyone"], ended["users"], ended["updated_at"]) == (False, [], None)
    assert list(objects.list_keys("access/")) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"users": ["-ben"]}, "users[0]: user_id is '-ben'"),
        ({"users": ["*"]}, "users[0]"),
        ({"users": "ben"}, "users"),
        ({"everyone": "yes"}, "everyone"),
        ({"anyone": True}, "anyone"),
        ({"users": ["u"] * 1001}, "users"),
    ],
    ids=str,
)
def test_what_cannot_be_shared_with_is_named(people, body, said):
    people.ana.upload()
    answer = people.ana.put(f"{IRIS}/access", body)
    assert answer.status == 400
    assert said in answer.json["detail"]


def test_lists_and_searches_have_what_is_shared(people):
    plant_all([(f"m{n}", "v1", {"tags": ["t"], "description": "alpha"}) for n in range(9)])
    share(people, "m3", users=["ben"])
    share(people, "m5", everyone=True)
    share(people, "m7", users=["cleo"])
    asked = [
        ("/ai-models/ana", {}),
        ("/ai-models/ana", {"tags": "t"}),
        ("/ai-models/ana", {"framework": "other"}),
        ("/ai-models/search/ana", {}),
        ("/ai-models/search/ana", {"query": "alpha"}),
        ("/ai-models/search/ana", {"query": "alp m5 alpha"}),
    ]
    for path, query in asked:
        whole = [("m5", "v1")] if "m5" in str(query) else [("m3", "v1"), ("m5", "v1")]
        assert sorted(names(people.ben.get(path, **query))) == whole, (path, query)
        skipped = names(people.ben.get(path, skip=1, **query))
        assert len(skipped) == len(whole) - 1
    assert len(names(people.ana.get("/ai-models/ana"))) == len(names(people.admin.get("/ai-models/ana"))) == 9
    # Page by page, and nothing twice.
    first = people.ben.get("/ai-models/ana", limit=1)
    second = people.ben.get("/ai-models/ana", limit=1, next_token=first.json["next_token"])
    assert sorted(names(first) + names(second)) == [("m3", "v1"), ("m5", "v1")]


def test_what_lists_of_others_cost(people, calls):
    plant_all([(f"m{n}", "v1", {}) for n in range(40)])
    with calls.counting() as counted:
        assert names(people.ben.get("/ai-models/ana", skip=1)) == []
        assert names(people.ben.get("/ai-models/search/ana", query="m1")) == []
    assert counted == {"Query": 2}
    share(people, "m3", users=["ben"])
    with calls.counting() as counted:
        assert names(people.ben.get("/ai-models/ana")) == [("m3", "v1")]
    assert counted == {"Query": 2}


@pytest.mark.parametrize(
    "path", ["", "?tags=t", "?skip=1", "/search", "/search?query=m1", "/search?query=m1&skip=1"]
)
def test_of_a_user_who_shares_nothing_there_is_one_page(people, path):
    plant_all([("m1", "v1", {"tags": ["t"]})])
    path = path.replace("/search", "/ai-models/search/ana") if "search" in path else f"/ai-models/ana{path}"
    page = people.ben.get(path)
    assert (names(page), page.json["next_token"]) == ([], None)


@pytest.mark.parametrize("path", ["", "?tags=t", "?framework=other&tags=t", "/search"])
def test_what_is_not_shared_costs_no_more_however_much_there_is(people, calls, path):
    share_two_among(people, 30)
    path = "/ai-models/search/ana?query=t" if path == "/search" else f"/ai-models/ana{path}"
    with calls.counting() as counted:
        page = people.ben.get(path, limit=2)
    assert sorted(names(page)) == [("m0", "v1"), ("m1", "v1")]
    assert page.json["next_token"] is None
    # Which are shared, and the versions of each.
    assert counted == {"Query": 3}


@pytest.mark.parametrize("path", ["", "?tags=t", "?skip=1", "/search"])
def test_of_many_shared_models_a_page_ends_early_and_does_not_say_where(people, calls, monkeypatch, path):
    share_two_among(people, 30)
    for name, value in (("listing.FEW_MODELS", 0), ("listing.REQUESTS", 1), ("listing.SECONDS", -1)):
        monkeypatch.setattr(f"chalicelib.registry.{name}", value)
    for name, value in (("terms.WINDOW", 8), ("searching.WINDOW", 8), ("searching.WINDOWS", 1)):
        monkeypatch.setattr(f"chalicelib.registry.{name}", value)
    path = "/ai-models/search/ana?query=t" if path == "/search" else f"/ai-models/ana{path}"
    found, token = [], {}
    for _ in range(60):
        with calls.counting() as counted:
            page = people.ben.get(path, limit=1, **token)
        assert counted.total() <= 5
        found += names(page)
        token = {"next_token": page.json["next_token"]}
        if token["next_token"] is None:
            break
        sealed = base64.urlsafe_b64decode(token["next_token"] + "===")
        assert b"secret" not in sealed
    assert token["next_token"] is None
    assert sorted(found) == ([("m0", "v1")] if "skip" in path else [("m0", "v1"), ("m1", "v1")])


def share_two_among(people, number):
    """Two models that ben may read, with so many before and behind that he may not."""
    plant_all([(f"secret{n}", "v1", {"tags": ["t"]}) for n in range(number)])
    plant_all([(f"m{n}", "v1", {"tags": ["t"]}) for n in range(2)])
    plant_all([(f"secret{n}", "v1", {"tags": ["t"]}) for n in range(number, 2 * number)])
    for n in range(2):
        share(people, f"m{n}", users=["ben"])


def test_uploads_are_their_users_own(people):
    plan = people.ana.post(
        "/ai-models/upload/single",
        {"user_id": "ana", "model_id": "m", "name": "M", "filename": "a", "file_size": 1},
    ).json
    address, unknown = f"/ai-models/uploads/{plan['upload_id']}", f"/ai-models/uploads/{'0' * 32}"
    for method, path, body in [
        ("GET", "", None),
        ("GET", "/parts", None),
        ("POST", "/parts", {"files": [{"filename": "a"}]}),
        ("POST", "/complete", None),
        ("DELETE", "", None),
    ]:
        theirs = people.ben.request(method, address + path, json_body=body)
        nothing = people.ben.request(method, unknown + path, json_body=body)
        assert theirs.status == nothing.status == 404
        assert theirs.text.replace(plan["upload_id"], "") == nothing.text.replace("0" * 32, "")
    refused = people.ben.upload(user_id="ana")
    assert (refused.status, "upload under your own name" in refused.text) == (403, True)
    assert people.admin.upload(user_id="ana").status == 200


def test_content_of_others_is_no_short_cut(people):
    """Who knows the hash of another user's file must send it all the same."""
    people.ana.upload(data=b"weights")
    sha256 = people.ana.get(IRIS).json["files"][0]["file_hash"]
    fields = {
        "user_id": "ben",
        "model_id": "m",
        "name": "M",
        "filename": "a",
        "file_size": 7,
        "file_hash": sha256,
    }
    plan = people.ben.post("/ai-models/upload/single", fields).json
    assert plan["files"][0]["parts"]


class TestTheEndOfAModel:
    def test_ends_its_sharing(self, people):
        people.ana.upload()
        people.ana.upload(version="v2")
        share(people, users=["ben"])
        assert people.ana.delete(IRIS, version="v1").status == 200
        assert people.ben.get(IRIS).status == 200
        assert people.ana.delete(IRIS).status == 200
        assert list(objects.list_keys("access/")) == []
        people.ana.upload()
        assert people.ben.get(IRIS).status == 404

    def test_what_is_not_there_cannot_be_shared(self, people):
        assert people.ana.put(f"{NONE}/access", {"everyone": True}).status == 404
        assert people.ana.get(f"{NONE}/access").status == 404
        assert everything() == (set(), set(), set())


class TestHistory:
    def of(self, people, path=IRIS, **query):
        return people.ana.get(f"{path}/history", **query).json

    def test_says_who_did_what(self, people):
        people.ana.upload()
        people.ana.put(f"{IRIS}?version=v1", {"description": "new", "tags": ["a"], "name": "Iris"})
        share(people, users=["ben"])
        people.ben.get(f"{IRIS}/download", filename="model.pkl")
        people.admin.delete(IRIS, version="v1")
        told = self.of(people)["history"]
        assert [(e["actor"]["user_id"], e["action"], e["version"]) for e in told] == [
            ("admin", "delete", "v1"),
            ("ana", "share", None),
            ("ana", "update", "v1"),
            ("ana", "create", "v1"),
        ]
        assert told[1]["users"] == ["ben"]
        assert told[2]["fields"] == ["description", "tags"]
        assert {e["actor"]["address"] for e in told} == {"127.0.0.1"}

    def test_names_the_api_token(self, people):
        made = people.ana.post("/tokens", {"label": "ci", "scopes": [WRITE]}).json
        people.ana.token = made["token"]
        people._api.token = made["token"]
        assert people._api.upload().status == 200
        [created] = self.of(people)["history"]
        assert created["actor"] == {"user_id": "ana", "token_id": made["token_id"], "address": "127.0.0.1"}

    def test_goes_by_pages(self, people):
        people.ana.upload()
        for number in range(4):
            people.ana.put(IRIS, {"description": str(number)})
        first = self.of(people, limit=3)
        rest = self.of(people, limit=3, next_token=first["next_token"])
        assert [e["action"] for e in first["history"] + rest["history"]] == ["update"] * 4 + ["create"]
        assert rest["next_token"] is None
        assert people.ana.get(f"{IRIS}/history", next_token="xyz").status == 400

    def test_an_answer_ends_before_it_grows_too_large(self, people, monkeypatch):
        people.ana.upload()
        share(people, users=[f"{n:0128}" for n in range(1_000)])
        monkeypatch.setattr("chalicelib.registry.pages.ANSWER_LIMIT", 100_000)
        first = self.of(people)
        assert [e["action"] for e in first["history"]] == ["share"]
        assert [e["action"] for e in self.of(people, next_token=first["next_token"])["history"]] == ["create"]

    def test_has_nothing_of_what_failed(self, people):
        people.ana.upload()
        for answer in (people.ana.upload(), people.ana.put(IRIS, {"primary_file_path": "no"})):
            assert answer.status in (400, 409)
        people.ana.put(IRIS, {"name": "Iris"})
        assert len(self.of(people)["history"]) == 1

    def test_ends_after_a_year(self, people, monkeypatch):
        people.ana.upload()
        [row] = table.scan("history#")
        now = clock.now()
        assert abs(row.expires_at.timestamp() - now - 365 * 86_400) < 60
        monkeypatch.setattr(clock, "now", lambda: now + 366 * 86_400)
        people._api.token = bearer("ana", READ, exp=now + 400 * 86_400)
        assert people._api.get(f"{IRIS}/history").status == 404


class TestApiTokens:
    def make(self, people, *scopes, **fields):
        return people.ana.post("/tokens", {"label": "ci", "scopes": list(scopes or [READ]), **fields})

    def test_acts_for_its_user_with_its_own_scopes(self, people):
        people.ana.upload()
        made = self.make(people)
        assert made.status == 201
        api = people.ana
        api.token = made.json["token"]
        assert api.get(IRIS).status == 200
        refused = api.delete(IRIS)
        assert refused.status == 403
        assert 'error="insufficient_scope", scope="models:write"' in refused.headers["www-authenticate"]

    def test_is_listed_without_its_secret_and_kept_as_a_hash(self, people):
        made = self.make(people, READ, WRITE).json
        listed = people.ana.get("/tokens").json["tokens"]
        assert listed == [{name: value for name, value in made.items() if name != "token"}]
        assert people.ben.get("/tokens").json["tokens"] == []
        assert people.admin.get("/tokens", user_id="ana").json["tokens"] == listed
        assert people.ben.get("/tokens", user_id="ana").status == 403
        secret = made["token"][15:]
        assert not any(secret in str(row.serialize()) for row in table.scan(""))
        assert not any(secret.encode() in objects.get(key) for key in objects.list_keys("tokens/"))

    def test_gives_no_more_than_its_maker_has(self, people):
        assert self.make(people, ADMIN).status == 403
        people._api.token = bearer("ana", READ)
        assert people._api.post("/tokens", {"label": "ci", "scopes": [WRITE]}).status == 403

    @pytest.mark.parametrize(
        "fields",
        [
            {"scopes": []},
            {"scopes": ["all"]},
            {"label": ""},
            {"expires_in_days": 0},
            {"expires_in_days": 367},
        ],
        ids=str,
    )
    def test_is_refused_by_the_field_that_is_wrong(self, people, fields):
        answer = (
            self.make(people, **fields)
            if "scopes" not in fields
            else people.ana.post("/tokens", {"label": "c", **fields})
        )
        assert answer.status == 400
        assert next(iter(fields)) in answer.json["detail"]

    def test_costs_one_read_and_none_soon_after(self, people, calls):
        api = people.ana
        made = self.make(people).json
        api.token = made["token"]
        # The first use in a day is noted.
        for expected in ({"GetItem": 1, "TransactWriteItems": 1}, {}):
            with calls.counting() as counted:
                api.get("/ai-models/ana/iris?version=next")
            assert counted == expected
        api.token = bearer("ana", READ)
        with calls.counting() as counted:
            api.get("/ai-models/ana/iris?version=next")
        assert counted == {}

    def test_is_refused_once_revoked_or_expired(self, people, monkeypatch):
        api = people.ana
        revoked, expired = self.make(people).json, self.make(people, expires_in_days=1).json
        for token in (revoked, expired):
            api.token = token["token"]
            assert api.get("/ai-models/ana").status == 200
        api.token = bearer("ana", READ)
        assert api.delete(f"/tokens/{revoked['token_id']}").status == 204
        assert api.delete(f"/tokens/{revoked['token_id']}").status == 404
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + 86_400)
        for token, why in ((revoked, "revoked"), (expired, "has expired on")):
            api.token = token["token"]
            answer = api.get("/ai-models/ana")
            assert (answer.status, why in answer.json["detail"]) == (401, True)
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_a_user_has_a_hundred(self, people, monkeypatch):
        monkeypatch.setattr("chalicelib.registry.api_tokens.LIMIT", 2)
        assert [self.make(people).status for _ in range(3)] == [201, 201, 409]
        assert people.ben.post("/tokens", {"label": "ci", "scopes": [READ]}).status == 201


def test_rebuilding_brings_back_sharing_and_tokens(people):
    people.ana.upload()
    people.ana.upload(model_id="gone")
    share(people, users=["ben"])
    share(people, "gone", everyone=True)
    people.ana.delete("/ai-models/ana/gone")
    kept = people.ana.post("/tokens", {"label": "kept", "scopes": [READ]}).json
    revoked = people.ana.post("/tokens", {"label": "revoked", "scopes": [READ]}).json
    people.ana.delete(f"/tokens/{revoked['token_id']}")
    foreign = ["access/notes.txt", "access/ana/iris/x.json", "tokens/notes.txt", "tokens/ana/1-a.json"]
    for key in foreign:
        objects.put(key, b"somebody else's")
    table.clear(keep="none")
    rebuild()
    assert set(foreign) <= set(objects.list_keys(""))
    assert people.ben.get(IRIS).status == 200
    assert people.cleo.get(IRIS).status == 404
    assert [token["label"] for token in people.ana.get("/tokens").json["tokens"]] == ["kept"]
    for token, status in ((kept, 200), (revoked, 401)):
        people._api.token = token["token"]
        assert people._api.get(IRIS).status == status
    people.ana.upload(model_id="gone")
    assert people.ben.get("/ai-models/ana/gone").status == 404
