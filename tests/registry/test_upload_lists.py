"""The list of the files that an upload expects, which is longer than one write: it is whole before it is used.

And what is published is all that was planned, whatever was lost before.
"""

import pytest
from botocore.exceptions import EndpointConnectionError
from each import each
from faults import Fault, Killed
from shrinking import shrink, shrink_all
from stealing import changed, removed, row, stolen
from uploading import AFTER_EXPIRY, zipped

from chalicelib.registry import finishing
from chalicelib.registry.leases import LEASE
from chalicelib.registry.sweeping import sweep
from chalicelib.store import keys, uploads

FILES = {f"{at}.txt": str(at).encode() for at in range(7)}
"""Three rows of the list, and with a bundle four."""
MANY = {f"{at:03}.txt": b"" for at in range(51)}
"""One more than a row holds."""
CHOSEN = "c" * 32


@pytest.fixture
def small(monkeypatch):
    shrink_all(monkeypatch)


def killed(fault, action):
    with fault.acting():
        try:
            action()
        except Killed:
            return


def expected(number):
    """The row of this number of the upload's list."""
    return keys.upload_pk(CHOSEN), f"{keys.EXPECTED}{number:06d}"


def test_a_plan_that_died_before_its_list_was_whole_is_no_upload(uploader):
    # What is written first is the reservation, with the first fifty files.
    killed(Fault(1, kill=True, reads=False), lambda: uploader.plan_files(MANY, upload_id=CHOSEN))
    uploader.plan = {"upload_id": CHOSEN}
    for ask in (
        uploader.complete,
        lambda: uploader.api.get(f"{uploader.upload}/parts"),
        lambda: uploader.api.get(f"{uploader.upload}/parts", filename="000.txt"),
        lambda: uploader.api.post(f"{uploader.upload}/parts", {"files": [{"filename": "000.txt"}]}),
    ):
        answer = ask()
        assert (answer.status, answer.headers["retry-after"]) == (503, "2"), answer.content
        assert "is still being written" in answer.json["detail"]
    assert uploader.abort().status == 409
    assert uploader.state()["state"] == "uploading"
    uploader.late += LEASE + 1
    assert uploader.state()["state"] == "expired"
    assert uploader.complete().status == 409
    assert not uploader.is_there()
    # Neither its name nor its id is in anyone's way.
    assert uploader.plan_files(MANY, upload_id=CHOSEN).status == 200
    assert uploader.complete().json["files_total"] == 51


@pytest.mark.usefixtures("small")
def test_a_plan_that_died_leaves_nothing(uploader):
    # After each of the four rows of its list.
    for at, how in enumerate(("swept", "named by another", "given up", "of another name"), 1):
        fault = Fault(at, kill=True, reads=False)
        killed(fault, lambda: uploader.plan_files(FILES, upload_id=CHOSEN, bundle=True))
        uploader.plan = {"upload_id": CHOSEN}
        assert uploads.find(CHOSEN).state == uploads.PLANNING
        uploader.late += LEASE + 1
        if how == "swept":
            sweep()
        elif how == "given up":
            assert uploader.abort().status == 204
        elif how == "named by another":
            assert uploader.form().status == 200
        else:
            assert uploader.plan_files(FILES, upload_id=CHOSEN, version="v2").status == 200
            assert uploader.abort().status == 204
            assert uploader.form().status == 200
        if how in ("swept", "given up"):
            uploader.check_empty()
        uploader.remove()


@pytest.mark.usefixtures("small")
def test_a_plan_whose_list_can_not_be_written_is_given_up_at_once(uploader, monkeypatch):
    def refuse(_):
        raise EndpointConnectionError(endpoint_url="https://stub.invalid")

    with stolen(expected(2), refuse):
        answer = uploader.plan_files(FILES, upload_id=CHOSEN)
    assert answer.status == 503, answer.content
    assert uploader.api.get(f"/ai-models/uploads/{CHOSEN}").status == 404
    uploader.check_empty()
    assert uploader.plan_files(FILES, upload_id=CHOSEN).status == 200
    uploader.abort()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("number", [1, 2, None])
