"""Pushes to a service and a store that fail, refuse, forget, and check in their own time."""

import hashlib
import json
import os
import random

import pytest
from each import each
from pretender import CUT, LOST, TRUE, Pretender, Say, refusal

from weighthouse import (
    Client,
    Conflict,
    FileChanged,
    Forbidden,
    InvalidAnswer,
    InvalidRequest,
    StoreRefused,
    TooLarge,
    Unavailable,
    Unreachable,
)
from weighthouse.hashes import Hashes
from weighthouse.notes import open_notes
from weighthouse.progress import Meter
from weighthouse.push.hashing import hash_all
from weighthouse.push.journal import Journal
from weighthouse.push.scanning import scan

PART = 1 << 16
LARGE = random.Random(4).randbytes(3 * PART + 99)
FILES = {"config": b"{}", "empty": b"", "large": LARGE, "sub/vocab": b"a b"}
PUTS = "^/parts/"


@pytest.fixture
def pretended():
    with Pretender() as pretender:
        pretender.uploads.part_size = PART
        yield pretender


@pytest.fixture
def net(tmp_path):
    for name, data in FILES.items():
        path = tmp_path / "net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "net"


@pytest.fixture
def push(pretended, net, clock, monkeypatch):
    monkeypatch.setattr("weighthouse.push.sending.WORKERS", 2)

    def run(path=net, version="next", **options):
        with Client(pretended.url) as client:
            return client.push(path, "u", "m", version, **options)

    return run


def asked(pretended, method, path):
    return [request for request in pretended.asked if request.method == method and path in request.path]


def plans(pretended):
    return len(asked(pretended, "POST", "/upload/files"))


def test_a_part_is_put_with_its_length_and_never_in_chunks(push, pretended):
    pushed = push()
    assert pretended.files == FILES
    puts = asked(pretended, "PUT", "/parts/")
    assert sorted(int(put.headers["Content-Length"]) for put in puts) == [5, 99, PART, PART, PART]
    assert not any("Transfer-Encoding" in put.headers for put in puts)
    assert (pushed.files_sent, pushed.bytes_sent, pushed.existed) == (3, len(LARGE) + 5, False)
    assert (pushed.files_total, pushed.bytes_total) == (4, len(LARGE) + 5)
    assert 0 < pushed.seconds < 60


@pytest.mark.parametrize(
    "fault",
    [
        CUT,
        LOST,
        *(refusal(status, "Busy") for status in (408, 429, 500, 502, 503, 504)),
        refusal(400, "RequestTimeout"),
    ],
)
def test_a_part_that_fails_in_passing_is_sent_again(push, pretended, fault, clock):
    pretended.script("PUT", PUTS, TRUE, fault, fault)
    pushed = push()
    assert pretended.files == FILES
    assert (plans(pretended), len(asked(pretended, "PUT", PUTS[1:]))) == (1, 7)
    assert pushed.bytes_sent >= len(LARGE) + 5
    assert clock.waits[:1] == [0.2]


@pytest.mark.parametrize(
    ("status", "code"), [(400, "InvalidArgument"), (401, "Unauthorized"), (307, "Redirect"), (202, "")]
)
def test_a_part_that_is_refused_is_not_stored_and_not_tried_again(push, pretended, status, code, clock):
    pretended.script("PUT", PUTS, refusal(status, code))
    with pytest.raises(
        StoreRefused, match=rf"store at http://127\.0\.0\.1:\d+ answered {status} {code or 'Accepted'}$"
    ):
        push()
    assert clock.waits == []
    assert pretended.files == {}
    # The same command resumes.
    push()
    assert pretended.files == FILES
    assert plans(pretended) == 1


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_part_that_a_store_takes_is_stored(push, pretended, status):
    def taken(request):
        pretended.uploads.known[request.path.split("/")[2].partition("?")[0]].sent["large", 1] = LARGE[:PART]
        return Say(status)

    pretended.script("PUT", "number=1&name=large", taken)
    push()
    assert pretended.files == FILES
    assert len(asked(pretended, "PUT", PUTS[1:])) == 5


