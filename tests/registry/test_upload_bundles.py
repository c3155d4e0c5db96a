"""Small files that travel together in a bundle."""

import hashlib
import os
from contextlib import suppress

import pytest
from each import each
from faults import Fault, Killed
from uploading import AFTER_EXPIRY, LATER

from chalicelib.registry import bundles, working
from chalicelib.settings import MIB, settings
from chalicelib.store import keys, multipart

SMALL = {"a.txt": b"first", "b/empty": b"", "b/z.txt": b"second", "c.txt": b"third"}
LARGE = {"b/large.bin": os.urandom(MIB + 1)}
LIMIT = {"b/limit.bin": os.urandom(MIB)}
FILES = dict(sorted((SMALL | LARGE | LIMIT).items()))


def plan(uploader, files=FILES, *, hashes=None, **fields):
    """Asks for a plan with a bundle; `hashes` are those declared, by file name."""
    listed = [
        {"filename": name, "file_size": len(data), "file_hash": (hashes or {}).get(name)}
        for name, data in files.items()
    ]
    answer = uploader._asked("files", files=listed, bundle=True, **fields)
    assert answer.status == 200, answer.content
    return answer.json


def offsets(answer):
    return {file["filename"]: file["bundle_offset"] for file in answer["files"]}


PLACES = {
    "a.txt": 0,
    "b/empty": None,
    "b/large.bin": None,
    "b/limit.bin": 5,
    "b/z.txt": 5 + MIB,
    "c.txt": 11 + MIB,
}


def test_small_files_travel_together(uploader):
    planned = plan(uploader)
    assert offsets(planned) == PLACES
    [part] = planned["bundle"]["parts"]
    assert (planned["bundle"]["size"], planned["bundle"]["parts_total"]) == (16 + MIB, 1)
    assert (part["part_number"], part["size"]) == (1, 16 + MIB)
    for file in each(planned["files"]):
        alone = file["filename"] == "b/large.bin"
        assert (file["parts_total"], len(file["parts"])) == ((1, 1) if alone else (0, 0))
        assert file["already_stored"] is (file["filename"] == "b/empty")
    uploader.send(FILES)
    document = uploader.complete()
    assert document.status == 200, document.content
    for file in each(document.json["files"]):
        assert file["file_hash"] == hashlib.sha256(FILES[file["filename"]]).hexdigest()
        assert file["hash_verified"]
    uploader.check_whole(FILES)
    uploader.remove()


def test_nothing_is_bundled_unasked_or_for_large_files_alone(uploader):
    assert uploader.plan_files(FILES).json["bundle"] is None
    assert set(offsets(uploader.plan).values()) == {None}
    assert uploader.abort().status == 204
    planned = plan(uploader, LARGE | {"b/empty": b""})
    assert planned["bundle"] is None
    assert uploader.api.post(f"{uploader.upload}/parts", {"bundle": {}}).status == 400


def test_it_resumes_by_the_parts_that_have_arrived(uploader):
    files = {f"{number}.bin": os.urandom(MIB) for number in range(9)}
    planned = plan(uploader, files)
    address = f"{uploader.upload}/parts"
    assert [part["size"] for part in planned["bundle"]["parts"]] == [8 * MIB, MIB]
    first, second = planned["bundle"]["parts"]
    uploader.api.send({**planned, "bundle": {"parts": [first]}}, files)
    arrived = uploader.api.get(address, limit=1_000).json
    assert offsets(arrived) == {f"{number}.bin": number * MIB for number in range(9)}
    assert {file["already_stored"] for file in arrived["files"]} == {False}
    bundle = {"size": 9 * MIB, "parts": [{"part_number": 1, "size": 8 * MIB}], "parts_total": 2}
    assert arrived["bundle"] == bundle
    pages = [uploader.api.get(address, limit=5).json]
    pages.append(uploader.api.get(address, limit=5, next_token=pages[0]["next_token"]).json)
    assert [len(page["files"]) for page in pages] == [5, 4]
    assert [page["bundle"] for page in pages] == [bundle, None]
    assert pages[1]["next_token"] is None

    missing = uploader.complete()
    assert missing.status == 400
    assert "the bundle part 2" in missing.json["detail"]
    refused = uploader.api.post(address, {"bundle": {"first_part": 3}})
    assert refused.status == 400
    assert "1 to 2" in refused.json["detail"]
    assert uploader.api.post(address, {"files": []}).status == 400
    again = uploader.api.post(address, {"bundle": {"first_part": 2, "last_part": 2}}).json
    assert again["files"] == []
    [part] = again["bundle"]["parts"]
    assert (part["part_number"], part["size"]) == (second["part_number"], second["size"])
    uploader.api.send({**planned, "bundle": again["bundle"]}, files)
    assert uploader.complete().status == 200
    uploader.check_whole(files)


