"""Somebody else changes a row of an upload between a check and the write: the write finds out, and changes nothing."""

import hashlib

import pytest
from api import Api, everything
from shrinking import shrink
from stealing import THIEF, changed, removed, row, stolen, taken
from uploading import FILES, LATER

from chalicelib.registry import clock, finishing
from chalicelib.registry.sweeping import sweep
from chalicelib.schema.records import ExpectedFile
from chalicelib.store import keys, leases, objects, shares, table, uploads, versions
from chalicelib.store.table import Changes, ConditionFailed

ME = "me"
NOW = 1_000_000_000
"""Long before any lease that a test gives, and long after none at all."""


@pytest.fixture
def upload(uploader):
    """An open upload whose bytes have arrived, with two shares."""
    uploader.plan_files()
    uploader.send()
    standing = uploads.find(uploader.plan["upload_id"])
    changed(owner=ME)(own(standing))
    shares.begin(standing, ME, 2, (2, 7), lease_until=0)
    table.update(own(standing), leases.given_back())
    return standing


def own(standing):
    return uploads.key(standing.upload.upload_id)


def reservation(_=None):
    return versions.key("ana", "m", "v1")


def expected(standing):
    return keys.upload_pk(standing.upload.upload_id), f"{keys.EXPECTED}000000"


def share(standing):
    return shares.key(standing.upload.upload_id, 1)


def claim(standing):
    uploads.claim(standing.upload.upload_id, ME, now=NOW, lease_until=NOW + 60)


def claim_here(standing):
    uploads.claim_here(standing, ME, now=NOW, lease_until=NOW + 60)


def take_over(standing):
    uploads.take_over(standing.upload.upload_id, "group", ME, lease_until=NOW + 60)


def move(standing):
    uploads.move(standing, uploads.VERIFYING, due_at=NOW + 300, now=NOW, held_by=ME)


def renew(standing):
    leases.renew(own(standing), ME, until=NOW + 60, progress={"files_done": 1})


def end(standing):
    table.transact(Changes(updates=[uploads.ended(standing, ME, uploads.READY, until=NOW)]))


def vanish(standing):
    table.transact(Changes(deletes=[uploads.gone(standing, ME)]))


def begin_shares(standing):
    shares.begin(standing, ME, 3, (9, 9), lease_until=NOW)


def end_of_share(standing):
    shares.end(standing.upload.upload_id, 1, ME, "group", {"files_done": 1})


def end_of_a_share_of_ours(standing):
    changed(owner="group")(own(standing))
    end_of_share(standing)


def claim_share(standing):
    shares.claim(standing.upload.upload_id, 1, ME, now=NOW, lease_until=NOW + 60)


def save_expected(standing):
    file = ExpectedFile(path="other", size=1, content_type="a/b")
    uploads.save_expected(uploads.ExpectedChunk(standing.upload.upload_id, 0, [file], 1))


@pytest.mark.parametrize(
    ("key", "act", "write"),
    [
        *((own, act, claim) for act in (taken, removed)),
        *((own, changed(state=state), claim) for state in (uploads.READY, uploads.FAILED, uploads.EXPIRED)),
        *(
            (own, act, claim_here)
            for act in (taken, removed, changed(due_at=NOW), changed(state=uploads.READY))
        ),
        *((own, act, take_over) for act in (taken, removed)),
        *((own, act, move) for act in (taken, removed, changed(due_at=NOW), changed(state=uploads.READY))),
        *((own, act, write) for act in (taken, removed) for write in (renew, end, vanish, begin_shares)),
        *((own, act, end_of_share) for act in (taken, removed)),
        *((share, act, claim_share) for act in (taken, removed, changed(state=shares.DONE))),
        *((share, act, end_of_a_share_of_ours) for act in (taken, removed)),
        *((expected, act, save_expected) for act in (changed(revision=2), removed)),
    ],
)
def test_a_write_that_expects_another_state_changes_nothing(upload, key, act, write):
    act(key(upload))
    before = row(key(upload))
    with pytest.raises(ConditionFailed):
        write(upload)
    assert row(key(upload)) == before