def test_a_store_that_says_when_to_come_again_is_heeded(push, pretended, clock, monkeypatch):
    monkeypatch.setattr("weighthouse.push.sending.WORKERS", 1)
    pretended.script(
        "PUT", PUTS,
        refusal(503, "SlowDown", ("Retry-After", "7")),
        refusal(503, "SlowDown", ("Retry-After", "600")),
        refusal(503, "SlowDown", ("Retry-After", "soon")),
    )  # fmt: skip
    push()
    assert clock.waits == [pytest.approx(7.2), pytest.approx(60.4), pytest.approx(0.8)]


def test_a_store_that_stays_busy_ends_the_push_and_the_next_one_resumes(push, pretended, clock):
    pretended.script("PUT", "number=2&name=large", then=refusal(503, "SlowDown"))
    with pytest.raises(StoreRefused, match=r"503 SlowDown \(tried \d+ times\)"):
        push()
    assert sum(clock.waits) == pytest.approx(120)
    sent = {part for upload in pretended.uploads.known.values() for part in upload.sent}
    pretended._scripts.clear()
    again = push()
    assert pretended.files == FILES
    assert plans(pretended) == 1
    assert again.bytes_sent == len(LARGE) + 5 - sum(
        5 if part[0] is None else 99 if part[1] == 4 else PART for part in sent
    )


def test_urls_that_have_expired_are_replaced(push, pretended, clock):
    def expire(request):
        pretended.generation += 1
        return TRUE

    pretended.script("PUT", PUTS, TRUE, expire, TRUE, expire)
    push()
    assert pretended.files == FILES
    fresh = asked(pretended, "POST", "/parts")
    assert 2 <= len(fresh) <= 6
    assert plans(pretended) == 1


def test_urls_that_are_refused_however_fresh_end_the_push(push, pretended):
    pretended.script("PUT", "number=1&name=large", then=refusal(403, "AccessDenied"))
    with pytest.raises(StoreRefused, match="403 AccessDenied"):
        push()
    assert len(asked(pretended, "PUT", "number=1&name=large")) == 4


@pytest.mark.parametrize("status", [200, 503])
def test_urls_are_asked_for_until_all_are_there(push, pretended, status):
    pretended.uploads.urls = 2
    if status == 503:
        pretended.script("POST", "/parts$", Say(503))
    push()
    assert pretended.files == FILES


def test_a_service_that_gives_no_urls_ends_the_push(push, pretended, net):
    pretended.uploads.urls = 1
    pretended.script("POST", "/parts$", then=Say(200, {"part_size": PART, "files": [], "bundle": None}))
    with pytest.raises(StoreRefused, match="gave no URL"):
        push()
    assert plans(pretended) == 3
    # Nothing is left of any of them.
    assert pretended.uploads.known == {}
    assert Journal(open_notes(), pretended.url, "u", "m", "next", str(net)).read() is None


def test_an_upload_that_the_store_has_lost_is_begun_anew(push, pretended, monkeypatch):
    # Its content was not at fault.
    monkeypatch.setattr(Hashes, "forget", pytest.fail)
    pretended.script("PUT", PUTS, TRUE, refusal(404, "NoSuchUpload"))
    push()
    assert pretended.files == FILES
    assert plans(pretended) == 2
    (given_up,) = asked(pretended, "DELETE", "/uploads/")
    assert given_up.path.rpartition("/")[2] not in pretended.uploads.known


def test_an_upload_that_the_service_has_lost_is_begun_anew_but_not_for_ever(push, pretended):
    def lose(request):
        pretended.uploads.known.clear()
        return refusal(409, "Gone")

    pretended.script("PUT", PUTS, TRUE, lose)
    push()
    assert plans(pretended) == 2
    pretended.files = {}
    pretended.script("PUT", PUTS, then=lose)
    with pytest.raises(StoreRefused, match="409 Gone"):
        push()
    assert plans(pretended) == 2 + 3


