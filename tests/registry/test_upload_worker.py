"""The function that the bucket calls: work too long for a request, and events that come twice, late, or for nothing."""

import hashlib

import pytest
from api import Context, everything
from uploading import AFTER_EXPIRY, FILES, LATER, Uploader, zipped

from chalicelib.archive import units
from chalicelib.registry import clock, leases
from chalicelib.registry.sweeping import sweep
from chalicelib.settings import settings
from chalicelib.store import keys, objects


@pytest.fixture
def uploader(api, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", "3")
    settings.cache_clear()
    uploader, now = Uploader(api), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + uploader.late)
    return uploader


def upload_id(uploader):
    return uploader.plan["upload_id"]


def own_row(uploader):
    return (f"upload#{upload_id(uploader)}", "upload")


@pytest.fixture(params=["files", "folder"])
def handed_over(request, uploader):
    """An upload that was completed, and waits for the worker."""
    (uploader.plan_files if request.param == "files" else uploader.plan_folder)()
    uploader.send()
    answer = uploader.complete()
    assert (answer.status, answer.json["state"]) == (
        202,
        "verifying" if request.param == "files" else "unpacking",
    )
    return uploader


def test_the_version_appears_once_the_worker_is_done(handed_over):
    assert not handed_over.is_there()
    assert handed_over.complete().status == 202
    handed_over.api.deliver()
    assert handed_over.state()["state"] == "ready"
    handed_over.check_whole(FILES)
    handed_over.remove()


def test_it_can_be_given_up_while_it_waits(handed_over):
    waiting = [*objects.list_keys("uploads/"), *objects.list_keys("tasks/")]
    assert waiting
    assert handed_over.abort().status == 204
    handed_over.check_empty()
    handed_over.api.deliver(*waiting)
    handed_over.check_empty()


def test_events_that_come_twice_or_late_do_nothing(handed_over):
    waiting = [*objects.list_keys("uploads/"), *objects.list_keys("tasks/")]
    handed_over.api.deliver(*waiting, *waiting)
    before = everything()
    handed_over.api.deliver(*waiting)
    assert everything() == before
    handed_over.api.delete(handed_over.address)
    before = everything()
    handed_over.api.deliver(*waiting)
    assert everything() == before
    assert handed_over.form().status == 200
    handed_over.api.deliver(*waiting)
    handed_over.check_whole({"model.pt": FILES["model.pt"]})


def test_a_lost_event_is_made_up_for_by_the_sweep(handed_over):
    for key in list(objects.list_keys("tasks/")):
        objects.delete([key])
    sweep()
    assert not list(objects.list_keys("tasks/"))
    handed_over.late += LATER
    sweep()
    handed_over.api.deliver()
    handed_over.check_whole(FILES)
    handed_over.late += AFTER_EXPIRY
    handed_over.remove()


def test_it_expires_while_it_waits_for_ever(handed_over):
    handed_over.late += AFTER_EXPIRY
    sweep()
    assert handed_over.state()["state"] == "expired"
    handed_over.check_empty()


@pytest.mark.parametrize("state", ["uploading", "ready", "unknown"])
def test_an_event_at_the_wrong_time_is_harmless(uploader, state):
    uploader.plan_folder()
    uploader.send()
    name = "0" * 32 if state == "unknown" else upload_id(uploader)
    if state == "ready":
        uploader.run()
    before = everything()
    uploader.api.deliver(
        keys.archive_key(name),
        keys.task_key("unpack", name),
        keys.task_key("verify", name),
        f"uploads/{name}/other",
    )
    assert everything() == before
    if state != "ready":
        uploader.run()
    assert uploader.state()["state"] == "ready"


def test_an_event_without_records_is_harmless(uploader):
    import app as service

    service.on_object_created({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, Context())


def test_a_wrong_hash_is_found_by_the_worker_too(uploader):
    declared = hashlib.sha256(b"other").hexdigest()
    files = [{"filename": "model.pt", "file_size": 7, "file_hash": declared}]
    body = {"user_id": "ana", "model_id": "m", "name": "M", "files": files}
    uploader.plan = uploader.api.post("/ai-models/upload/files", body).json
    uploader.send()
    assert uploader.run().status == 202
    failed = uploader.state()
    assert failed["state"] == "failed"
    assert declared in failed["detail"]
    assert hashlib.sha256(b"weights").hexdigest() in failed["detail"]
    assert uploader.complete().status == 409
    assert everything() == (set(), set(), {own_row(uploader)})


def test_content_that_is_gone_when_the_worker_comes_is_asked_for(uploader):
    uploader.api.upload(b"weights", model_id="first")
    listed = [
        {"filename": "copy.pt", "file_size": 7, "file_hash": hashlib.sha256(b"weights").hexdigest()},
        {"filename": "own.txt", "file_size": 4},
    ]
    body = {"user_id": "ana", "model_id": "m", "name": "M", "tags": ["a"], "files": listed}
    uploader.plan = uploader.api.post("/ai-models/upload/files", body).json
    uploader.send({"own.txt": b"text"})
    uploader.api.delete("/ai-models/ana/first")
    assert uploader.run().status == 202
    assert uploader.state()["state"] == "uploading"
    # The client keeps all the time that it was given.
    uploader.late += LATER
    sweep()
    assert uploader.state()["state"] == "uploading"
    answer = uploader.complete()
    assert answer.status == 400
    assert "copy.pt part 1" in answer.json["detail"]
    asked = {"files": [{"filename": "copy.pt"}]}
    uploader.api.send(uploader.api.post(f"{uploader.upload}/parts", asked).json, {"copy.pt": b"weights"})
    assert uploader.run().status == 202
    uploader.check_whole({"copy.pt": b"weights", "own.txt": b"text"})
    uploader.late += AFTER_EXPIRY
    uploader.remove()


@pytest.mark.parametrize("kind", ["files", "folder"])
def test_a_worker_that_runs_out_of_time_calls_itself_again(uploader, monkeypatch, kind):
    monkeypatch.setattr(units, "TOGETHER_MEMBERS", 1)
    files = {f"{at:02}.txt": str(at).encode() * 4 for at in range(60)}
    (uploader.plan_files(files) if kind == "files" else uploader.plan_folder(zipped(files)))
    uploader.send(files, zipped(files))
    uploader.complete()
    checks = iter(range(10_000))
    monkeypatch.setattr(
        Context, "get_remaining_time_in_millis", lambda self: 0 if next(checks) % 20 == 19 else 900_000
    )
    runs = 0
    while uploader.state()["state"] != "ready":
        assert runs < 30
        done = uploader.state()["files_done"]
        uploader.api.deliver(*sorted(objects.list_keys("tasks/")) or list(objects.list_keys("uploads/")))
        runs += 1
        assert not uploader.is_there() or uploader.state()["state"] == "ready"
        assert uploader.state()["files_done"] >= done
    assert runs > 2
    uploader.check_whole(files)
    uploader.remove()


def test_one_worker_at_a_time(handed_over, monkeypatch):
    waiting = [*objects.list_keys("uploads/"), *objects.list_keys("tasks/")]
    original, seen = leases.Lease.__enter__, []

    def enter(lease):
        seen.append(lease)
        before = everything()
        handed_over.api.deliver(*waiting)
        assert handed_over.complete().status == 202
        assert handed_over.abort().status == 409
        assert everything() == before
        return original(lease)

    monkeypatch.setattr(leases.Lease, "__enter__", enter)
    handed_over.api.deliver(*waiting)
    assert len(seen) == 1
    handed_over.check_whole(FILES)
