"""Files of one upload that have the same content: it is sent once, and copied inside the store."""

import hashlib
from contextlib import contextmanager, suppress

import pytest
from botocore.exceptions import EndpointConnectionError
from each import each
from faults import Fault, Killed
from shrinking import shrink_all, shrink_to_one
from uploading import AFTER_EXPIRY, LATER

from chalicelib.registry import verifying
from chalicelib.settings import MIB, settings
from chalicelib.store import keys, objects

FILES = {
    "a/model.pt": b"weights",
    "b/copy.txt": b"weights",
    "c.bin": b"others!",
    "d/again.bin": b"weights",
    "empty": b"",
    "void": b"",
}
SENT = ["a/model.pt", "c.bin"]


def plan(uploader, files=FILES, *, hashes=(), **fields):
    """Plans files with their hashes, or those of `hashes`; None declares none."""
    given = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} | dict(hashes)
    listed = [
        {"filename": name, "file_size": len(data), "file_hash": given[name]} for name, data in files.items()
    ]
    answer = uploader._asked("files", files=listed, **fields)
    assert answer.status == 200, answer.content
    return answer.json


def sent(planned):
    """The files of a plan that the client has to send, alone or in the bundle."""
    for file in each(planned["files"]):
        travels = bool(file["parts"]) or file["bundle_offset"] is not None
        assert file["already_stored"] is not travels
        assert travels or file["parts_total"] == 0
    return [file["filename"] for file in planned["files"] if not file["already_stored"]]


@pytest.fixture(params=["here", "later"])
def way(request, monkeypatch):
    """Completes within the request, or by the worker."""
    if request.param == "later":
        monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", "1")
        settings.cache_clear()


both = pytest.mark.parametrize("bundle", [False, True], ids=["alone", "bundled"])


@both
@pytest.mark.usefixtures("way")
def test_one_content_is_sent_once_and_published_in_every_file(uploader, bundle):
    planned = plan(uploader, bundle=bundle)
    assert sent(planned) == SENT
    if bundle:
        assert planned["bundle"]["size"] == 14
    arrived = uploader.api.get(f"{uploader.upload}/parts").json["files"]
    assert [file["filename"] for file in arrived if not file["already_stored"]] == SENT
    uploader.send({name: FILES[name] for name in SENT})
    assert uploader.follow(uploader.complete()).status == 200
    uploader.check_whole(FILES)
    files = {file["filename"]: file for file in uploader.api.get(uploader.address).json["files"]}
    for name, data in each(FILES.items()):
        assert files[name]["file_hash"] == hashlib.sha256(data).hexdigest()
        assert files[name]["hash_verified"]
        assert files[name]["crc32"]
    assert files["b/copy.txt"]["content_type"] == "text/plain"
    uploader.remove()


def test_only_what_is_declared_and_will_be_read_is_taken_for_equal(uploader, monkeypatch):
    other = hashlib.sha256(b"x").hexdigest()
    planned = plan(uploader, hashes={"b/copy.txt": None, "d/again.bin": other})
    assert sent(planned) == ["a/model.pt", "b/copy.txt", "c.bin", "d/again.bin"]
    uploader.abort()
    files = {"a": b"1234567", "b": b"12345678"}
    assert sent(plan(uploader, files, hashes=dict.fromkeys(files, other))) == ["a", "b"], "of another size"
    uploader.abort()
    monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", "6")
    settings.cache_clear()
    assert sent(plan(uploader)) == ["a/model.pt", "b/copy.txt", "c.bin", "d/again.bin"]


def test_what_a_version_has_is_copied_from_there(uploader):
    uploader.api.upload(b"weights", model_id="first")
    assert sent(plan(uploader)) == ["c.bin"]
    uploader.send({"c.bin": FILES["c.bin"]})
    document = uploader.complete().json
    assert {file["file_hash"] for file in document["files"] if file["file_size"] == 7} == {
        hashlib.sha256(FILES[name]).hexdigest() for name in SENT
    }


@both
@pytest.mark.usefixtures("way")
def test_a_wrong_hash_publishes_nothing(uploader, bundle):
    wrong = dict.fromkeys(("a/model.pt", "b/copy.txt"), hashlib.sha256(b"somebody's").hexdigest())
    uploader.api.upload(b"somebody's", user_id="bob", model_id="secret")
    held = uploader.api.get("/ai-models/bob/secret").json
    assert sent(plan(uploader, hashes=wrong, bundle=bundle)) == [*SENT, "d/again.bin"]
    uploader.send({name: FILES[name] for name in [*SENT, "d/again.bin"]})
    answer = uploader.follow(uploader.complete())
    assert answer.status in (400, 409)
    assert uploader.state()["state"] == "failed"
    assert "a/model.pt" in uploader.state()["detail"]
    assert not uploader.is_there()
    uploader.api.delete("/ai-models/bob/secret", version=held["version"])
    uploader.check_empty()


