"""Deletions too large for one request or one run: handed over, gone on with, killed, and what they cost."""

from contextlib import suppress
from itertools import count
from unittest.mock import patch

import pytest
from api import Context, everything
from botocore.client import BaseClient
from faults import Killed, kills
from planting import plant, plant_all
from stores import once

from chalicelib.errors import StoreBusy
from chalicelib.registry import clock, deleting, marking, sweeping
from chalicelib.registry.leases import LEASE
from chalicelib.registry.sweeping import sweep
from chalicelib.store import keys, objects, table

IRIS = "/ai-models/ana/iris"
NOTHING = (set(), set(), set())
FILES = 130


@pytest.fixture
def later(monkeypatch):
    """Puts the service's clock forward."""
    late, now = {"by": 0}, clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + late["by"])

    def pass_time(seconds):
        late["by"] += seconds

    return pass_time


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """What takes 100,000 files is seen with 130."""
    monkeypatch.setattr(deleting, "REQUEST_FILES", 20)
    monkeypatch.setattr(objects, "DELETE_BATCH", 10)


def plant_stored(files=FILES, **fields):
    """A version whose files are in the bucket."""
    plant(files=files, **fields)
    for number in range(files):
        objects.put(keys.file_key("ana", "iris", "v1", f"part-{number:05}.bin"), b"")


def act(fault, action):
    with fault.acting(), suppress(Killed):
        action()


def time_for(monkeypatch, checks):
    """Each run of the worker has time for so many checks of what is left of it, and for none after that."""
    left = {"checks": checks}

    def remaining(context):
        left["checks"] -= 1
        return 900_000 if left["checks"] >= 0 else 0

    monkeypatch.setattr(Context, "get_remaining_time_in_millis", remaining)
    return left


