"""The table made again from the bucket: every answer is as before, and what belongs to nothing is gone."""

import hashlib
import io
import json
import zipfile
from itertools import count

import pytest
from agreement import assert_agreement, sweep_later
from api import everything
from each import each
from interleaving import just_before
from planting import walk

from chalicelib.registry import deleting
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import multipart, objects, table

ROUTES = [
    "/ai-models/ana",
    "/ai-models/bob",
    "/ai-models/ana?framework=pytorch",
    "/ai-models/ana?model_type=nlp",
    "/ai-models/ana?tags=a",
    "/ai-models/ana?tags=a,b&framework=sklearn",
    "/ai-models/search/ana?query=words",
    "/ai-models/search/ana?query=iris a",
    "/ai-models/search/ana?query=renamed",
    "/ai-models/ana/iris/versions",
    "/ai-models/ana/net/versions",
    "/ai-models/ana/net/files",
    "/ai-models/ana/planned/files",
]
DOCUMENTS = [
    "/ai-models/ana/iris",
    "/ai-models/ana/iris?version=v1",
    "/ai-models/ana/iris?version=v3",
    "/ai-models/ana/net",
    "/ai-models/ana/planned",
    "/ai-models/bob/iris",
    "/ai-models/ana/gone",
    "/ai-models/ana/iris/download?version=v1&filename=model.pkl",
    "/ai-models/ana/net/download?filename=f-07.pt",
    "/ai-models/ana/net/download",
]