@both
def test_the_first_is_missed_alone(uploader, bundle):
    plan(uploader, bundle=bundle)
    answer = uploader.complete()
    assert answer.status == 400
    told = (
        "1 parts have not arrived: the bundle part 1."
        if bundle
        else "2 parts have not arrived: a/model.pt part 1,"
    )
    assert told in answer.json["detail"]
    asked = uploader.api.post(f"{uploader.upload}/parts", {"files": [{"filename": "b/copy.txt"}]})
    assert sent(asked.json) == []


@both
def test_there_may_be_many_in_many_rows(uploader, calls, monkeypatch, bundle):
    shrink_all(monkeypatch)
    files = {f"{number}.bin": b"weights" for number in range(8)}
    files |= {f"z{number}.bin": b"%d" % (number // 2) for number in range(4)}
    planned = plan(uploader, files, bundle=bundle)
    assert sent(planned) == ["0.bin", "z0.bin", "z2.bin"]
    uploader.send({name: files[name] for name in sent(planned)})
    with calls.counting() as made:
        assert uploader.complete().status == 200
    assert made["CopyObject"] == 9
    found = uploader.api.get(f"{uploader.address}/files", limit=1000).json["files"]
    assert {file["filename"]: file["file_hash"] for file in found} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }


def test_large_ones_are_copied_in_parts(uploader, monkeypatch, calls):
    monkeypatch.setattr("chalicelib.store.large.COPY_PART", 6 * MIB)
    data = bytes(11 * MIB)
    planned = plan(uploader, {"a": data, "b": data})
    assert sent(planned) == ["a"]
    uploader.send({"a": data})
    with calls.counting() as made:
        assert uploader.complete().status == 200
    assert made["UploadPartCopy"] == 2
    hashes = [file["file_hash"] for file in uploader.api.get(uploader.address).json["files"]]
    assert hashes == [hashlib.sha256(data).hexdigest()] * 2


@pytest.fixture
def striking(monkeypatch):
    """Lets the copy of a number fail, before or after it was made: the process is killed, or cut off for one call."""
    original = verifying.copied_within

    @contextmanager
    def strike(number, *, after, kill):
        fault, begun = Fault(10**9, kill=kill), []

        def copied(*arguments):
            begun.append(arguments)
            strikes = len(begun) == number
            if after or not strikes:
                made = original(*arguments)
            if not strikes:
                return made
            fault.failed = "a copy" if kill else None
            raise Killed if kill else EndpointConnectionError(endpoint_url="https://stub.invalid")

        with monkeypatch.context() as patched, fault.acting(), suppress(Killed):
            patched.setattr("chalicelib.registry.finishing.copied_within", copied)
            yield
        assert len(begun) >= number

    return strike


@pytest.mark.parametrize(
    ("number", "kill", "after"), [(1, True, False), (1, True, True), (2, True, True), (2, False, False)]
)
@pytest.mark.usefixtures("way")
def test_a_completion_that_failed_at_a_copy_is_resumed(uploader, monkeypatch, striking, number, kill, after):
    shrink_to_one(monkeypatch)
    plan(uploader, bundle=after)
    uploader.send({name: FILES[name] for name in SENT})
    with striking(number, after=after, kill=kill):
        answer = uploader.complete()
        # An event whose function fails is delivered again.
        with suppress(EndpointConnectionError):
            uploader.api.deliver()
        assert answer.status in (202, 503)
    assert not uploader.is_there()
    uploader.late += LATER
    answer = uploader.follow(uploader.complete())
    assert answer.status == 200, answer.content
    uploader.check_whole(FILES)
    uploader.late += AFTER_EXPIRY
    uploader.remove()


def test_what_is_not_in_the_store_any_more_is_not_copied(uploader, monkeypatch):
    original = verifying.copied_within

    def lost(upload, lease, file, first):
        objects.delete([keys.file_key(*upload.id, first.path)])
        return original(upload, lease, file, first)

    monkeypatch.setattr("chalicelib.registry.finishing.copied_within", lost)
    plan(uploader)
    uploader.send({name: FILES[name] for name in SENT})
    answer = uploader.complete()
    assert (answer.status, "was changed in the store" in answer.json["detail"]) == (409, True)
    assert uploader.state()["state"] == "failed"
    uploader.check_empty()