@pytest.mark.parametrize("act", [taken, removed])
def test_what_is_not_ours_any_more_is_not_given_back(upload, act):
    upload_id = upload.upload.upload_id
    for key, give_back in (
        (own, lambda: uploads.release(upload_id, ME, uploads.UPLOADING, "said")),
        (share, lambda: shares.release(upload_id, 1, ME)),
    ):
        act(key(upload))
        before = row(key(upload))
        give_back()
        assert row(key(upload)) == before


@pytest.mark.parametrize("act", [removed, changed(state=uploads.READY), changed(state=uploads.FAILED)])
def test_what_has_arrived_is_not_noted_of_an_upload_that_ended(upload, act):
    act(own(upload))
    before = row(own(upload))
    uploads.note_looked(upload.upload.upload_id, 1, [0])
    assert row(own(upload)) == before


def test_what_is_ours_is_given_back_for_anyone(upload):
    upload_id = upload.upload.upload_id
    claim_here(upload)
    claim_here(upload)  # Its first answer may have been lost.
    uploads.release(upload_id, ME, uploads.UPLOADING, "said")
    standing = uploads.find(upload_id)
    assert (standing.state, standing.owner, standing.detail) == (uploads.UPLOADING, None, "said")
    uploads.claim(upload_id, THIEF, now=NOW, lease_until=NOW + 60)


def test_a_lease_is_held_to_its_last_second(upload):
    upload_id = upload.upload.upload_id
    uploads.claim(upload_id, THIEF, now=NOW - 60, lease_until=NOW)
    for write in (claim, move):
        with pytest.raises(ConditionFailed):
            write(upload)
    changed(lease_until=NOW - 1)(own(upload))
    claim(upload)
    assert row(own(upload))["owner"] == ME


def test_runs_that_hold_an_upload_together_can_be_taken_it_from(upload):
    changed(owner="group", lease_until=NOW + 60)(own(upload))
    take_over(upload)
    take_over(upload)  # Its first answer may have been lost.
    assert row(own(upload))["owner"] == ME


def test_who_lost_its_lease_looks_for_no_parts(uploader, monkeypatch, calls):
    shrink(monkeypatch, REQUEST_PAGES=0)
    uploader.plan_files()
    uploader.send()

    def sleep(_):
        uploader.late += LATER

    with stolen(uploads.key(uploader.plan["upload_id"]), sleep), calls.counting() as names:
        assert uploader.complete().status == 202
    assert names["UpdateItem"] == 1
    assert names["ListParts"] == 0


def test_an_upload_that_was_taken_over_is_not_undone_for_what_is_wrong_with_it(uploader):
    listed = [{"filename": "a.bin", "file_size": 1, "file_hash": "0" * 64}]
    uploader._asked("files", files=listed)
    uploader.send({"a.bin": b"a"})
    key = uploads.key(uploader.plan["upload_id"])
    # The first write of it claims the upload.
    with stolen(key, taken, number=1):
        assert uploader.complete().status == 202
    assert row(key)["owner"] == THIEF
    assert row(reservation())["state"] == versions.UPLOADING


def test_the_sweep_calls_nobody_for_an_upload_that_was_taken_meanwhile(uploader):
    uploader.plan_files()
    uploader.send()
    standing = uploads.find(uploader.plan["upload_id"])
    uploads.move(standing, uploads.VERIFYING, due_at=clock.now(), now=clock.now())
    uploader.late += LATER
    with stolen(own(standing), taken):
        sweep()
    assert list(objects.list_keys("tasks/")) == []


def test_what_is_gone_is_noted_in_a_list_that_was_changed_meanwhile(uploader):
    uploader.api.upload(FILES["model.pt"], model_id="first")
    sha256 = hashlib.sha256(FILES["model.pt"]).hexdigest()
    uploader._asked("files", files=[{"filename": "copy.pt", "file_size": 7, "file_hash": sha256}])
    uploader.api.delete("/ai-models/ana/first")
    standing = uploads.find(uploader.plan["upload_id"])
    with stolen(expected(standing), changed(revision=7)):
        assert finishing.note_gone(standing.upload) == ["copy.pt"]
    [chunk] = uploads.expected(standing.upload.upload_id)
    assert [file.copy_of for file in chunk.files] == [None]


