"""Deletion: a version is gone for readers at once, and nothing of it is left in either store."""

import io
import time
import zipfile
from contextlib import suppress
from itertools import count
from unittest.mock import patch

import pytest
from agreement import assert_agreement, sweep_later
from api import everything
from faults import Fault, Killed
from interleaving import just_before
from planting import names, plant, plant_all
from stores import once

from chalicelib.registry import clock, deleting
from chalicelib.store import objects

ONE = "/ai-models/ana/iris"
MEMBERS = {f"part-{number:02}.bin": b"%d" % number for number in range(11)}
NOTHING = (set(), set(), set())


def folder(members=MEMBERS):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def zip_of(api, path, **query):
    answer = api.get(f"{path}/download", accept="application/zip", **query)
    assert answer.status == 200, answer.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def upload(api, *, zipped=False, **fields):
    """A version with a long list of files, tags, words and, `zipped`, a ZIP: all that a deletion has to find."""
    fields = {"tags": "a,b", "description": "words", **fields}
    assert api.upload_zip(folder(), model_id="iris", **fields).status == 200
    if zipped:
        assert zip_of(api, ONE, version=fields.get("version", "v1")) == MEMBERS


def assert_whole(api):
    assert api.get(ONE, version="v1").json["files_total"] == len(MEMBERS)
    assert zip_of(api, ONE, version="v1") == MEMBERS
    assert_agreement()


@pytest.mark.parametrize("query", [{"version": "v1"}, {}, {"all_versions": "true"}])
def test_nothing_is_left_of_a_version(api, query):
    upload(api, zipped=True)
    answer = api.delete(ONE, **query)
    assert (answer.status, answer.json) == (200, {"user_id": "ana", "model_id": "iris", "versions": ["v1"]})
    assert everything() == NOTHING


def test_nothing_is_left_of_a_version_that_was_changed(api):
    upload(api)
    api.put(ONE, {"tags": ["c"], "description": "other ones", "is_active": False, "framework": "keras"})
    api.delete(ONE)
    assert everything() == NOTHING


@pytest.mark.parametrize("data", [b"", b"weights"])
def test_nothing_is_left_of_one_file(api, data):
    assert api.upload(data, custom_metadata='{"a": 1}').status == 200
    assert api.delete(ONE).status == 200
    assert everything() == NOTHING


def test_nothing_but_the_memory_of_the_upload_is_left_of_a_planned_one(api):
    files = [{"filename": name, "file_size": len(data)} for name, data in MEMBERS.items()]
    plan = api.post(
        "/ai-models/upload/files", {"user_id": "ana", "model_id": "iris", "name": "I", "files": files}
    ).json
    api.send(plan, MEMBERS)
    upload_path = f"/ai-models/uploads/{plan['upload_id']}"
    assert api.post(f"{upload_path}/complete").status == 200
    api.delete(ONE)
    objects, parts, rows = everything()
    assert (objects, parts) == (set(), set())
    assert rows == {(f"upload#{plan['upload_id']}", "upload")}
    assert api.post(f"{upload_path}/complete").status == 404


def test_other_versions_models_and_users_keep_everything(api):
    for fields in ({"version": "v2"}, {"version": "v10"}, {"version": "v1.1"}):
        upload(api, **fields)
    api.upload_zip(folder(), model_id="iris", user_id="bob", tags="a")
    api.upload_zip(folder(), model_id="iris2", tags="a")
    kept = everything()
    upload(api, version="v1")
    assert api.delete(ONE, version="v1").status == 200
    assert everything() == kept
    assert_agreement()
    assert zip_of(api, ONE) == zip_of(api, "/ai-models/bob/iris") == MEMBERS
    assert names(api.get("/ai-models/ana", tags="a").json) == ["iris2/v1", "iris/v1.1", "iris/v10", "iris/v2"]


def test_a_model_of_several_versions_asks_which(api):
    plant_all([("iris", "v1", {}), ("iris", "v2", {"is_active": False})])
    before = everything()
    answer = api.delete(ONE)
    assert answer.status == 400
    assert "`version`" in answer.json["detail"]
    assert "all_versions=true" in answer.json["detail"]
    assert everything() == before
    answer = api.delete(ONE, all_versions="True")
    assert answer.json["versions"] == ["v2", "v1"]
    assert everything() == NOTHING


