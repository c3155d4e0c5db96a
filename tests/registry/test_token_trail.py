"""API tokens: who may make them, for how long at most, and what is kept of what was done to and by them."""

import pytest
from each import each
from faults import Fault
from guarding import ADMIN, READ, WRITE, bearer, guard
from people import People
from planting import plant

from chalicelib.registry import api_tokens, clock
from chalicelib.registry.rebuilding import rebuild
from chalicelib.settings import settings
from chalicelib.store import keys, table

DAY = 86_400
CI = {"label": "ci", "scopes": [READ]}


@pytest.fixture
def people(api, monkeypatch, tmp_path):
    """Clients of ana and others."""
    guard(monkeypatch, tmp_path)
    return People(api)


@pytest.fixture
def later(monkeypatch):
    """Lets days pass, also for JWTs that are made then."""
    now, passed = clock.now, [0]
    monkeypatch.setattr(clock, "now", lambda: now() + passed[0])

    def later(days):
        passed[0] += int(days * DAY)
        api_tokens._known.clear()

    return later


def use(people, token, status=200):
    people._api.token = token
    assert people._api.get("/ai-models/ana").status == status


def trail(people, **query):
    people._api.token = bearer("ana", READ, exp=clock.now() + 10**9)
    return people._api.get("/tokens/history", **query).json["history"]


@pytest.mark.parametrize(
    ("scopes", "status"),
    [([READ], 403), (["tokens:write"], 403), ([READ, "tokens:write"], 201), ([WRITE], 201), ([ADMIN], 201)],
    ids=str,
)
def test_making_a_token_takes_a_scope_of_its_own_or_one_to_write(people, scopes, status):
    people._api.token = bearer("ana", *scopes)
    answer = people._api.post("/tokens", CI)
    assert answer.status == status
    # Who may make tokens gives no more than they have, and not the right to make them.
    assert people._api.post("/tokens", {**CI, "scopes": ["tokens:write"]}).status in (400, 403)
    if scopes == [READ]:
        assert 'scope="tokens:write"' in answer.headers["www-authenticate"]


def test_no_token_is_good_for_longer_than_the_operator_allows(people, monkeypatch, later):
    made = people.ana.post("/tokens", {**CI, "expires_in_days": 30}).json
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN_MAX_DAYS", "7")
    settings.cache_clear()
    refused = people.ana.post("/tokens", {**CI, "expires_in_days": 8})
    assert (refused.status, "7 days" in refused.json["detail"]) == (400, True)
    unnamed = people.ana.post("/tokens", CI).json
    assert unnamed["expires_at"][:10] == clock.timestamp(clock.now() + 7 * DAY)[:10]
    # What was made before the limit ends with it as well.
    listed = {one["token_id"]: one["expires_at"] for one in people.ana.get("/tokens").json["tokens"]}
    assert listed[made["token_id"]][:10] == unnamed["expires_at"][:10]
    use(people, made["token"])
    later(7)
    for token in (made, unnamed):
        use(people, token["token"], 401)
    people._api.token = bearer("ana", READ, exp=clock.now() + 600)
    assert people._api.get("/tokens").json["tokens"] == []


def test_tokens_of_ninety_days_are_made_where_nobody_says(people):
    made = people.ana.post("/tokens", CI).json
    assert made["expires_at"][:10] == clock.timestamp(clock.now() + 90 * DAY)[:10]


def test_the_trail_says_who_made_used_and_revoked_a_token(people):
    made = people.ana.post("/tokens", CI).json
    use(people, made["token"])
    assert people.admin.delete(f"/tokens/{made['token_id']}").status == 204
    told = trail(people)
    assert [(e["action"], e["actor"]["user_id"], e["actor"]["token_id"]) for e in told] == [
        ("revoke", "admin", None),
        ("use", "ana", made["token_id"]),
        ("create", "ana", None),
    ]
    for entry in each(told):
        assert (entry["token_id"], entry["label"], entry["scopes"]) == (made["token_id"], "ci", [READ])
        assert entry["expires_at"] == made["expires_at"]
        assert entry["actor"]["address"] == "127.0.0.1"
    assert people.ben.get("/tokens/history").json["history"] == []
    assert people.ben.get("/tokens/history", user_id="ana").status == 403
    assert people.admin.get("/tokens/history", user_id="ana").json["history"] == told
    assert made["token"][15:] not in str([row.serialize() for row in table.scan(keys.HISTORY)])
    # The trail of a user's tokens is none of a model of theirs.
    plant()
    assert people.ana.get("/ai-models/ana/iris/history").status == 404


def test_the_trail_goes_by_pages(people):
    for number in range(5):
        people.ana.post("/tokens", {**CI, "label": str(number)})
    found, query = [], {"limit": 2}
    while True:
        page = people.ana.get("/tokens/history", **query).json
        found += [entry["label"] for entry in page["history"]]
        if page["next_token"] is None:
            break
        query["next_token"] = page["next_token"]
    assert found == ["4", "3", "2", "1", "0"]


def test_a_use_is_noted_once_a_day(people, calls, later):
    made = people.ana.post("/tokens", CI).json
    for days in range(3):
        for number in range(3):
            # Each time as another process, which knows nothing of the last.
            api_tokens._known.clear()
            with calls.counting() as counted:
                use(people, made["token"])
            assert counted["TransactWriteItems"] == (1 if number == 0 else 0), (days, number)
        later(1)
    told = trail(people)
    assert [entry["action"] for entry in told] == ["use", "use", "use", "create"]
    [listed] = people._api.get("/tokens").json["tokens"]
    assert listed["last_used_at"][:10] == clock.timestamp(clock.now() - DAY)[:10]
    assert listed["last_used_from"] == "127.0.0.1"


def test_two_processes_note_a_use_once(people, monkeypatch):
    """Both read the token before either has noted its use."""
    made = people.ana.post("/tokens", CI).json
    record = api_tokens.api_tokens.find(made["token_id"])
    use(people, made["token"])
    monkeypatch.setattr(api_tokens, "_look_up", lambda token_id: record)
    use(people, made["token"])
    assert [entry["action"] for entry in trail(people)] == ["use", "create"]


def test_a_use_that_cannot_be_noted_is_no_less_one(people):
    made = people.ana.post("/tokens", CI).json
    with Fault(0, reads=False).acting():
        use(people, made["token"])
    api_tokens._known.clear()
    use(people, made["token"])
    assert [entry["action"] for entry in trail(people)] == ["use", "create"]


def test_a_token_that_was_revoked_is_not_brought_back_by_its_last_use(people, monkeypatch):
    made = people.ana.post("/tokens", CI).json
    record = api_tokens.api_tokens.find(made["token_id"])
    people.ana.delete(f"/tokens/{made['token_id']}")
    with monkeypatch.context() as patched:
        patched.setattr(api_tokens, "_look_up", lambda token_id: record)
        use(people, made["token"])
    use(people, made["token"], 401)
    rebuild()
    use(people, made["token"], 401)
    assert [entry["action"] for entry in trail(people)] == ["revoke", "create"]
