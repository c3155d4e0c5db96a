"""The service killed at every single write that an upload makes.

Whatever the moment: the version is absent or whole, the client can go on or begin again, and in the end
nothing is left that belongs to nothing.
"""

import pytest
from faults import Fault, Killed, kills
from repeats import again
from shrinking import shrink_to_one
from uploading import AFTER_EXPIRY, FILES, LATER, zipped

from chalicelib.registry import parts
from chalicelib.settings import MIB, settings


def act(fault, action):
    """Does what is to be killed."""
    with fault.acting():
        try:
            action()
        except Killed:
            return


@pytest.fixture(params=[again("file"), "folder"])
def form(request, uploader):
    """How a form is sent, and the files that it brings."""
    if request.param == "folder":
        return uploader.form_folder, FILES
    return uploader.form, {"model.pt": FILES["model.pt"]}


@pytest.fixture
def rows(monkeypatch):
    """Has the lists of two files cross every boundary of rows and batches."""
    shrink_to_one(monkeypatch)


@pytest.fixture(params=["here", "later", "bundle", "folder"])
def planned(request, uploader, monkeypatch):
    """Plans an upload and sends its bytes: files finished in the request, by the worker, in a bundle, and a ZIP.

    `rows` is a bundle whose every file and batch has a row of its own.
    """
    if request.param == "rows":
        shrink_to_one(monkeypatch)
    if request.param in ("later", "bundle", "rows"):
        monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", "1")
        settings.cache_clear()

    def plan_and_send():
        if request.param == "folder":
            uploader.plan_folder()
        else:
            uploader.plan_files(bundle=request.param in ("bundle", "rows"))
        uploader.send()

    return uploader.once(plan_and_send)


def test_a_form_can_be_sent_again(uploader, form):
    send, files = form
    for fault in kills():
        act(fault, send)
        published = uploader.is_there()
        uploader.late += 100
        assert send().status == (409 if published else 200), fault
        uploader.check_whole(files)
        uploader.remove()


def test_a_form_that_is_not_sent_again_leaves_nothing(uploader, form):
    send, files = form
    for fault in kills():
        act(fault, send)
        uploader.wait()
        if uploader.is_there():
            uploader.check_whole(files)
        else:
            uploader.check_empty()
        uploader.remove()


@pytest.mark.usefixtures("rows")
def test_a_plan_leaves_nothing_but_a_reservation_that_expires(uploader):
    for fault in kills():
        act(fault, uploader.plan_files)
        uploader.late += AFTER_EXPIRY
        assert uploader.plan_files().status == 200, fault
        uploader.send()
        assert uploader.follow(uploader.complete()).status == 200
        uploader.check_whole(FILES)
        uploader.remove()


@pytest.mark.parametrize("planned", [again("here"), again("later"), "rows", "folder"], indirect=True)
def test_a_completion_is_gone_on_with(uploader, planned):
    for fault in kills():
        planned()
        act(fault, uploader.run)
        if uploader.is_there():
            uploader.check_whole(FILES)
        uploader.late += LATER
        answer = uploader.follow(uploader.complete())
        assert answer.status == 200, (fault, answer.content)
        uploader.check_whole(FILES)
        assert uploader.state()["state"] == "ready"
        uploader.late += AFTER_EXPIRY
        uploader.remove()


@pytest.mark.parametrize("planned", [again("later"), "folder"], indirect=True)
def test_a_completion_is_finished_or_undone_by_the_sweep_alone(uploader, planned):
    for fault in kills():
        planned()
        act(fault, uploader.run)
        uploader.wait()
        uploader.late += AFTER_EXPIRY
        uploader.wait()
        if uploader.is_there():
            uploader.check_whole(FILES)
        else:
            uploader.check_empty()
        uploader.remove()


def test_a_completion_can_be_given_up(uploader, planned):
    for fault in kills():
        planned()
        act(fault, uploader.run)
        uploader.late += LATER
        answer = uploader.abort()
        if uploader.is_there():
            assert answer.status == 409, fault
            uploader.check_whole(FILES)
            uploader.late += AFTER_EXPIRY
        else:
            assert answer.status == 204, (fault, answer.content)
            uploader.api.deliver()
            uploader.check_empty()
            assert uploader.abort().status == 404
            assert uploader.form().status == 200
        uploader.remove()


def test_parts_that_were_begun_twice_do_not_stay(uploader, monkeypatch):
    monkeypatch.setattr(parts, "URLS", 1)
    files = {"a.txt": b"a", "b.txt": b"b"}
    asked = {"files": [{"filename": "b.txt"}]}
    planned = uploader.once(lambda: (uploader.plan_files(files), uploader.send(files)))
    for fault in kills():
        planned()
        act(fault, lambda: uploader.api.post(f"{uploader.upload}/parts", asked))
        uploader.api.send(uploader.api.post(f"{uploader.upload}/parts", asked).json, files)
        assert uploader.complete().status == 200
        uploader.check_whole(files)
        uploader.remove()


def test_parts_of_a_large_member_do_not_stay(uploader, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_INLINE_LIMIT", str(10 * MIB))
    settings.cache_clear()
    files = {"large.bin": b"x" * 9 * MIB}
    archive, struck = zipped(files), set()
    planned = uploader.once(lambda: (uploader.plan_folder(archive), uploader.send(archive=archive)))
    for at in range(3, 7):
        fault = Fault(at, kill=True, reads=False)
        planned()
        act(fault, uploader.run)
        struck.add(fault.failed)
        uploader.late += LATER
        assert uploader.follow(uploader.complete()).status == 200, fault
        uploader.check_whole(files)
        uploader.late += AFTER_EXPIRY
        uploader.remove()
    assert "UploadPartCopy" in struck


@pytest.mark.usefixtures("rows")
def test_an_abort_can_be_repeated_and_what_it_left_never_completed(uploader):
    planned = uploader.once(lambda: (uploader.plan_files(), uploader.send()))
    for fault in kills():
        planned()
        act(fault, uploader.abort)
        uploader.late += LATER
        answer = uploader.complete()
        if answer.status == 200:
            uploader.check_whole(FILES)
            uploader.late += AFTER_EXPIRY
        else:
            assert answer.status in (404, 409), (fault, answer.content)
            assert uploader.abort().status in (204, 404)
            uploader.check_empty()
            assert uploader.form().status == 200
        uploader.remove()


def test_a_refused_upload_is_undone_in_the_end_and_never_completed(uploader):
    files = [{"filename": "model.pt", "file_size": 7, "file_hash": "0" * 64}]
    planned = uploader.once(lambda: (uploader._asked("files", files=files), uploader.send()))
    for fault in kills():
        planned()
        act(fault, uploader.complete)
        uploader.late += LATER
        answer = uploader.complete()
        assert answer.status in (400, 409), (fault, answer.content)
        assert "0" * 64 in answer.json["detail"]
        uploader.late += AFTER_EXPIRY
        uploader.wait()
        assert uploader.state()["state"] == "failed"
        assert "0" * 64 in uploader.state()["detail"]
        uploader.check_empty()