@pytest.mark.parametrize(
    ("query", "status", "mentioned"),
    [
        ("version=v2", 404, "v2"),
        ("version=v1&all_versions=true", 400, "all_versions"),
        ("version=next", 400, "next"),
        ("all_versions=maybe", 400, "all_versions"),
        ("versions=v1", 400, "versions"),
    ],
)
def test_what_can_not_be_deleted_is_told(api, query, status, mentioned):
    plant()
    before = everything()
    answer = api.delete(f"{ONE}?{query}")
    assert answer.status == status
    assert mentioned in answer.json["detail"]
    assert everything() == before


@pytest.mark.parametrize("path", [ONE, f"{ONE}?version=v1", f"{ONE}?all_versions=true"])
def test_deleting_twice_finds_nothing_the_second_time(api, path):
    api.upload()
    assert api.delete(path).status == 200
    answer = api.delete(path)
    assert answer.status == 404
    assert "ana/iris" in answer.json["detail"]


def test_the_name_is_free_at_once(api):
    upload(api)
    first = api.get(ONE).json
    api.delete(ONE)
    assert api.upload_zip(folder({"new.onnx": b"other"}), model_id="iris").status == 200
    second = api.get(ONE).json
    assert second["created_at"] > first["created_at"]
    assert [file["filename"] for file in second["files"]] == ["new.onnx"]
    assert zip_of(api, ONE) == {"new.onnx": b"other"}
    assert_agreement()


class TestManyFiles:
    @pytest.fixture(autouse=True)
    def by_the_worker(self, monkeypatch):
        monkeypatch.setattr(deleting, "REQUEST_FILES", 5)

    def test_the_worker_removes_them_and_nobody_sees_them_meanwhile(self, api):
        upload(api)
        assert api.delete(ONE, version="v1").status == 200
        for path in (ONE, f"{ONE}?version=v1", f"{ONE}/versions", f"{ONE}/files?version=v1"):
            assert api.get(path).status == 404
        assert api.get(f"{ONE}/download", version="v1", filename="part-00.bin").status == 404
        for path in ("/ai-models/ana", "/ai-models/ana?tags=a", "/ai-models/search/ana?query=words"):
            assert api.get(path).json["models"] == []
        assert api.delete(ONE, version="v1").status == 404
        assert api.put(f"{ONE}?version=v1", {"name": "N"}).status == 404
        answer = api.upload()
        assert answer.status == 409
        assert "being deleted" in answer.json["detail"]
        api.deliver()
        assert everything() == NOTHING
        assert api.upload().status == 200

    def test_a_task_that_is_delivered_twice_or_late_is_harmless(self, api):
        upload(api)
        api.delete(ONE)
        tasks = [key for key in everything()[0] if key.startswith("tasks/")]
        api.deliver(*tasks)
        upload(api)
        api.deliver(*tasks)
        assert_whole(api)

    def test_the_sweep_does_what_the_worker_did_not(self, api):
        upload(api)
        api.delete(ONE)
        objects.delete_prefix("tasks/")
        sweep_later()
        api.deliver()
        assert everything() == NOTHING


def test_killed_at_any_write_the_version_is_whole_or_the_sweep_removes_it(api):
    uploaded = once(lambda: upload(api, zipped=True))
    for number in count():
        uploaded()
        fault = Fault(number, kill=True, reads=False)
        with suppress(Killed), fault.acting():
            assert api.delete(ONE, version="v1").status == 200
        if api.get(ONE, version="v1").status == 200:
            assert fault.failed
            assert_whole(api)
            assert api.delete(ONE).status == 200
        else:
            assert api.get("/ai-models/ana").json["models"] == []
            sweep_later()
        assert everything() == NOTHING, fault
        if fault.failed is None:
            break
    assert number > 8, "a deletion takes more writes than that"