def test_an_upload_that_is_open_is_not_given_up_for_a_conflict(push, pretended):
    pretended.script("PUT", PUTS, refusal(409, "Conflict"))
    with pytest.raises(StoreRefused, match="409"):
        push()
    assert asked(pretended, "DELETE", "/") == []


def test_a_plan_whose_answer_was_lost_makes_one_upload(push, pretended):
    pretended.script("POST", "/upload/files", LOST)
    push()
    assert pretended.files == FILES
    assert len(pretended.uploads.known) == 1


@pytest.mark.parametrize(
    ("answer", "error", "kept"),
    [
        (Say(409, {"detail": "taken"}), Conflict, False),
        (Say(403, {"detail": "not yours"}), Forbidden, False),
        (Say(400, {"detail": "name: too long"}), InvalidRequest, False),
        (Say(503, {"message": "busy"}), Unavailable, True),
        (CUT, Unreachable, True),
    ],
)
def test_a_plan_that_is_refused_is_forgotten_unless_it_may_have_been_made(
    push, pretended, answer, error, kept, net
):
    pretended.script("POST", "/upload/files", then=answer)
    with pytest.raises(error):
        push()
    journal = Journal(open_notes(), pretended.url, "u", "m", "next", str(net))
    assert bool(journal.read()) == kept


def test_parts_that_did_not_stay_are_sent_again_but_not_for_ever(push, pretended):
    def forget(request):
        for upload in pretended.uploads.known.values():
            upload.sent.pop(("large", 2))
        return TRUE

    pretended.script("POST", "/complete", forget)
    push()
    assert pretended.files == FILES
    assert (plans(pretended), len(asked(pretended, "PUT", PUTS[1:]))) == (1, 6)
    pretended.files = {}
    pretended.uploads.known.clear()
    pretended.script("POST", "/complete", then=forget)
    with pytest.raises(StoreRefused, match="do not stay in the store") as lost:
        push()
    assert lost.value.status == 404
    assert len(asked(pretended, "POST", "/complete")) == 2 + 3


def test_a_version_that_the_worker_checks_is_waited_for(push, pretended, clock):
    pretended.uploads.polls = [7, 7, len(LARGE), len(LARGE) + 5, 9]
    pushed = push()
    assert (pushed.version.version, pretended.files) == ("v1", FILES)
    assert clock.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert len(asked(pretended, "GET", "/uploads/")) == 6