def test_what_a_large_deletion_costs(api, calls):
    plant_stored()
    with calls.counting() as asked:
        assert api.delete(IRIS).status == 200
    # Mark it, see whether the model is shared, hide the manifest, call the worker.
    assert asked == {"Query": 1, "GetItem": 1, "TransactWriteItems": 1, "DeleteObjects": 1, "PutObject": 1}
    with calls.counting() as worked:
        api.deliver()
    assert everything() == NOTHING
    # Manifest, 13 times 10 files, and the task; the rows of 130 contents and of three lists, of the index, and of
    # downloads.
    assert worked["DeleteObjects"] == 1 + FILES // 10 + 1
    assert worked["BatchWriteItem"] == 1 + -(-FILES // table.BATCH) + 1 + 1
    assert worked["UpdateItem"] == 1
    assert worked.total() < 40


def test_a_run_that_is_too_short_hands_over_and_what_is_removed_stays_removed(api, monkeypatch):
    plant_stored()
    api.delete(IRIS)
    sizes, left = [], time_for(monkeypatch, 0)
    for runs in count(1):
        left["checks"] = 7
        api.deliver()
        sizes.append(sum(map(len, everything())))
        if not sizes[-1]:
            break
        answer = api.upload()
        assert (answer.status, "being deleted" in answer.json["detail"]) == (409, True)
        assert list(objects.list_keys("tasks/delete/")), "nobody was called"
        assert runs < 20
    assert runs > 2
    assert sizes == sorted(sizes, reverse=True)
    assert api.upload().status == 200


def test_a_run_without_any_time_does_nothing_but_call_the_next(api, monkeypatch):
    plant_stored()
    api.delete(IRIS)
    before = everything()
    left = time_for(monkeypatch, 0)
    api.deliver()
    assert everything() == before
    left["checks"] = 10_000
    api.deliver()
    assert everything() == NOTHING


def test_a_run_that_was_killed_is_gone_on_with_after_a_minute(api, later):
    handed_over = once(lambda: (plant_stored(25), api.delete(IRIS)))
    for fault in kills():
        handed_over()
        [task] = objects.list_keys("tasks/")
        act(fault, lambda task=task: api.deliver(task))
        later(LEASE + 1)
        api.deliver(task)
        assert everything() == NOTHING, fault
        assert api.delete(IRIS).status == 404


def test_a_run_that_was_killed_is_found_by_the_sweep(api, later):
    handed_over = once(lambda: (plant_stored(25), api.delete(IRIS)))
    for fault in kills():
        handed_over()
        act(fault, api.deliver)
        objects.delete_prefix("tasks/")
        later(200)
        sweep()
        api.deliver()
        assert everything() == NOTHING, fault


def test_a_request_that_takes_too_long_leaves_the_rest_to_the_worker(api, monkeypatch):
    monkeypatch.setattr(deleting, "REQUEST_FILES", 1_000)
    now = {"at": 0.0}
    monkeypatch.setattr("time.monotonic", lambda: now["at"])
    original = BaseClient._make_api_call

    def slow(client, name, arguments):
        now["at"] += 4 if name == "DeleteObjects" else 0
        return original(client, name, arguments)

    plant_stored()
    with patch.object(BaseClient, "_make_api_call", slow):
        assert api.delete(IRIS).status == 200
    files = len(list(objects.list_keys("models/")))
    assert 0 < files < FILES
    assert not list(objects.list_keys("manifests/"))
    api.deliver()
    assert everything() == NOTHING


class TestManyVersions:
    def plant(self, versions=10):
        plant_all([("iris", f"v{number}", {}) for number in range(versions)])

    @pytest.fixture(autouse=True)
    def groups(self, monkeypatch):
        monkeypatch.setattr(marking, "GROUP", 3)
        monkeypatch.setattr(deleting, "REQUEST_VERSIONS", 3)

    def test_all_are_gone_at_once_and_one_task_removes_them(self, api, calls):
        self.plant()
        with calls.counting() as asked:
            answer = api.delete(IRIS, all_versions="true")
        assert len(answer.json["versions"]) == 10
        # Two objects of each version, ten in a request.
        assert asked == {
            "Query": 1,
            "GetItem": 1,
            "TransactWriteItems": 4,
            "DeleteObjects": 2,
            "PutObject": 1,
        }
        assert api.get(IRIS).status == 404
        assert api.get("/ai-models/ana").json["models"] == []
        assert len(list(objects.list_keys("tasks/"))) == 1
        api.deliver()
        assert everything() == NOTHING

    def test_few_are_removed_within_the_request(self, api):
        self.plant(3)
        assert api.delete(IRIS, all_versions="true").status == 200
        assert everything() == NOTHING

    def test_when_marking_takes_too_long_the_request_is_to_be_repeated(self, api, monkeypatch):
        self.plant(40)
        now = {"at": 0.0}
        monkeypatch.setattr("time.monotonic", lambda: now["at"])
        original = BaseClient._make_api_call

        def slow(client, name, arguments):
            now["at"] += 4 if name == "TransactWriteItems" else 0
            return original(client, name, arguments)

        with patch.object(BaseClient, "_make_api_call", slow):
            answer = api.delete(IRIS, all_versions="true")
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        left = api.get(f"{IRIS}/versions").json["models"]
        assert 0 < len(left) < 40
        assert f"{40 - len(left)} of 40 versions" in answer.json["detail"]
        assert api.delete(IRIS, all_versions="true").status == 200
        assert api.get(IRIS).status == 404
        api.deliver()
        assert everything() == NOTHING

    def test_one_that_somebody_else_has_deleted_keeps_none_of_its_group(self, api, monkeypatch):
        self.plant()
        known = deleting._all

        def overtaken(*model):
            found = known(*model)
            api.delete(f"{IRIS}?version=v4")
            return found

        monkeypatch.setattr(deleting, "_all", overtaken)
        assert api.delete(IRIS, all_versions="true").status == 200
        assert api.get(IRIS).status == 404
        api.deliver()
        assert everything() == NOTHING

    def test_what_a_kill_leaves_of_many_is_found_by_the_sweep(self, api, later):
        planted = once(lambda: self.plant(4))
        for fault in kills():
            planted()
            act(fault, lambda: api.delete(IRIS, all_versions="true"))
            act(fault, api.deliver)
            later(200)
            sweep()
            api.deliver()
            found = api.get(f"{IRIS}/versions").json.get("models", [])
            assert {api.delete(IRIS, version=version["version"]).status for version in found} <= {200}
            assert everything() == NOTHING, fault


def refused(codes):
    """DeleteObjects that refuses the first of its objects with each of these codes in turn."""
    original, waiting = BaseClient._make_api_call, list(codes)

    def partly(client, name, arguments):
        if name != "DeleteObjects" or not waiting:
            return original(client, name, arguments)
        first, *others = arguments["Delete"]["Objects"]
        if others:
            delete = {**arguments["Delete"], "Objects": others}
            original(client, name, {**arguments, "Delete": delete})
        return {"Errors": [{"Key": first["Key"], "Code": waiting.pop(0)}]}

    return patch.object(BaseClient, "_make_api_call", partly)


def put_some():
    names = [f"models/ana/iris/v1/{number}" for number in range(4)]
    for name in names:
        objects.put(name, b"")
    return names


def test_objects_that_the_store_is_too_busy_for_are_removed_in_the_end(aws, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    names = put_some()
    with refused(["SlowDown", "InternalError", "SlowDown"]):
        assert objects.delete(names) == 4
    assert not list(objects.list_keys(""))


def test_a_store_that_stays_busy_is_told(aws, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    names = put_some()
    with refused(["SlowDown"] * 100), pytest.raises(StoreBusy):
        objects.delete(names)


def test_an_object_that_may_not_be_removed_is_no_passing_matter(aws):
    names = put_some()
    with refused(["AccessDenied"]), pytest.raises(OSError, match="AccessDenied"):
        objects.delete(names)


def test_the_sweep_leaves_what_it_has_no_time_for_to_the_next(api, later):
    plant_all([("iris", f"v{number}", {}) for number in range(3)])
    with patch.object(deleting, "remove", side_effect=TimeoutError):
        for number in range(3):
            api.delete(IRIS, version=f"v{number}")
    later(200)
    times = iter([900.0, 900.0])
    assert sweeping.sweep(lambda: next(times, 10.0)) == 2
    assert sweep() == 1
    assert everything() == NOTHING
