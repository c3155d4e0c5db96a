"""A model that is made anew under an old name is its owner's alone, whatever died while the old one was deleted."""

import copy
from contextlib import suppress
from functools import partial

import pytest
from agreement import sweep_later
from each import each
from faults import Fault, Killed, kills
from guarding import guard
from interleaving import just_before
from people import People
from planting import plant_all
from stealing import changed, stolen
from stores import once

from chalicelib.registry import deleting, manifests, marking, readers
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import access, keys, objects, table, versions
from chalicelib.store.table import ConditionFailed

IRIS = "/ai-models/ana/iris"


@pytest.fixture
def people(api, monkeypatch, tmp_path):
    """Clients of ana, who has models; of ben, with whom they are shared; and of others."""
    guard(monkeypatch, tmp_path)
    monkeypatch.setattr(marking, "GROUP", 2)
    return People(copy.copy(api))


def share(people, *users):
    assert people.ana.put(f"{IRIS}/access", {"users": list(users)}).status == 200


def prepare(people, versions, *, users=("ben",)):
    plant_all([("iris", f"v{number}", {}) for number in range(1, versions + 1)], stored=True)
    share(people, *users)


def routes(version="v1"):
    return [
        f"{IRIS}?version={version}",
        IRIS,
        f"{IRIS}/versions",
        f"{IRIS}/files",
        f"{IRIS}/files?urls=true",
        f"{IRIS}/download",
        f"{IRIS}/download?filename=model.pkl",
        f"{IRIS}/access",
        f"{IRIS}/history",
    ]


def assert_private(people, why):
    """Ben, who could read the old model, may not know of the new one by any route."""
    for path in each(routes()):
        assert people.ben.get(path).status == 404, (path, why)
    for path in ("/ai-models/ana", "/ai-models/search/ana", "/ai-models/search/ana?query=iris"):
        assert people.ben.get(path).json["models"] == [], (path, why)
    assert people.ana.get(f"{IRIS}/access").json["users"] == [], why


def assert_consistent(why):
    """No model is shared that has no version: what everything else follows from."""

    def states(row):
        user_id, model_id = row.pk.removeprefix("access#"), row.sk
        return [one.state for one in table.scan(keys.model_pk(user_id, model_id), "version#")]

    assert [row.sk for row in table.scan("access#") if "ready" not in states(row)] == [], why


def delete(people, versions, **query):
    """What the owner asks for: the model's end, by one request or one for each version."""
    if query:
        people.ana.delete(IRIS, **query)
        return
    for number in range(1, versions + 1):
        people.ana.delete(IRIS, version=f"v{number}")


def traces():
    """The rows and objects that say who may read a model."""
    return [*table.scan("access#"), *objects.list_keys("access/")]


WAYS = [(1, {"version": "v1"}), (2, {}), (5, {"all_versions": "true"})]


@pytest.mark.parametrize(
    ("versions", "query"), WAYS, ids=["one", "one by one", "all, by several transactions"]
)
def test_sharing_does_not_outlive_a_deletion_that_died(people, versions, query):
    """Killed at each write until nothing tells of the sharing; what comes then can't bring it back."""
    prepared = once(lambda: prepare(people, versions))
    for fault in kills():
        prepared()
        with suppress(Killed), fault.acting():
            delete(people, versions, **query)
        assert_consistent(fault)
        ended = not traces()
        if people.ana.get(IRIS).status == 404:
            # The copy may be there still: by the old model it means nothing to a new one.
            manifests.remove(*(("ana", "iris", f"v{number}") for number in range(1, versions + 1)))
            plant_all([("iris", "v1", {})], stored=True)
            assert people.ben.get(IRIS).status == 404, fault
            table.clear(keep=keys.HISTORY)
            rebuild()
            assert people.ana.get(IRIS).status == 200
            assert people.ben.get(IRIS).status == 404, fault
            assert traces() == []
        if ended:
            break
    assert fault.at >= 2


def test_a_new_model_is_private_by_every_route(people):
    prepared = once(lambda: prepare(people, 1))
    for at in (1, 2):
        prepared()
        with suppress(Killed), Fault(at, kill=True, reads=False).acting():
            people.ana.delete(IRIS)
        sweep_later()
        assert people.ana.upload().status == 200
        assert_private(people, at)


def test_the_copy_of_an_ended_model_shares_no_other(people):
    prepare(people, 1)
    name = keys.access_key("ana", "iris")
    old = objects.get(name)
    assert people.ana.delete(IRIS).status == 200
    assert people.ana.upload().status == 200
    for lost in (False, True):
        # As a kill leaves it, or a request to the store that took long.
        objects.put(name, old)
        if lost:
            table.clear(keep=keys.HISTORY)
        assert rebuild().removed_objects == 1
        assert_private(people, lost)
        assert list(objects.list_keys("access/")) == []


def test_a_rebuild_shares_what_is_shared(people):
    prepare(people, 2)
    for gone in ("v1", "v2"):
        table.clear(keep=keys.HISTORY)
        rebuild()
        assert people.ben.get(IRIS).status == 200
        assert people.cleo.get(IRIS).status == 404
        # Sharing outlives each version but the last, also the one that the copy names.
        assert people.ana.delete(IRIS, version=gone).status == 200
        people.ana.upload(version="v3")
    assert people.ben.get(IRIS).status == 200