def test_how_far_the_worker_is_is_passed_on(push, pretended, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    monkeypatch.setattr("weighthouse.progress.time.monotonic", iter(range(10**6)).__next__)
    pretended.uploads.polls = [7, 7, 99, 5]
    seen = []
    push(on_progress=seen.append)
    done = [progress.bytes_done for progress in seen if progress.phase == "publishing"]
    assert done == [0, 0, 7, 7, 99, 5]


def test_a_check_that_stands_still_is_not_waited_for_without_end(push, pretended, clock, monkeypatch):
    monkeypatch.setattr("weighthouse.push.session._SHORTEST_WAIT", 360.0)
    monkeypatch.setattr("weighthouse.push.session._LONGEST_WAIT", 360.0)
    pretended.uploads.polls = [*range(20), *[20] * 99]
    with pytest.raises(Unavailable, match="stopped checking") as stuck:
        push()
    assert stuck.value.status == 202
    # The twenty-first answer is the last that differs from the one before it.
    assert len(clock.waits) == 21 + 10
    # The next push waits for the same upload.
    for upload in pretended.uploads.known.values():
        upload.polls.clear()
    assert push().bytes_sent == 0
    assert (plans(pretended), pretended.files) == (1, FILES)


@pytest.mark.parametrize("polls", [None, [1]])
def test_a_check_that_fails_is_tried_with_content_that_is_read_again(push, pretended, monkeypatch, polls):
    forgotten = set()

    def known(self, stamps):
        return {stamp.path: "0" * 64 for stamp in stamps if stamp.path not in forgotten}

    monkeypatch.setattr(Hashes, "known", known)
    monkeypatch.setattr(Hashes, "forget", lambda self, paths: forgotten.update(paths))
    pretended.uploads.polls = polls
    push()
    assert pretended.files == FILES
    assert plans(pretended) == 2


def _spoil(pretended):
    for upload in pretended.uploads.known.values():
        upload.hashes["large"] = "0" * 64
    return TRUE


@pytest.mark.parametrize("polls", [None, [1]])
def test_content_that_is_never_as_declared_is_an_error_that_names_it(push, pretended, polls):
    pretended.uploads.polls = polls
    pretended.script("PUT", "number=2&name=large", then=lambda request: _spoil(pretended))
    with pytest.raises(InvalidRequest, match="large has not the SHA-256"):
        push()
    assert plans(pretended) == 3
    assert pretended.files == {}


@pytest.mark.parametrize("state", ["failed", "expired"])
def test_an_upload_that_ends_without_a_detail_says_how(push, pretended, state):
    pretended.uploads.polls = [1]

    def end(request):
        for upload in pretended.uploads.known.values():
            upload.state = state
        return TRUE

    pretended.script("GET", "/uploads/[0-9a-f]{32}$", then=end)
    with pytest.raises(InvalidRequest, match=f"The upload is {state}") as ended:
        push()
    assert ended.value.status == 400


def test_parts_that_the_worker_misses_are_sent_again(push, pretended):
    pretended.uploads.polls = [1]

    def forget(request):
        for upload in pretended.uploads.known.values():
            upload.state = "uploading"
            upload.sent.pop(("large", 3))
        return TRUE

    pretended.script("GET", "/uploads/[0-9a-f]{32}$", forget)
    push()
    assert pretended.files == FILES
    assert (plans(pretended), len(asked(pretended, "PUT", PUTS[1:]))) == (1, 6)


def test_an_upload_that_is_forgotten_while_it_is_checked_is_begun_anew(push, pretended):
    pretended.uploads.polls = [1]

    def forget(request):
        pretended.uploads.known.clear()
        return TRUE

    pretended.script("GET", "/uploads/[0-9a-f]{32}$", forget)
    push()
    assert (plans(pretended), pretended.files) == (2, FILES)


def test_a_lost_answer_to_complete_is_asked_for_again(push, pretended):
    pretended.script("POST", "/complete", LOST)
    push()
    assert pretended.files == FILES


def test_all_pages_of_what_has_arrived_are_read(push, pretended):
    pretended.script("PUT", "number=4&name=large", refusal(400, "InvalidArgument"))
    with pytest.raises(StoreRefused):
        push()
    pretended.uploads.page_size = 1
    push()
    assert pretended.files == FILES
    assert len(asked(pretended, "GET", "/parts?")) == len(FILES)


def test_a_list_of_parts_without_end_ends_the_push(push, pretended):
    pretended.script("PUT", "number=4&name=large", refusal(400, "InvalidArgument"))
    with pytest.raises(StoreRefused):
        push()
    begun = len(pretended.asked)
    said = {"part_size": PART, "files": [], "bundle": None, "next_token": "50"}
    pretended.script("GET", "/parts", then=Say(200, said))
    with pytest.raises(InvalidAnswer, match="without end"):
        push()
    assert len(pretended.asked) - begun < 5


def test_an_upload_whose_making_was_cut_off_is_begun_anew(push, pretended):
    pretended.script("POST", "/upload/files", LOST)

    def cut(request):
        for upload in pretended.uploads.known.values():
            del upload.sizes["config"], upload.offsets["config"]
        return TRUE

    pretended.script("GET", "/parts", cut)
    push()
    assert (plans(pretended), pretended.files) == (1 + 1 + 1, FILES)


def test_an_upload_whose_making_is_always_cut_off_ends_the_push(push, pretended):
    plan = pretended.uploads._plan

    def short(said):
        status, document = plan(said)
        upload = pretended.uploads.known[document["upload_id"]]
        del upload.sizes["config"], upload.offsets["config"]
        return status, {**document, "files": []}

    pretended.uploads._plan = short
    with pytest.raises(Conflict, match="does not know all of its files; push again") as cut:
        push()
    assert (cut.value.status, plans(pretended)) == (409, 3)


def test_more_files_than_a_service_takes_are_refused_with_what_to_do(push, pretended):
    pretended.script("POST", "/upload/files", Say(413, {"detail": "too large"}, (("X-Request-Id", "it"),)))
    with pytest.raises(TooLarge, match=r"too large: 4 files are too many .* as one ZIP$") as refused:
        push()
    assert (refused.value.status, refused.value.request_id) == (413, "it")


@pytest.mark.parametrize("field", ["user_id", "model_id", "version"])
def test_a_version_that_is_published_is_named(push, pretended, field):
    pretended.uploads.polls = [1]
    ready = {
        "state": "ready",
        "user_id": "u",
        "model_id": "m",
        "version": "v1",
        "bytes_done": 0,
        "detail": None,
    }
    pretended.script("GET", "/uploads/[0-9a-f]{32}$", Say(200, {**ready, field: "../x"}))
    with pytest.raises(InvalidAnswer, match=field):
        push()


def test_an_upload_of_other_content_is_given_up(push, pretended, net):
    pretended.script("PUT", PUTS, refusal(400, "InvalidArgument"))
    with pytest.raises(StoreRefused):
        push()
    (begun,) = pretended.uploads.known
    (net / "config").write_bytes(b"[]")
    push()
    assert (plans(pretended), pretended.files) == (2, {**FILES, "config": b"[]"})
    assert [request.path for request in asked(pretended, "DELETE", "/")] == [f"/ai-models/uploads/{begun}"]


def _larger_bundle(plan):
    plan["bundle"]["size"] += 1


def _larger_file(plan):
    next(file for file in plan["files"] if file["filename"] == "large")["file_size"] += 1


def _gap(plan):
    next(file for file in plan["files"] if file["filename"] == "sub/vocab")["bundle_offset"] += 1


def _no_parts(plan):
    plan["part_size"] = 0


@pytest.mark.parametrize("change", [_larger_bundle, _larger_file, _gap, _no_parts])
def test_a_plan_that_is_not_of_these_files_is_not_sent_to(push, pretended, change):
    plan = pretended.uploads._plan

    def lying(said):
        status, document = plan(said)
        change(document)
        return status, document

    pretended.uploads._plan = lying
    with pytest.raises(InvalidAnswer, match=r"cuts the upload otherwise|part_size is 0"):
        push()
    assert asked(pretended, "PUT", "/") == []


def test_content_that_the_registry_has_is_not_sent(push, pretended):
    pretended.uploads.stored.add(hashlib.sha256(LARGE).hexdigest())
    pushed = push()
    assert (pushed.files_sent, pushed.bytes_sent) == (2, 5)


def test_a_file_that_changes_while_it_is_hashed_is_noticed(net):
    sources, meter = scan(net), Meter(None)
    move = meter.move

    def moving(filename, *counts):
        with (net / "large").open("r+b") as file:
            file.write(b"other")
        # The file system's clock may not have moved on since the file was made.
        os.utime(net / "large", ns=(1, 1))
        move(filename, *counts)

    meter.move = moving
    with pytest.raises(FileChanged, match="large changed while it was pushed"):
        hash_all(sources, Hashes(open_notes()), meter)


def test_a_file_that_changes_while_it_is_sent_is_never_mixed_in(push, pretended, net, monkeypatch):
    # One part after the other, so that the others are read after the change.
    monkeypatch.setattr("weighthouse.push.sending.WORKERS", 1)
    other = bytes(len(LARGE))
    changed = []

    def change(request):
        if not changed:
            changed.append((net / "large").write_bytes(other))
            # The file system's clock may not have moved on since the file was made.
            os.utime(net / "large", ns=(1, 1))
        return TRUE

    pretended.script("PUT", "number=1&name=large", change)
    push()
    assert pretended.files == {**FILES, "large": other}


def test_metadata_come_from_the_call_then_from_the_file_that_it_names_or_from_the_folder(
    push, pretended, net, tmp_path
):
    (net / "model.yaml").write_text("name: Of the folder\nalgorithm: SGD")
    (tmp_path / "other.yaml").write_text("name: Of the file\ndescription: It is said.")
    push(metadata={"description": "It is called."})
    assert pretended.fields.items() >= {
        "name": "Of the folder", "algorithm": "SGD", "description": "It is called.",
    }.items()  # fmt: skip
    pretended.files = {}
    push(model_file=tmp_path / "other.yaml")
    said = {"name": "Of the file", "description": "It is said."}
    assert pretended.fields == {"user_id": "u", "model_id": "m", "version": "v1", **said}


def test_a_file_is_pushed_as_a_version_of_one(push, pretended, net):
    push(net / "large", "v7")
    assert (pretended.files, pretended.fields["version"]) == ({"large": LARGE}, "v7")
    assert push(net / "large", "v7").existed
    assert plans(pretended) == 1


SMALL = {f"{number:02}": bytes([number]) * (7 * number % 31) for number in range(12)}


@pytest.fixture
def watched(push, monkeypatch):
    """Pushes, and returns what was done with the first and the last of what was said of each phase."""
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)

    def run(**options):
        seen = []
        pushed = push(on_progress=seen.append, **options)
        assert all(0 <= progress.bytes_done <= progress.bytes_total for progress in each(seen))
        assert [bool(progress.files) for progress in seen if progress.phase == "done"] == [False]
        assert [progress.files for progress in seen if progress.phase == "sending"][-1] == ()
        phases = {}
        for progress in seen:
            counts = (progress.files_done, progress.files_total, progress.bytes_done, progress.bytes_total)
            phases.setdefault(progress.phase, [counts, counts])[1] = counts
        return pushed, phases

    return run


