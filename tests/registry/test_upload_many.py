"""Uploads of very many files or parts: looked at, completed, given up and undone over several runs."""

import hashlib
from contextlib import suppress
from itertools import count
from unittest.mock import patch

import pytest
from api import Context, everything
from faults import Fault, Killed, kills
from hypothesis import assume, given
from hypothesis import strategies as st
from planting import made_up_files, plant
from shrinking import shrink
from uploading import AFTER_EXPIRY, LATER

from chalicelib.registry import finishing, parts, plans, undoing, uploads
from chalicelib.registry.leases import DUE_AGAIN, LEASE
from chalicelib.registry.sweeping import sweep
from chalicelib.store import bucket, contents, multipart, objects, table, versions
from chalicelib.store import uploads as rows
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.table import RowPage

FILES = {f"{at:02}.txt": str(at).encode() * 4 for at in range(14)}


@pytest.fixture
def uploader(uploader, monkeypatch):
    """What takes thousands of files is seen with 14."""
    monkeypatch.setattr(undoing, "REQUEST_FILES", 10)
    monkeypatch.setattr(objects, "DELETE_BATCH", 3)
    return uploader


@pytest.fixture
def by_the_worker(monkeypatch):
    monkeypatch.setattr(finishing, "REQUEST_PAGES", 5)
    monkeypatch.setattr(uploads, "REQUEST_FILES", 5)


def act(fault, action):
    with fault.acting(), suppress(Killed):
        action()


def store_all(uploader):
    """An upload whose files are all stored and noted, when its worker died before it published."""
    uploader.plan_files(FILES)
    uploader.send(FILES)
    assert uploader.complete().status == 202
    with patch.object(finishing, "publish", side_effect=Killed), suppress(Killed):
        uploader.api.deliver()
    uploader.late += LEASE + 1
    assert not uploader.is_there()
    assert len(list(objects.list_keys("models/"))) == len(FILES)


class Told(str):
    """What a detail begins with."""

    __hash__ = None

    def __eq__(self, other):
        return other.startswith(self)


class TestGivingUp:
    def test_it_is_gone_at_once_and_its_name_when_the_worker_is_done(self, uploader, calls):
        uploader.plan_files(FILES)
        uploader.send(FILES)
        with calls.counting() as asked:
            assert uploader.abort().status == 204
        assert asked == {"GetItem": 1, "TransactWriteItems": 1, "PutObject": 1}
        assert uploader.api.get(uploader.upload).status == 404
        assert uploader.complete().status == 404
        assert uploader.abort().status == 404
        assert uploader.api.get(f"{uploader.upload}/parts").status == 404
        refused = uploader.form()
        assert refused.status == 409
        assert "being removed" in refused.json["detail"]
        uploader.api.deliver()
        uploader.check_empty()
        assert uploader.form().status == 200
        uploader.remove()

    def test_files_that_are_stored_already_go_too(self, uploader, by_the_worker):
        store_all(uploader)
        assert uploader.abort().status == 204
        uploader.api.deliver()
        uploader.check_empty()

    def test_a_worker_that_runs_out_of_time_calls_itself_again(self, uploader, by_the_worker, monkeypatch):
        store_all(uploader)
        uploader.abort()
        left = {"checks": 0}

        def remaining(context):
            left["checks"] -= 1
            return 900_000 if left["checks"] >= 0 else 0

        monkeypatch.setattr(Context, "get_remaining_time_in_millis", remaining)
        sizes = []
        for runs in count(1):
            left["checks"] = 5
            uploader.api.deliver(*objects.list_keys("tasks/"))
            sizes.append(sum(map(len, everything()[:2])))
            if not list(objects.list_keys("tasks/")):
                break
            assert uploader.form().status == 409
            assert runs < 20
        assert runs > 1
        assert sizes == sorted(sizes, reverse=True)
        uploader.check_empty()

    def test_a_lost_call_is_made_up_for_by_the_sweep(self, uploader):
        uploader.plan_files(FILES)
        uploader.abort()
        objects.delete_prefix("tasks/")
        sweep()
        assert not list(objects.list_keys("tasks/"))
        uploader.late += DUE_AGAIN + 1
        sweep()
        uploader.api.deliver()
        uploader.check_empty()

    def test_a_killed_worker_is_replaced_by_the_sweep(self, uploader):
        for fault in kills():
            uploader.plan_files(FILES)
            act(fault, lambda: (uploader.abort(), uploader.api.deliver()))
            uploader.late += DUE_AGAIN + 1
            sweep()
            uploader.api.deliver()
            if uploader.state().get("state") == "uploading":
                # It was killed before it had begun.
                assert uploader.abort().status == 204
                uploader.api.deliver()
            uploader.check_empty()
            assert uploader.abort().status == 404, fault

    def test_who_wants_the_name_calls_a_worker_that_did_not_come(self, uploader):
        uploader.plan_files(FILES)
        uploader.abort()
        objects.delete_prefix("tasks/")
        assert uploader.form().status == 409
        assert not list(objects.list_keys("tasks/"))
        uploader.late += DUE_AGAIN + 1
        assert uploader.form().status == 409
        uploader.api.deliver()
        assert uploader.form().status == 200
        uploader.remove()

    def test_few_files_that_take_long_are_left_to_the_worker_too(self, uploader, monkeypatch):
        monkeypatch.setattr(undoing, "REQUEST_FILES", 1_000)
        monkeypatch.setattr(undoing, "REQUEST_SECONDS", -1.0)
        uploader.plan_files(FILES)
        assert uploader.abort().status == 204
        assert uploader.api.get(uploader.upload).status == 404
        assert uploader.form().status == 409
        uploader.api.deliver()
        uploader.check_empty()