def test_a_copy_from_before_is_about_a_version_of_its_time(people):
    old = b'{"user_id":"ana","model_id":"iris","everyone":false,"users":["ben"],"updated_at":"%s"}'
    plant_all([("iris", "v1", {})], stored=True)
    created = people.ana.get(IRIS).json["created_at"]
    for at, shared in (("2020-01-01T00:00:00.000000Z", False), (created, True)):
        objects.put(keys.access_key("ana", "iris"), old % at.encode())
        rebuild()
        assert (people.ben.get(IRIS).status == 200) == shared
    # It is known by that version now.
    assert access.find("ana", "iris").version == "v1"


def test_a_row_from_before_without_its_model_ends_with_the_next_sweep(people, monkeypatch):
    plant_all([("iris", "v1", {})], stored=True)
    with monkeypatch.context() as patched:
        patched.setattr(deleting, "remove", lambda *_, **__: False)
        people.ana.delete(IRIS)
    row = access.row(access.AccessRecord(user_id="ana", model_id="iris", users=["ben"]))
    table.put(row)
    sweep_later()
    assert list(table.scan("access#")) == []


def test_what_somebody_lost_no_rebuild_gives_back(people):
    """Sharing with fewer, killed at each of its writes: the copy never has more than the table and the request."""
    prepared = once(lambda: prepare(people, 1, users=("ben", "cleo")))
    for fault in kills():
        prepared()
        with suppress(Killed), fault.acting():
            share(people, "cleo")
        could = people.ben.get(IRIS).status == 200
        table.clear(keep=keys.HISTORY)
        rebuild()
        assert could or people.ben.get(IRIS).status == 404, fault


RACES = {
    "delete and publish": (lambda p: p.ana.delete(IRIS, version="v1"), lambda p: p.ana.upload(version="v2")),
    "delete and share": (lambda p: p.ana.delete(IRIS, version="v1"), lambda p: share_or_not(p, "cleo")),
    "delete private and share": (lambda p: p.ana.delete(IRIS), lambda p: share_or_not(p, "cleo")),
    "share private and delete": (
        lambda p: share_or_not(p, "cleo"),
        lambda p: p.ana.delete(IRIS, version="v1"),
    ),
    "two deletions": (
        lambda p: p.ana.delete(IRIS, version="v1"),
        lambda p: p.ana.delete(IRIS, version="v2"),
    ),
    "all and one": (
        lambda p: p.ana.delete(IRIS, all_versions="true"),
        lambda p: p.ana.delete(IRIS, version="v1"),
    ),
    "all private and share": (
        lambda p: p.ana.delete(IRIS, all_versions="true"),
        lambda p: share_or_not(p, "cleo"),
    ),
}


def share_or_not(people, user):
    assert people.ana.put(f"{IRIS}/access", {"users": [user]}).status in (200, 404)


@pytest.mark.parametrize("shared", [True, False])
def test_who_may_read_a_model_is_not_overwritten_with_what_was_read_before(people, shared):
    prepare(people, 1)
    kept, ready = access.read("ana", "iris"), versions.first_ready("ana", "iris")
    share(people, "cleo")
    with pytest.raises(ConditionFailed):
        access.save(kept, kept.shared if shared else None, ready)
    with pytest.raises(ConditionFailed):
        table.delete(kept.key, kept.unchanged)
    assert access.find("ana", "iris").users == ["cleo"]


@pytest.mark.parametrize("act", [changed(state=versions.DELETING), changed(upload_id="0" * 32)])
def test_no_model_is_shared_by_a_version_that_is_gone(people, act):
    prepare(people, 1)
    kept, ready = access.read("ana", "iris"), versions.first_ready("ana", "iris")
    act(versions.key(*ready.id))
    with pytest.raises(ConditionFailed):
        access.save(kept, kept.shared, ready)


def test_a_sharing_of_a_model_that_comes_meanwhile_does_not_end_with_the_last(people):
    table.put(access.row(access.AccessRecord(user_id="ana", model_id="iris", users=["ben"])))

    def come(_):
        assert people.ana.upload().status == 200
        share(people, "cleo")

    with stolen(access.key("ana", "iris"), come):
        readers.settle("ana", "iris")
    assert access.find("ana", "iris").users == ["cleo"]


@pytest.mark.parametrize("race", RACES)
def test_no_race_leaves_a_model_shared_that_is_gone(people, race, monkeypatch):
    """The second request right before each call of the first, until the first has ended the sharing."""
    first, second = RACES[race]
    settle = readers.settle

    def settled(*model):
        # Here a process may die.
        assert_consistent((race, number))
        settle(*model)

    monkeypatch.setattr(readers, "settle", settled)

    @once
    def prepared():
        count = 5 if race.startswith("all") else 2 if race == "two deletions" else 1
        plant_all([("iris", f"v{n}", {}) for n in range(1, count + 1)])
        if "private" not in race:
            share(people, "ben")

    number = 0
    while True:
        prepared()
        with just_before(number, partial(second, People(copy.copy(people._api)))) as made:
            first(people)
        assert_consistent((race, number))
        assert len(traces()) in (0, 2), (race, number)
        if len(made) <= number or number == 7:
            break
        number += 1
    assert number > 5