def folder(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def stock(api):
    """Versions that came in every way, some of them changed or deleted since."""
    tags = {"tags": "a,b", "description": "some words", "model_type": "nlp", "custom_metadata": '{"ü": [1]}'}
    assert api.upload(**tags).status == 200
    assert api.upload(version="v10", is_active="no", name="iris a").status == 200
    assert api.upload(version="v3", tags="a").status == 200
    assert api.upload(user_id="bob").status == 200
    assert api.upload_zip(folder({f"f-{n:02}.pt": b"%d" % n for n in range(60)}), tags="b").status == 200
    files = [
        {"filename": "same.pkl", "file_size": 7, "file_hash": hashlib.sha256(b"weights").hexdigest()},
        {"filename": "new.json", "file_size": 2, "description": "Settings", "is_primary": True},
    ]
    plan = plan_of(api, files=files)
    api.send(plan, {"new.json": b"{}"})
    assert api.post(f"/ai-models/uploads/{plan['upload_id']}/complete").status == 200
    changed = {"name": "Renamed", "tags": ["a", "c"], "is_production_ready": True}
    assert api.put("/ai-models/ana/iris?version=v3", changed).status == 200
    assert api.put("/ai-models/ana/net", {"primary_file_path": "f-59.pt", "description": None}).status == 200
    assert api.upload(model_id="gone").status == 200
    assert api.delete("/ai-models/ana/gone").status == 200


def plan_of(api, **fields):
    fields = {"user_id": "ana", "model_id": "planned", "name": "Planned", **fields}
    answer = api.post("/ai-models/upload/files", fields)
    assert answer.status == 200, answer.content
    return answer.json


def snapshot(api):
    answers = {path: [json.dumps(page) for page in walk(api, path, limit=2)] for path in ROUTES}
    for path in DOCUMENTS:
        answer = api.get(path, accept="application/octet-stream")
        answers[path] = (answer.status, answer.content)
    return answers


def without_quarantine():
    """What is in the two stores at its place."""
    found, parts, rows = everything()
    return {key for key in found if not key.startswith("quarantine/")}, parts, rows


def lose_the_table():
    table.delete_table()
    table.create_table()


def test_every_answer_is_as_before(api):
    stock(api)
    before = snapshot(api)
    objects_before, _, rows_before = everything()
    lose_the_table()
    report = rebuild()
    assert (len(report.restored), report.files, report.removed_objects, report.failed) == (6, 66, 0, {})
    assert snapshot(api) == before
    assert_agreement()
    objects_after, parts, rows_after = everything()
    assert (objects_after, parts) == (objects_before, set())
    assert {row for row in rows_before if not row[0].startswith("upload#")} == rows_after


def test_what_was_rebuilt_can_be_changed_copied_and_deleted(api):
    stock(api)
    lose_the_table()
    rebuild()
    assert api.put("/ai-models/ana/iris?version=v1", {"algorithm": "SVM"}).json["algorithm"] == "SVM"
    assert_agreement()
    file = {"filename": "f.pt", "file_size": 2, "file_hash": hashlib.sha256(b"42").hexdigest()}
    plan = plan_of(api, model_id="copy", files=[file])
    assert plan["files"][0]["already_stored"] is True
    assert api.delete(f"/ai-models/uploads/{plan['upload_id']}").status == 204
    for user_id, model_id in [("ana", "iris"), ("ana", "net"), ("ana", "planned"), ("bob", "iris")]:
        assert api.delete(f"/ai-models/{user_id}/{model_id}", all_versions="true").status == 200
    assert everything() == (set(), set(), set())


def test_on_a_table_that_is_whole_nothing_changes(api):
    stock(api)
    before, stores = snapshot(api), everything()
    assert rebuild().removed_objects == 0
    assert snapshot(api) == before
    assert everything() == stores


@pytest.mark.parametrize("times", [1, 2])
def test_an_empty_bucket_makes_an_empty_table(api, times):
    for _ in each(range(times)):
        report = rebuild()
        assert (report.restored, report.removed_objects, report.failed) == ([], 0, {})
    assert everything() == (set(), set(), set())


ORPHANS = [
    "models/ana/lost/v1/model.pkl",
    "models/ana/iris/v99/sub/model.pkl",
    "models/ana/iris/v1/not-in-the-manifest.bin",
    "zips/ana/lost/v1/0123.zip",
    "uploads/00000000000000000000000000000000/archive.zip",
    "tasks/verify/00000000000000000000000000000000",
    "tasks/delete/ana/lost/v1/000000000000#delete#0",
    "manifests/ana/lost/v1.files.jsonl",
    "tasks/0",
]


@pytest.mark.parametrize("key", ORPHANS)
def test_an_object_that_belongs_to_nothing_is_put_aside(api, key):
    api.upload()
    before = everything()
    objects.put(key, b"orphan")
    lose_the_table()
    report = rebuild()
    assert report.removed_objects == 1
    assert without_quarantine() == before
    # Anything but what could be made again is kept.
    kept = [f"quarantine/{report.run}/{key}"] if not key.startswith(("zips/", "tasks/")) else []
    assert list(objects.list_keys("quarantine/")) == kept
    assert [objects.get(name) for name in kept] == [b"orphan"] * len(kept)
    # The next one leaves it there.
    assert rebuild().removed_objects == 0
    assert list(objects.list_keys("quarantine/")) == kept


def test_what_a_published_upload_had_on_its_way_is_removed(api):
    plan = plan_of(api, files=[{"filename": "a.bin", "file_size": 3}])
    api.send(plan, {"a.bin": b"abc"})
    assert api.post(f"/ai-models/uploads/{plan['upload_id']}/complete").status == 200
    objects_before, _, _ = everything()
    for key in (f"uploads/{plan['upload_id']}/archive.zip", f"tasks/verify/{plan['upload_id']}"):
        objects.put(key, b"left by a kill between publishing and tidying up")
    lose_the_table()
    assert rebuild().removed_objects == 2
    assert without_quarantine()[0] == objects_before


def test_parts_that_belong_to_nothing_are_removed(api):
    api.upload()
    before = everything()
    multipart.create("models/ana/lost/v1/model.pkl", "application/octet-stream")
    multipart.create("uploads/0/archive.zip", "application/octet-stream")
    lose_the_table()
    rebuild()
    assert everything() == before


def test_what_is_on_its_way_stays_while_the_table_knows_of_it(api):
    plan = plan_of(api, files=[{"filename": "a.bin", "file_size": 3}, {"filename": "b.bin", "file_size": 3}])
    api.send(plan, {"a.bin": b"abc", "b.bin": b"def"})
    archive = folder({"x.pt": b"1"})
    request = {"user_id": "ana", "model_id": "zipped", "name": "Z", "file_size": len(archive)}
    zipped = api.post("/ai-models/upload/folder", request).json
    api.send(zipped, {"archive.zip": archive})
    assert api.post(f"/ai-models/uploads/{zipped['upload_id']}/complete").status == 202
    before = everything()
    rebuild()
    assert everything() == before
    assert api.post(f"/ai-models/uploads/{plan['upload_id']}/complete").status == 200
    api.deliver()
    assert api.get(f"/ai-models/uploads/{zipped['upload_id']}").json["state"] == "ready"


def test_a_version_whose_manifest_was_lost_keeps_its_files_while_the_table_knows_it(api):
    api.upload()
    objects.delete(["manifests/ana/iris/v1.json"])
    rebuild()
    download = api.get(
        "/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream"
    )
    assert download.content == b"weights"


def test_what_is_published_during_a_rebuild_is_left_alone(api):
    api.upload(model_id="other")
    for number in count():
        with just_before(number, api.upload) as made:
            rebuild()
        if len(made) <= number:
            break
        answer = api.get(
            "/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream"
        )
        assert answer.content == b"weights"
        assert_agreement()
        api.delete("/ai-models/ana/iris")


def test_what_is_on_its_way_is_gone_with_the_table(api):
    plan = plan_of(api, files=[{"filename": "a.bin", "file_size": 3}])
    api.send(plan, {"a.bin": b"abc"})
    lose_the_table()
    rebuild()
    assert without_quarantine() == (set(), set(), set())
    assert api.get(f"/ai-models/uploads/{plan['upload_id']}").status == 404
    assert plan_of(api, files=[{"filename": "a.bin", "file_size": 3}])


def test_a_deletion_in_the_worker_goes_on_after_a_rebuild_of_a_whole_table(api, monkeypatch):
    monkeypatch.setattr(deleting, "REQUEST_FILES", 0)
    api.upload()
    api.delete("/ai-models/ana/iris")
    rebuild()
    assert api.get("/ai-models/ana/iris", version="v1").status == 404
    sweep_later()
    api.deliver()
    assert everything() == (set(), set(), set())


def test_what_is_no_manifest_of_ours_does_not_keep_the_others_from_being_read(api):
    api.upload()
    before = api.get("/ai-models/ana/iris").json
    objects.put("manifests/notes.json", b"{}")
    objects.put("manifests/a/b/c/d.json", b"{}")
    lose_the_table()
    rebuild()
    assert api.get("/ai-models/ana/iris").json == before