def test_an_upload_that_expired_is_left_to_the_worker(uploader):
    uploader.plan_files(FILES)
    uploader.late += AFTER_EXPIRY
    sweep()
    assert uploader.state()["state"] == "expired"
    assert uploader.form().status == 409
    uploader.api.deliver()
    assert uploader.state()["state"] == "expired"
    uploader.check_empty()


def test_a_wrong_hash_among_many_is_told_when_all_is_gone(uploader, by_the_worker, monkeypatch):
    listed = [{"filename": name, "file_size": len(data)} for name, data in FILES.items()]
    listed[3]["file_hash"] = "0" * 64
    uploader._asked("files", files=listed)
    uploader.send(FILES)
    assert uploader.complete().status == 202
    original, seen = objects.delete_prefix, []

    def watched(prefix, *rest):
        seen.append(uploader.state()["state"])
        return original(prefix, *rest)

    monkeypatch.setattr(objects, "delete_prefix", watched)
    uploader.api.deliver()
    assert set(seen) == {"verifying"}
    assert uploader.state()["state"] == "failed"
    assert "0" * 64 in uploader.state()["detail"]
    uploader.check_empty()


class TestCompleting:
    @pytest.mark.usefixtures("by_the_worker")
    def test_the_state_says_what_the_worker_finds_missing(self, uploader):
        uploader.plan_files(FILES)
        planned = uploader.plan["files"]
        late = [file for file in planned if file["filename"] in ("03.txt", "07.txt")]
        uploader.plan["files"] = [file for file in planned if file not in late]
        uploader.send(FILES)
        assert uploader.complete().status == 202
        uploader.api.deliver()
        found = uploader.state()
        assert found["state"] == "uploading"
        assert "2 parts have not arrived: 03.txt part 1, 07.txt part 1." in found["detail"]
        assert not list(objects.list_keys("models/"))
        # It is as open as before, and says so again until all is there.
        uploader.late += LATER
        sweep()
        assert uploader.state()["detail"] == found["detail"]
        uploader.plan["files"] = late
        uploader.send(FILES)
        answer = uploader.complete()
        assert (answer.status, answer.json["detail"]) == (202, None)
        uploader.api.deliver()
        assert uploader.state()["detail"] is None
        uploader.check_whole(FILES)
        uploader.late += AFTER_EXPIRY
        uploader.remove()

    @pytest.mark.usefixtures("by_the_worker")
    def test_what_was_never_begun_is_told_at_once_without_a_call_to_s3(self, uploader, calls):
        with patch.object(parts, "URLS", 4):
            uploader.plan_files(FILES)
        uploader.send(FILES)
        with calls.counting() as asked:
            answer = uploader.complete()
        assert answer.status == 400
        assert "10 parts have not arrived: 04.txt part 1, 05.txt part 1" in answer.json["detail"]
        assert asked == {"GetItem": 1, "Query": 1}

    def test_within_the_request_they_are_told_at_once(self, uploader):
        uploader.plan_files(FILES)
        uploader.plan["files"].pop(3)
        uploader.send(FILES)
        answer = uploader.complete()
        assert answer.status == 400
        assert "1 parts have not arrived: 03.txt part 1." in answer.json["detail"]

    @pytest.mark.parametrize("later", [False, True])
    def test_what_was_seen_once_is_not_looked_for_again(self, uploader, calls, monkeypatch, later):
        if later:
            monkeypatch.setattr(finishing, "REQUEST_PAGES", 5)
            monkeypatch.setattr(uploads, "REQUEST_FILES", 5)
        shrink(monkeypatch, NAMED=2, LOOK=3)
        uploader.plan_files(FILES)
        planned = {file["filename"]: file for file in uploader.plan["files"]}

        def send(*numbers):
            uploader.plan["files"] = [planned[f"{number:02}.txt"] for number in numbers]
            uploader.send(FILES)

        def complete():
            with calls.counting() as asked:
                answer = uploader.complete()
                uploader.api.deliver()
            return asked["ListParts"], (uploader.state() if later else answer.json)["detail"]

        # Of each three it asks, until two are missing.
        send(0, 1, 2, 4)
        assert complete() == (6, Told("At least 2 parts have not arrived: 03.txt part 1, 05.txt part 1."))
        assert complete() == (2, Told("At least 2 parts have not arrived: 03.txt part 1, 05.txt part 1."))
        send(3)
        assert complete() == (2, Told("At least 1 parts have not arrived: 05.txt part 1."))
        send(5, 7, 9, 10, 11)
        assert complete() == (4, Told("At least 2 parts have not arrived: 06.txt part 1, 08.txt part 1."))
        send(6, 8)
        assert complete() == (7, Told("2 parts have not arrived: 12.txt part 1, 13.txt part 1."))
        send(12, 13)
        uploader.run()
        uploader.check_whole(FILES)

    def test_what_a_request_has_no_time_for_goes_on_in_the_worker(self, uploader, monkeypatch):
        monkeypatch.setattr(uploads, "REQUEST_SECONDS", -1.0)
        uploader.plan_files(FILES)
        uploader.send(FILES)
        answer = uploader.complete()
        assert (answer.status, answer.json["state"]) == (202, "verifying")
        uploader.api.deliver()
        uploader.check_whole(FILES)
        uploader.late += AFTER_EXPIRY
        uploader.remove()