@pytest.fixture
def crumbs(pretended, net):
    """Small files that a bundle of many parts holds, some across several, beside the large one."""
    pretended.uploads.part_size = 16
    (net / "large").write_bytes(LARGE[:100])
    for name, data in SMALL.items():
        (net / name).write_bytes(data)
    return {**FILES, **SMALL, "large": LARGE[:100]}


def test_files_are_put_together_from_any_parts(push, pretended, crumbs, monkeypatch):
    monkeypatch.setattr("weighthouse.push.sending._AHEAD", 3)
    pretended.uploads.small = 50
    pretended.uploads.urls = 4
    push()
    assert pretended.files == crumbs
    asked_for = len(asked(pretended, "POST", "/parts"))
    puts = len(asked(pretended, "PUT", PUTS[1:]))
    # Those of the first four parts came with the plan, those of the others three at a time when they were due.
    assert puts / 3 - 2 <= asked_for <= puts / 3 + 1


def test_progress_ends_with_the_whole_however_little_had_to_travel(watched, pretended, crumbs):
    pretended.uploads.small = 50
    size = sum(map(len, crumbs.values()))
    whole = (len(crumbs), len(crumbs), size, size)
    pretended.uploads.stored.add(hashlib.sha256(crumbs["11"]).hexdigest())
    pretended.script("PUT", "number=5&gen", TRUE, refusal(400, "Invalid"))
    pretended.script(
        "PUT", "number=[36]&name=large", CUT, refusal(503, "SlowDown"), refusal(403, "AccessDenied")
    )
    pushed, phases = watched()
    nothing = (0, len(crumbs), 0, size)
    lacking = size - len(crumbs["11"])
    assert phases["scanning"] == [(0, 0, 0, 0)] * 2
    assert phases["hashing"] == [nothing, whole]
    assert phases["sending"] == [nothing, whole]
    assert phases["done"] == [nothing, nothing]
    empty = sum(not data for data in crumbs.values())
    assert (pushed.files_sent, pushed.files_total) == (len(crumbs) - 1 - empty, len(crumbs))
    assert pushed.bytes_sent >= lacking