def test_urls_of_files_and_bundle_come_in_one_answer(uploader):
    plan(uploader)
    asked = {"files": [{"filename": "b/large.bin"}, {"filename": "c.txt"}], "bundle": {}}
    answer = uploader.api.post(f"{uploader.upload}/parts", asked).json
    assert [len(file["parts"]) for file in answer["files"]] == [1, 0]
    assert len(answer["bundle"]["parts"]) == 1
    assert uploader.api.post(f"{uploader.upload}/parts", {"files": asked["files"]}).json["bundle"] is None


@pytest.mark.parametrize("limit", [None, "1"], ids=["in the request", "by the worker"])
def test_a_wrong_hash_fails_it_and_leaves_nothing(uploader, monkeypatch, limit):
    if limit:
        monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", limit)
        settings.cache_clear()
    plan(uploader, SMALL, hashes={"b/z.txt": "0" * 64})
    uploader.send(SMALL)
    assert uploader.run().status == (202 if limit else 400)
    state = uploader.state()
    assert state["state"] == "failed"
    assert state["detail"].startswith("b/z.txt: ")
    assert hashlib.sha256(b"second").hexdigest() in state["detail"]
    uploader.check_empty()


@pytest.mark.parametrize("sent", [False, True])
def test_it_is_given_up_or_expires_without_a_trace(uploader, sent):
    for end in (uploader.abort, uploader.wait):
        plan(uploader, SMALL)
        if sent:
            uploader.send(SMALL)
        uploader.late += AFTER_EXPIRY if end == uploader.wait else 0
        end()
        uploader.check_empty()


def test_content_that_vanishes_meanwhile_travels_on_its_own(uploader):
    assert uploader.api.upload(SMALL["c.txt"], model_id="other").status == 200
    plan(uploader, SMALL, hashes={"c.txt": hashlib.sha256(SMALL["c.txt"]).hexdigest()})
    assert offsets(uploader.plan) == {"a.txt": 0, "b/empty": None, "b/z.txt": 5, "c.txt": None}
    uploader.send(SMALL)
    uploader.api.delete("/ai-models/ana/other")
    gone = uploader.complete()
    assert gone.status == 400
    assert "c.txt" in gone.json["detail"]
    arrived = uploader.api.get(f"{uploader.upload}/parts").json
    assert arrived["bundle"]["parts"] == [{"part_number": 1, "size": 11}]
    uploader.plan |= uploader.api.post(f"{uploader.upload}/parts", {"files": [{"filename": "c.txt"}]}).json
    uploader.send(SMALL)
    assert uploader.complete().status == 200
    uploader.check_whole(SMALL)


def test_a_run_that_was_killed_is_gone_on_with(uploader, calls, monkeypatch):
    """Two files a row: of six, four are noted when the run is killed."""
    monkeypatch.setattr(bundles, "FILES_PER_ROW", 2)
    monkeypatch.setattr(working, "FILES_PER_ROW", 2)
    monkeypatch.setattr(working, "THREADS", 1)
    files = {f"{number}.txt": b"%d" % number for number in range(6)}
    plan(uploader, files)
    uploader.send(files)
    # Claim, bundle, and twice two files and a note.
    with Fault(8, kill=True, reads=False).acting(), suppress(Killed):
        uploader.complete()
    uploader.late += LATER
    with calls.counting() as counted:
        assert uploader.complete().status == 200
    assert counted["PutObject"] == 2 + 1, "two files and the manifest"
    uploader.check_whole(files)
    uploader.remove()


def test_the_bucket_calls_the_worker_for_a_bundle_in_vain(uploader, monkeypatch):
    plan(uploader, SMALL)
    uploader.send(SMALL)
    once = multipart.complete

    def told(key, *arguments):
        etag = once(key, *arguments)
        assert key == keys.bundle_key(uploader.plan["upload_id"])
        uploader.api.deliver(key)
        return etag

    monkeypatch.setattr(multipart, "complete", told)
    assert uploader.complete().status == 200
    uploader.check_whole(SMALL)


def test_what_many_files_cost(uploader, calls):
    files = {f"{number:03}.txt": b"%03d" % number for number in range(120)}
    with calls.counting() as counted:
        plan(uploader, files)
    lists = {"TransactWriteItems": 2, "BatchWriteItem": 1, "UpdateItem": 1}
    assert counted == {**lists, "CreateMultipartUpload": 1}
    with calls.counting() as counted:
        assert uploader.api.post(f"{uploader.upload}/parts", {"bundle": {}}).status == 200
    assert counted == {"GetItem": 1, "Query": 1}
    uploader.send(files)
    with calls.counting() as counted:
        assert uploader.complete().status == 200
    assert counted == {
        "PutObject": 120 + 2,
        "GetObject": 3,  # the files, the manifest with its list; 50 files a range
        "ListParts": 2,
        "CompleteMultipartUpload": 1,
        "ListMultipartUploads": 2,
        "ListObjectsV2": 1,
        "DeleteObjects": 2,
        "GetItem": 1,
        "Query": 5,
        "UpdateItem": 1,
        "DeleteItem": 1,
        "TransactWriteItems": 1,
        "BatchWriteItem": 10,  # 5 of contents, 2 of finished files, the list of files, 2 that remove lists
    }