class Store:
    """ListParts as S3 answers it, or as SeaweedFS does, which lists every content that a number was sent with."""

    def __init__(self, *sent):
        """`sent` are numbers of parts in the order of time; the size of each content tells when it came."""
        self.parts = sorted((number, at) for at, number in enumerate(sent, 1))
        self.asked = 0

    def list_parts(self, *, PartNumberMarker, MaxParts, **_names):
        self.asked += 1
        # In whatever order they are listed, a page begins behind the marker's last content.
        begin = next((at for at, part in enumerate(self.parts) if part[0] > PartNumberMarker), None)
        after = [at for at, part in enumerate(self.parts, 1) if part[0] == PartNumberMarker]
        begin = after[-1] if after else begin
        behind = [] if begin is None else self.parts[begin:]
        page = behind[:MaxParts]
        listed = [
            {"PartNumber": number, "Size": at, "ETag": f'"{at}"', "LastModified": at} for number, at in page
        ]
        return {
            "Parts": listed,
            "IsTruncated": len(behind) > len(page),
            **({"NextPartNumberMarker": page[-1][0]} if page else {}),
        }

    def read(self, total):
        with patch.object(bucket, "client", lambda: self), patch.object(multipart, "PAGE", 3):
            return [(part.number, part.size) for part in multipart.list_parts("key", "id", total)]


