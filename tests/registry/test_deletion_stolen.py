"""Somebody else changes a row between a check and the write of a deletion or a ZIP: the write finds out."""

import pytest
from agreement import sweep_later
from api import everything
from stealing import THIEF, changed, removed, row, stolen, taken

from chalicelib.registry import clock, deleting, zipping
from chalicelib.registry.leases import LeaseLost, for_seconds
from chalicelib.store import builds, keys, objects, versions
from chalicelib.store.bucket import ObjectChanged
from chalicelib.store.builds import Begun
from chalicelib.store.table import ConditionFailed

VERSION = versions.key("ana", "iris", "v1")
FILE = "models/ana/iris/v1/model.pkl"
ONE = "/ai-models/ana/iris"
MARK, CLAIM, END = range(3)
"""The writes of a version's row by a deletion, in their order."""


@pytest.fixture
def version(api):
    assert api.upload().status == 200
    return api


@pytest.mark.parametrize("act", [changed(upload_id="0" * 32), changed(state=versions.UPLOADING), removed])
def test_only_the_version_that_was_read_is_deleted(version, act):
    with stolen(VERSION, act, number=MARK):
        assert version.delete(ONE, version="v1").status == 404
    assert objects.exists(FILE)
    assert (row(VERSION) or {}).get("state") != versions.DELETING


@pytest.mark.parametrize("act", [taken, changed(upload_id="0" * 32), changed(state=versions.READY), removed])
def test_nothing_is_removed_by_a_run_that_does_not_get_the_row(version, act):
    with stolen(VERSION, act, number=CLAIM):
        version.delete(ONE, version="v1")
    assert objects.exists(FILE)
    assert objects.exists("manifests/ana/iris/v1.json")


@pytest.mark.parametrize("act", [taken, changed(upload_id="0" * 32), changed(state=versions.UPLOADING)])
def test_a_run_does_not_remove_the_row_under_the_next(version, act):
    with stolen(VERSION, act, number=END):
        assert version.delete(ONE, version="v1").status == 200
    before = row(VERSION)
    assert before is not None
    # What is noted of it stays, too, for who goes on.
    assert [pk for pk, _ in everything()[2] if pk == "journal"] == ["journal"]
    if act is taken:
        assert before["owner"] == THIEF
        changed(lease_until=0)(VERSION)
        sweep_later()
        assert everything() == (set(), set(), set())


@pytest.mark.parametrize("act", [taken, changed(upload_id="0" * 32)])
def test_a_run_that_fails_gives_back_only_what_is_its_own(version, monkeypatch, act):
    owners = []

    def steal(key):
        act(key)
        owners.append(row(key)["owner"])

    def fail(*_):
        raise OSError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(objects, "delete_prefix", fail)
        with stolen(VERSION, steal, number=END):
            version.delete(ONE, version="v1")
    assert [row(VERSION)["owner"]] == owners


def test_a_run_that_fails_lets_anyone_go_on(version, monkeypatch):
    def fail(*_):
        raise OSError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(objects, "delete_prefix", fail)
        version.delete(ONE, version="v1")
    record = versions.find("ana", "iris", "v1")
    assert record.owner is None
    assert deleting.remove(("ana", "iris", "v1"), record.upload_id, for_seconds(60))
    assert everything()[0] == set()


class TestZips:
    NAME = "zips/ana/iris/v1/0.zip"
    KEY = builds.key(NAME)

    @pytest.fixture
    def mine(self, aws):
        now = clock.now()
        builds.claim(self.NAME, "me", now=now, lease_until=now + 60)
        builds.note(self.NAME, "me", Begun("multipart", "plan"))
        return now

    @pytest.mark.parametrize("act", [taken, removed])
    def test_what_is_not_ours_any_more_is_not_written(self, mine, act):
        act(self.KEY)
        before = row(self.KEY)
        with pytest.raises(ConditionFailed):
            builds.note(self.NAME, "me", Begun("other", "plan"))
        builds.leave(self.NAME, "me", lease_until=mine + 60)
        builds.release(self.NAME, "me")
        assert row(self.KEY) == before

    def test_what_is_held_is_neither_asked_for_nor_taken(self, mine):
        before = row(self.KEY)
        assert not builds.ask(self.NAME, now=mine, lease_until=mine + 60)
        with pytest.raises(ConditionFailed):
            builds.claim(self.NAME, "other", now=mine, lease_until=mine + 60)
        assert row(self.KEY) == before

    def test_what_is_left_is_gone_on_with(self, mine):
        builds.leave(self.NAME, "me", lease_until=mine + 60)
        begun = builds.claim(self.NAME, "other", now=mine, lease_until=mine + 60)
        assert begun == Begun("multipart", "plan")
        assert row(self.KEY)["owner"] == "other"

    def test_what_was_begun_is_given_up_where_it_can_not_be_noted(self, version):
        record = versions.latest("ana", "iris")
        # The first write of it claims it.
        with stolen(builds.key(zipping.key_of(record)), taken, number=1), pytest.raises(LeaseLost):
            zipping.build(record, for_seconds(60))
        assert everything()[1] == set()
        assert list(objects.list_keys("zips/")) == []

    def test_the_call_for_a_zip_that_another_makes_stays_until_it_is_made(self, version):
        record, now = versions.latest("ana", "iris"), clock.now()
        name = "/".join((*record.id, record.content_id))
        objects.call_worker("zip", name)
        builds.claim(zipping.key_of(record), "other", now=now, lease_until=now + 60)
        zipping.run(name, for_seconds(60))
        assert objects.exists(keys.task_key("zip", name))

    def test_a_file_that_is_another_by_now_is_not_zipped(self, version):
        objects.put(FILE, b"another")
        with pytest.raises(ObjectChanged):
            zipping.build(versions.latest("ana", "iris"), for_seconds(60))
        assert list(objects.list_keys("zips/")) == []

    def test_a_zip_whose_making_was_taken_over_is_left_to_the_other(self, version, monkeypatch):
        record = versions.latest("ana", "iris")
        key = builds.key(zipping.key_of(record))

        def fail(*_):
            taken(key)
            raise OSError("the store is away")

        monkeypatch.setattr(zipping, "_put_together", fail)
        with pytest.raises(OSError, match="away"):
            zipping.build(record, for_seconds(60))
        assert row(key)["owner"] == THIEF