def test_a_name_that_is_taken_while_it_is_reserved_stays_taken(uploader):
    with stolen(reservation(), lambda _: uploader.form()):
        answer = uploader.plan_files()
    assert (answer.status, answer.json["detail"].split(";")[0]) == (
        409,
        "Version v1 of model ana/m already exists",
    )
    uploader.check_whole({"model.pt": FILES["model.pt"]})


def test_an_id_that_is_taken_while_it_is_reserved_stays_taken(uploader):
    chosen = "c" * 32
    other = {"user_id": "ana", "model_id": "other", "name": "O", "filename": "a", "file_size": 1}

    def take(_):
        assert uploader.api.post("/ai-models/upload/single", {**other, "upload_id": chosen}).status == 200

    with stolen(uploads.key(chosen), take):
        answer = uploader.plan_files(upload_id=chosen)
    assert (answer.status, answer.json["detail"].split(":")[0]) == (409, "upload_id is " + chosen)
    assert uploads.find(chosen).upload.id == ("ana", "other", "v1")
    assert row(reservation()) is None


@pytest.mark.parametrize("thief", [changed(upload_id="0" * 32), changed(state=versions.DELETING), removed])
@pytest.mark.parametrize("form", [False, True])
def test_a_version_is_not_published_on_a_reservation_that_is_lost(uploader, form, thief):
    if not form:
        uploader.plan_files()
        uploader.send()
    # A form reserves first.
    with stolen(reservation(), thief, number=int(form)):
        answer = uploader.form() if form else uploader.complete()
    assert answer.status == (503 if form else 202), answer.content
    assert not uploader.is_there()
    assert (row(reservation()) or {}).get("body") is None
    assert uploader.api.get("/ai-models/ana").json["models"] == []


@pytest.mark.parametrize("thief", [taken, removed])
def test_a_version_is_not_published_by_an_upload_that_was_taken_over(uploader, thief):
    uploader.plan_files()
    uploader.send()
    key = uploads.key(uploader.plan["upload_id"])
    # The first write of it claims the upload.
    with stolen(key, thief, number=1):
        answer = uploader.complete()
    assert answer.status == (202 if thief is taken else 404), answer.content
    assert not uploader.is_there()
    if thief is taken:
        assert row(key)["owner"] == THIEF


def test_who_sleeps_longer_than_the_lease_writes_no_manifest(uploader):
    def sleep(_):
        uploader.late += LATER

    uploader.plan_files({f"{at}.txt": b"" for at in range(12)})
    # The list of a long version's files is the last that is written before its manifest.
    with stolen("manifests/ana/m/v1.files.jsonl", sleep):
        assert uploader.complete().status == 202
    assert row(reservation())["state"] == versions.UPLOADING
    assert "manifests/ana/m/v1.json" not in everything()[0]
    assert uploader.follow(uploader.complete()).status == 200


def test_undoing_leaves_a_version_that_is_not_its_own(uploader):
    uploader.plan_files()
    with stolen(reservation(), changed(upload_id="0" * 32)):
        assert uploader.abort().status == 409
    assert row(reservation())["upload_id"] == "0" * 32


def publish_meanwhile(key):
    changed(state=versions.READY)(key)


def reserve_meanwhile(key):
    removed(key)
    body = {"user_id": "ana", "model_id": "m", "name": "M", "filename": "a", "file_size": 1}
    assert Api().post("/ai-models/upload/single", body).status == 200


@pytest.mark.parametrize("act", [publish_meanwhile, reserve_meanwhile])
def test_a_reservation_that_is_no_dead_one_any_more_is_not_cleared(uploader, act):
    uploader.plan_files(FILES)
    removed(uploads.key(uploader.plan["upload_id"]))
    kept = []

    def steal(key):
        act(key)
        kept.append(row(key))

    # The first write of it is the attempt to reserve it.
    with stolen(reservation(), steal, number=1):
        assert uploader.form().status == 409
    assert [row(reservation())] == kept