def test_a_push_that_resumes_sends_what_is_missing_and_counts_what_is_there(watched, pretended, crumbs):
    pretended.uploads.small = 50
    size = sum(map(len, crumbs.values()))
    pretended.script("PUT", "number=4&gen", refusal(400, "Invalid"))
    with pytest.raises(StoreRefused):
        watched()
    (upload,) = pretended.uploads.known.values()
    missing = {place for number in (4, 6, 7) for place in range(16 * (number - 1), 16 * number)}
    upload.sent = {
        (None, number): part for (_, number), part in _bundle(upload, crumbs) if number not in (4, 6, 7)
    }
    places = {name: range(start, start + len(crumbs[name])) for name, start in upload.offsets.items()}
    lacking = {name for name, place in places.items() if not missing.isdisjoint(place)}
    ending = {name for name, place in places.items() if place[-1] in missing}
    first = []
    begin = Meter.keep

    def keep(self, count, files=0, **more):
        first.append((self._phase, count, files))
        begin(self, count, files, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Meter, "keep", keep)
        pushed, phases = watched()
    there = size - len(missing) - len(crumbs["large"])
    assert ("sending", there, len(crumbs) - 1 - len(ending)) in first
    assert phases["sending"][1] == (len(crumbs), len(crumbs), size, size)
    assert pushed.bytes_sent == size - there
    assert pushed.files_sent == len(lacking) + 1
    assert pretended.files == crumbs