class TestParts:
    @pytest.mark.parametrize("total", [0, 1, 3, 4, 9, 10, 12])
    def test_pages_that_are_asked_for_at_once_give_each_part_once(self, total):
        there = [1, 2, 3, 4, 7, 8, 9, 10]
        store = Store(*there)
        assert [number for number, _ in store.read(total)] == [n for n in there if n <= total]
        assert store.asked == max(1, -(-total // 2))

    def test_numbers_may_be_sorted_as_text(self):
        store = Store(*range(1, 12))
        # SeaweedFS writes them with four digits; here the second is as long as the numbers of most.
        store.parts.sort(key=lambda part: f"{part[0]:01}_")
        assert [number for number, _ in store.read(11)] == list(range(1, 12))

    @given(st.lists(st.integers(1, 10), max_size=40))
    def test_of_every_part_the_content_that_came_last_counts(self, sent):
        newest = {number: at for at, number in enumerate(sent, 1)}
        # More contents of one number than a page holds can't be told apart.
        assume(max(map(sent.count, sent), default=0) < 3)
        assert Store(*sent).read(10) == sorted(newest.items())

    def test_one_that_is_gone_is_told(self, aws):
        multipart_id = multipart.create("key", "application/octet-stream")
        multipart.abort("key", multipart_id)
        with pytest.raises(ObjectMissing):
            multipart.list_parts("key", multipart_id, 10_000)


def test_a_file_that_was_put_together_counts_as_arrived(uploader, by_the_worker):
    uploader.plan_files(FILES)
    uploader.send(FILES)
    uploader.complete()
    act(Fault(4, kill=True, reads=False), uploader.api.deliver)
    assert list(objects.list_keys("models/"))
    standing = rows.find(uploader.plan["upload_id"])
    rows.release(standing.upload.upload_id, standing.owner, rows.UPLOADING)
    page = uploader.api.get(f"{uploader.upload}/parts").json
    assert [len(file["parts"]) for file in page["files"]] == [1] * len(FILES)
    uploader.late += LATER
    assert uploader.follow(uploader.complete()).status == 200
    uploader.check_whole(FILES)


def test_pages_of_what_arrived_read_their_own_rows(uploader, calls):
    files = {f"{at:03}.txt": b"" for at in range(220)} | {"zz.txt": b"z"}
    uploader.plan_files(files)
    query, names, reads = {"limit": 60}, [], []
    while True:
        with calls.counting() as asked:
            page = uploader.api.get(f"{uploader.upload}/parts", **query).json
        reads.append(asked["Query"])
        names += [file["filename"] for file in page["files"]]
        if page["next_token"] is None:
            break
        query["next_token"] = page["next_token"]
    assert names == sorted(files)
    assert reads == [1] * 4


class TestManyContents:
    """Contents that are there already, of which many are asked for at once."""

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch):
        # A Query reads a megabyte; here it reads as many rows as the first page is told to.
        original = table.pages

        def paged(range_, *, size=None, **options):
            if size is not None:
                yield from original(range_, size=size, **options)
                return
            whole = [row for page in original(range_, **options) for row in page.rows]
            for start in range(0, len(whole), 20):
                rows = whole[start : start + 20]
                yield RowPage(rows, rows[-1].sk if start + 20 < len(whole) else None)

        monkeypatch.setattr(contents.table, "pages", paged)

    def stored(self, numbers):
        files = [file for file in made_up_files(max(numbers) + 1) if int(file.etag.strip('"')) in numbers]
        plant(files=files)
        [record] = versions.read_many([("ana", "iris", "v1")])
        table.write_many(versions.content_rows(record, files).values())
        return {file.sha256: file for file in files}

    @pytest.mark.parametrize("worth", [1, 5, 1_000])
    def test_what_is_found_does_not_depend_on_how(self, aws, monkeypatch, worth):
        there = self.stored(set(range(0, 150, 2)))
        asked = {file.sha256 for file in made_up_files(150)} | {"0" * 64, "f" * 64}
        monkeypatch.setattr(contents, "WORTH", worth)
        found, unknown = contents.find_many("ana", asked)
        singly = {sha256: contents.find("ana", sha256) for sha256 in unknown}
        both = {**found, **{sha256: content for sha256, content in singly.items() if content}}
        assert {sha256: content.file for sha256, content in both.items()} == there
        assert not found.keys() & unknown
        assert bool(found) is (worth < 1_000)

    def test_few_that_are_stored_take_one_query(self, aws, monkeypatch, calls):
        self.stored({1, 2, 3})
        monkeypatch.setattr(contents, "WORTH", 50)
        with calls.counting() as asked:
            found, unknown = contents.find_many("ana", [file.sha256 for file in made_up_files(100)])
        assert (len(found), unknown, asked) == (3, set(), {"Query": 1})

    def test_reading_stops_when_few_are_answered(self, aws, monkeypatch):
        self.stored(set(range(200)))
        monkeypatch.setattr(contents, "WORTH", 6)
        found, unknown = contents.find_many("ana", [file.sha256 for file in made_up_files(8)])
        assert len(unknown) > 4
        assert len(found) + len(unknown) == 8


def test_a_plan_stops_looking_for_contents_in_time(uploader, monkeypatch):
    uploader.api.upload(b"weights", model_id="first")
    listed = [
        {"filename": "a.bin", "file_size": 7, "file_hash": hashlib.sha256(b"weights").hexdigest()},
    ]
    for seconds, already in ((10.0, True), (-1.0, False)):
        monkeypatch.setattr(plans, "LOOKING_SECONDS", seconds)
        [file] = uploader._asked("files", files=listed).json["files"]
        assert file["already_stored"] is already
        assert bool(file["parts"]) is not already
        uploader.abort()