def test_a_plan_that_slept_longer_than_its_lease_writes_and_opens_nothing(uploader, number):
    other = {"other.txt": b"other"}

    def sleep(_):
        uploader.late += LEASE + 1
        assert uploader.plan_files(other, upload_id=CHOSEN).status == 200

    # Asleep before a row of the list, or before the upload is opened.
    upload_key = uploads.key(CHOSEN)
    with stolen(expected(number) if number else upload_key, sleep, number=0 if number else 1):
        assert uploader.plan_files(FILES, upload_id=CHOSEN).status == 503
    uploader.plan = uploader.api.get(f"/ai-models/uploads/{CHOSEN}").json
    assert uploader.plan["state"] == "uploading"
    assert [file.path for chunk in uploads.expected(CHOSEN) for file in chunk.files][:1] == ["other.txt"]


def test_a_plan_that_slept_writes_no_more_of_its_list(uploader, monkeypatch):
    shrink(monkeypatch, FILES_PER_ROW=1, BATCH=1, WRITERS=1)

    def sleep(_):
        uploader.late += LEASE + 1

    with stolen(expected(1), sleep):
        assert uploader.plan_files(FILES, upload_id=CHOSEN).status == 503
    # What was taken from the list before it slept may still be written.
    assert row(expected(4)) is None
    assert row(expected(6)) is None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("bundle", [False, True])
def test_a_list_that_lost_a_row_is_never_published(uploader, bundle):
    for number in each(range(3 + bundle)):
        uploader.plan_files(FILES, upload_id=CHOSEN, bundle=bundle)
        removed(expected(number))
        for answer in (
            uploader.complete(),
            uploader.api.post(f"{uploader.upload}/parts", {"files": [{"filename": "0.txt"}]}),
            uploader.api.get(f"{uploader.upload}/parts", filename="0.txt"),
        ):
            assert answer.status == 409, answer.content
            assert "does not list all of its files" in answer.json["detail"]
        assert uploader.abort().status == 204
        uploader.check_empty()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("number", "name"), [(1, "4.txt"), (2, "6.txt")], ids=["with more behind it", "last"]
)
def test_a_row_that_goes_while_its_files_are_begun_is_no_error_of_ours(uploader, number, name):
    uploader.plan_files(FILES)
    with stolen((keys.upload_pk(uploader.plan["upload_id"]), f"{keys.EXPECTED}{number:06d}"), removed):
        answer = uploader.api.post(f"{uploader.upload}/parts", {"files": [{"filename": name}]})
    assert answer.status == 409, answer.content
    assert "does not list all of its files" in answer.json["detail"]
    assert uploader.abort().status == 204
    uploader.check_empty()


@pytest.mark.usefixtures("small")
def test_pages_of_what_arrived_end_where_the_list_does(uploader):
    uploader.plan_files(FILES, upload_id=CHOSEN)
    removed(expected(2))
    query, listed = {"limit": 2}, []
    for _ in range(5):
        page = uploader.api.get(f"{uploader.upload}/parts", **query).json
        listed += page["files"]
        if page["next_token"] is None:
            break
        query["next_token"] = page["next_token"]
    assert page["next_token"] is None
    assert len(listed) == 6
    changed(state=uploads.FAILED)(uploads.key(CHOSEN))
    assert uploader.api.get(f"{uploader.upload}/parts", **query).status == 409


@pytest.mark.parametrize("kind", ["plan", "bundle", "folder", "form", "form of a folder"])
def test_less_than_was_planned_is_never_published(uploader, monkeypatch, kind):
    publish = finishing.publish
    monkeypatch.setattr(
        finishing, "publish", lambda standing, lease, files: publish(standing, lease, files[:-1])
    )
    if kind.startswith("form"):
        answer = uploader.form() if kind == "form" else uploader.form_folder()
        assert answer.status == 409, answer.content
    else:
        uploader.plan_folder(zipped(FILES)) if kind == "folder" else uploader.plan_files(
            FILES, bundle=kind == "bundle"
        )
        uploader.send(FILES, archive=zipped(FILES))
        uploader.run()
        assert uploader.state()["state"] == "failed"
        assert "Of 7 files with 7 bytes, 6 with 6 bytes were stored" in uploader.state()["detail"]
    assert not uploader.is_there()
    uploader.late += AFTER_EXPIRY
    uploader.check_empty()


@pytest.mark.parametrize("change", ["twice", "bytes"])
def test_what_is_published_is_counted_by_path_and_in_bytes(uploader, monkeypatch, change):
    publish = finishing.publish

    def publish_other(standing, lease, files):
        if change == "twice":
            files[0].path = files[1].path
        else:
            files[0].size += 1
        return publish(standing, lease, files)

    monkeypatch.setattr(finishing, "publish", publish_other)
    assert uploader.form_folder().status == 409
    uploader.check_empty()