def _bundle(upload, files):
    data = b"".join(files[name] for name in sorted(upload.offsets, key=upload.offsets.__getitem__))
    return [((None, at // 16 + 1), data[at : at + 16]) for at in range(0, len(data), 16)]


@pytest.mark.parametrize("status", [404, 409])
def test_an_upload_that_takes_no_parts_any_more_is_begun_anew(push, pretended, status):
    pretended.script("POST", "/upload/files", LOST)
    pretended.script("GET", "/parts", Say(status, {"detail": "gone"}))
    push()
    assert (plans(pretended), pretended.files) == (3, FILES)


def test_a_version_that_is_there_is_left_alone_unless_something_of_it_is_other(push, pretended, net):
    said = {"tags": ["a"], "description": "One"}
    assert not push(metadata=said).existed
    for version in each(("next", "v1")):
        pushed = push(version=version, metadata=said)
        assert (pushed.existed, pushed.version.version, pushed.files_total) == (True, "v1", len(FILES))
    assert plans(pretended) == 1
    assert {request.path[-17:] for request in asked(pretended, "GET", "/versions")} == {"/versions?limit=1"}
    with pytest.raises(
        Conflict, match=r"Version v1 exists with these files, .* another tags and description;"
    ) as other:
        push(version="v1", metadata={"tags": [], "description": "Two"})
    assert other.value.status == 409
    assert not push(metadata={"tags": ["b"]}).existed
    (net / "empty").unlink()
    assert not push(metadata={"tags": ["b"]}).existed
    (net / "config").write_bytes(b"[]")
    assert not push(version="v1", metadata={"tags": ["b"]}).existed
    assert plans(pretended) == 4
    (net / "zzz").touch()
    pretended.recorded = {"config": {"file_hash": "0" * 64}}
    assert not push(version="v1", metadata={"tags": ["b"]}).existed


def test_a_version_that_may_be_there_is_one(push, pretended):
    pretended.script("GET", "/u/m.version=v1$", Say(200, {"version": "v1"}))
    with pytest.raises(InvalidAnswer):
        push(version="v1")
    assert plans(pretended) == 0


def test_only_what_is_not_known_is_hashed_and_noted_as_it_is_done(net, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    monkeypatch.setattr("weighthouse.push.hashing._BATCH", 4)
    sources, noted, seen = scan(net), [], []
    paths = {source.filename: source.path for source in sources}

    class Known:
        def known(self, stamps):
            assert [stamp.path for stamp in stamps] == [source.path for source in sources]
            return {paths["large"]: "known"}

        def keep(self, hashed, clocks):
            noted.append([stamp.path for stamp, _ in hashed])

    hashed = hash_all(sources, Known(), Meter(seen.append))
    right = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert hashed == {**right, "large": "known"}
    assert sorted(noted) == sorted([[paths["config"], paths["empty"], paths["sub/vocab"]]])
    size = sum(map(len, FILES.values()))
    (first, kept), last = seen[:2], seen[-1]
    assert (first.phase, first.files_total, first.bytes_total, first.bytes_done) == ("hashing", 4, size, 0)
    assert (kept.files_done, kept.bytes_done, kept.bytes_moved) == (1, len(LARGE), 0)
    assert (last.files_done, last.bytes_done, last.bytes_moved) == (4, size, 5)
    noted.clear()
    monkeypatch.setattr("weighthouse.push.hashing._BATCH", 2)
    hash_all(sources, Known(), Meter(None))
    assert sorted(map(len, noted)) == [1, 2]


def test_a_plan_that_names_some_of_the_files_is_completed_from_what_has_arrived(push, pretended):
    plan = pretended.uploads._plan

    def short(said):
        status, document = plan(said)
        return status, {**document, "files": document["files"][:2]}

    pretended.uploads._plan = short
    push()
    assert pretended.files == FILES
    assert plans(pretended) == len(asked(pretended, "GET", "/parts?")) == 1


def test_the_bar_of_a_file_counts_what_arrived_before(push, pretended, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    pretended.script("PUT", "number=3&name=large", refusal(400, "Invalid"))
    with pytest.raises(StoreRefused):
        push()
    (upload,) = pretended.uploads.known.values()
    upload.sent = {
        ("large", 1): LARGE[:PART],
        ("large", 2): LARGE[PART : 2 * PART],
        ("large", 4): LARGE[3 * PART :],
    }
    seen = []
    push(on_progress=seen.append)
    there = 2 * PART + 99
    bars = [
        file.bytes_done
        for progress in seen
        if progress.phase == "sending"
        for file in progress.files
        if file.filename == "large"
    ]
    assert bars
    assert (bars[0] > there, bars[-1]) == (True, len(LARGE))
    assert pretended.files == FILES


def test_what_is_not_pushed_and_what_is_not_read_is_said(push, pretended, net):
    (net / "model.yaml").write_text("nc: 80\nbackbone: []\nhead: []\n")
    (net / ".DS_Store").write_bytes(b"x")
    (net / "logs").mkdir()
    expected = (
        "model.yaml is another tool's: it is pushed as it is, and not read",
        "A version has no empty folders; left out: logs/",
        "Left out, as other tools made it: .DS_Store",
    )
    assert push().notes == expected
    assert pretended.files["model.yaml"].startswith(b"nc: 80")
    pushed = push()
    assert (pushed.existed, pushed.notes) == (True, expected)


def test_a_command_says_it_too(pretended, net, command):
    (net / "logs").mkdir()
    arguments = ("push", str(net), "u/m", "--url", pretended.url)
    status, out, err = command(*arguments)
    assert (status, out[:9]) == (0, "✓ u/m:v1 ")
    assert err == "weighthouse: A version has no empty folders; left out: logs/\n"
    status, out, err = command(*arguments, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["notes"] == ["A version has no empty folders; left out: logs/"]