def test_cut_off_at_any_write_the_error_is_passing_and_a_second_try_or_the_sweep_ends_it(api):
    uploaded = once(lambda: upload(api))
    for number in count():
        uploaded()
        fault = Fault(number, reads=False)
        with fault.acting():
            status = api.delete(ONE, version="v1").status
        assert status == (200 if fault.failed is None else 503)
        assert api.delete(ONE, version="v1").status in (200, 404)
        sweep_later()
        assert everything() == NOTHING, fault
        if fault.failed is None:
            break


def test_after_a_killed_deletion_the_name_is_free_in_two_minutes_without_a_sweep(api):
    uploaded = once(lambda: upload(api))
    for number in count(1):
        uploaded()
        fault = Fault(number, kill=True, reads=False)
        with suppress(Killed), fault.acting():
            api.delete(ONE, version="v1")
        early = api.upload_zip(folder(), model_id="iris")
        if early.status == 409:
            assert "being deleted" in early.json["detail"]
            with patch.object(clock, "now", lambda: int(time.time()) + 130):
                assert api.upload_zip(folder(), model_id="iris").status == 200
        assert api.get(ONE, version="v1").json["files_total"] == len(MEMBERS)
        sweep_later()
        assert_whole(api)
        assert api.delete(ONE).status == 200
        assert everything() == NOTHING, fault
        if fault.failed is None:
            break


def each_moment(act_in_the_middle, request):
    """Makes the request again and again, with the other one before its first call, its second, and so on."""
    for number in count():
        done = []
        with just_before(number, lambda done=done: done.append(act_in_the_middle())) as made:
            answer = request()
        yield answer, done[0] if done else None
        if len(made) <= number:
            break


def test_of_two_deletions_one_wins_at_any_moment(api):
    planted = once(lambda: plant(files=11))
    planted()
    for outer, inner in each_moment(
        lambda: api.delete(ONE, version="v1"), lambda: api.delete(ONE, version="v1")
    ):
        if inner:
            assert sorted([outer.status, inner.status]) == [200, 404]
        assert everything() == NOTHING
        planted()


def test_an_upload_during_a_deletion_is_refused_or_whole_at_any_moment(api):
    is_there = once(lambda: upload(api))
    is_there()
    statuses = []
    moments = each_moment(
        lambda: api.upload_zip(folder(), model_id="iris"), lambda: api.delete(ONE, version="v1")
    )
    for deleted, uploaded in moments:
        assert deleted.status == 200
        statuses.append(uploaded and uploaded.status)
        if uploaded is None or uploaded.status == 409:
            assert everything() == NOTHING
            is_there()
        assert_whole(api)
    # The name is free with the deletion's last call, and not before.
    assert set(statuses) == {409, None}


@pytest.mark.parametrize(
    ("members", "query"),
    [
        (MEMBERS, {}),
        (MEMBERS, {"filename": "part-03.bin"}),
        # The ZIP of empty files takes no reading of what the deletion removes.
        ({"part-03.bin": b""}, {}),
    ],
)
def test_a_download_during_a_deletion_is_whole_or_not_found_at_any_moment(api, members, query):
    uploaded = once(lambda: api.upload_zip(folder(members), model_id="iris"))
    uploaded()
    moments = each_moment(
        lambda: api.delete(ONE, version="v1"),
        lambda: api.get(f"{ONE}/download", version="v1", accept="application/octet-stream", **query),
    )
    for answer, _ in moments:
        assert answer.status in (200, 404), answer.content
        api.delete(ONE, version="v1")
        assert everything() == NOTHING
        uploaded()


@pytest.mark.parametrize(
    "path",
    [
        ONE,
        f"{ONE}/versions",
        f"{ONE}/files",
        "/ai-models/ana",
        "/ai-models/ana?tags=a",
        "/ai-models/search/ana?query=iris",
    ],
)
def test_a_reader_during_a_deletion_sees_it_or_not_at_any_moment(api, path):
    planted = once(lambda: plant(tags=["a"], files=11))
    planted()
    for answer, _ in each_moment(lambda: api.delete(ONE, version="v1"), lambda: api.get(path)):
        assert answer.status in (200, 404), answer.content
        api.delete(ONE, version="v1")
        planted()
