"""A deletion is worked on by one run at a time: a name that is free again is touched by none."""

import pytest

from chalicelib.registry import clock, deleting
from chalicelib.registry.leases import LEASE
from chalicelib.store import leases, objects, table, versions

IRIS = ("ana", "iris", "v1")


@pytest.fixture
def handed_over(api, monkeypatch):
    """A version whose deletion was left to the worker, which has not come yet."""
    late, now = {"by": 0}, clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + late["by"])
    monkeypatch.setattr(deleting, "REQUEST_FILES", 0)
    api.upload()
    assert api.delete("/ai-models/ana/iris").status == 200
    return api, late


def another_run_begins():
    table.update(versions.key(*IRIS), leases.taken("another run", clock.now() + LEASE))


def test_a_second_run_leaves_it_to_the_first(handed_over):
    api, late = handed_over
    another_run_begins()
    api.deliver()
    assert list(objects.list_keys("models/"))
    answer = api.upload()
    assert answer.status == 409
    assert "being deleted" in answer.json["detail"]
    # The first dies; who wants the name calls the worker again.
    late["by"] = LEASE + 1
    assert api.upload().status == 409
    api.deliver()
    assert api.upload(b"new").status == 200
    api.deliver()
    got = api.get("/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream")
    assert got.content == b"new"


def test_the_worker_comes_first(handed_over):
    api, _ = handed_over
    assert api.upload().status == 409
    api.deliver()
    assert not list(objects.list_keys("models/"))
    assert not list(objects.list_keys("tasks/"))
    assert api.upload().status == 200


def test_of_many_one_that_is_gone_already_is_no_error(api, monkeypatch):
    for version in ("v1", "v2", "v3"):
        api.upload(version=version)
    known = deleting._all

    def overtaken(*model):
        found = known(*model)
        api.delete("/ai-models/ana/iris?version=v2")
        return found

    monkeypatch.setattr(deleting, "_all", overtaken)
    answer = api.delete("/ai-models/ana/iris?all_versions=true")
    assert (answer.status, answer.json["versions"]) == (200, ["v3", "v2", "v1"])
    assert api.get("/ai-models/ana").json["models"] == []
