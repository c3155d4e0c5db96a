"""An archive of much work is unpacked by several runs at once, and the last of them publishes."""

import threading
from contextlib import suppress

import pytest
from api import Context, everything
from each import each
from faults import Killed, kills
from stealing import stolen, taken
from uploading import AFTER_EXPIRY, LATER, Uploader, zipped

from chalicelib.archive import units
from chalicelib.registry import clock, sharing
from chalicelib.store import keys, objects, shares, uploads
from chalicelib.store.table import ConditionFailed

FILES = {f"{at:02}.txt": b"%02d" % at * 4 for at in range(40)}
COUNT = 4


@pytest.fixture
def uploader(api, monkeypatch):
    uploader, now = Uploader(api), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + uploader.late)
    monkeypatch.setattr(units, "TOGETHER_MEMBERS", 1)
    monkeypatch.setattr(sharing, "SHARE", len(FILES) * units.MEMBER_COST // COUNT)
    return uploader


def send(uploader, files=FILES, archive=None):
    """Sends a ZIP and completes its upload."""
    archive = archive or zipped(files)
    uploader.plan_folder(archive)
    uploader.send(archive=archive)
    uploader.complete()


def share_out(uploader):
    """Has the first run cut the archive into shares; the tasks of these."""
    uploader.api.deliver(keys.archive_key(uploader.plan["upload_id"]))
    return sorted(objects.list_keys("tasks/share/"))


def test_each_share_is_for_a_run_of_its_own_and_the_last_publishes(uploader, monkeypatch):
    # No run takes the share of another here.
    monkeypatch.setattr(sharing._Run, "take", _only_its_own(sharing._Run.take))
    send(uploader)
    tasks = share_out(uploader)
    assert len(tasks) == COUNT
    assert uploader.state()["state"] == "unpacking"
    for number, task in each(enumerate(tasks)):
        state = uploader.state()
        assert (state["state"], state["files_done"], state["files_total"]) == ("unpacking", 10 * number, 40)
        assert state["bytes_done"] == sum(len(data) for data in list(FILES.values())[: 10 * number])
        assert not uploader.is_there()
        uploader.api.deliver(task)
    uploader.check_whole(FILES)
    uploader.remove()


def _only_its_own(take):
    def one(run, first):
        do = run._do
        run._do = lambda number, *rest: number == first and do(number, *rest)
        return take(run, first)

    return one


def test_a_run_goes_on_with_shares_that_nobody_takes(uploader):
    send(uploader)
    uploader.api.deliver(share_out(uploader)[2])
    uploader.check_whole(FILES)
    uploader.remove()


def test_runs_side_by_side_make_each_file_once(uploader, calls):
    send(uploader)
    tasks = share_out(uploader)
    with calls.counting() as names:
        threads = [threading.Thread(target=uploader.api.deliver, args=(task,)) for task in tasks * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    uploader.check_whole(FILES)
    # The files, the manifest and the list of files.
    assert names["PutObject"] == len(FILES) + 2
    uploader.remove()


def test_events_that_come_late_or_again_change_nothing(uploader):
    send(uploader)
    tasks = share_out(uploader)
    archive = keys.archive_key(uploader.plan["upload_id"])
    uploader.api.deliver(tasks[0])
    before = everything()
    for task in (archive, *tasks, *tasks):
        uploader.api.deliver(task)
    assert everything() == before
    uploader.check_whole(FILES)
    uploader.remove()


def test_a_run_that_slept_shares_nothing_out(uploader):
    def sleep(_):
        uploader.late += LATER

    send(uploader)
    upload_id = uploader.plan["upload_id"]
    # The first write of it claims it.
    with stolen(uploads.key(upload_id), sleep):
        assert share_out(uploader) == []
    assert list(shares.of(upload_id)) == []


def test_a_run_that_lost_the_upload_calls_nobody_for_its_shares(uploader):
    send(uploader)
    with stolen(uploads.key(uploader.plan["upload_id"]), taken, number=1):
        assert share_out(uploader) == []


def test_a_run_that_finds_the_upload_taken_does_no_share(uploader, calls):
    send(uploader)
    task, *_ = share_out(uploader)
    with stolen(uploads.key(uploader.plan["upload_id"]), taken), calls.counting() as names:
        uploader.api.deliver(task)
    assert (names["UpdateItem"], names["PutObject"]) == (1, 0)


def test_a_run_that_lost_the_upload_ends_its_share_in_silence(uploader):
    send(uploader)
    task, *_ = share_out(uploader)
    # The first write of it renews the lease.
    with stolen(uploads.key(uploader.plan["upload_id"]), taken, number=1):
        uploader.api.deliver(task)
    assert uploader.state()["state"] == "unpacking"
    assert not any(share.owner for share in shares.of(uploader.plan["upload_id"]))


def test_a_first_run_that_comes_again_disturbs_nobody(uploader):
    send(uploader)
    tasks = share_out(uploader)
    assert share_out(uploader) == tasks
    uploader.api.deliver(tasks[0])
    uploader.check_whole(FILES)
    uploader.remove()


def test_a_share_that_runs_out_of_time_is_gone_on_with(uploader, monkeypatch):
    send(uploader)
    share_out(uploader)
    checks = iter(range(10_000))
    monkeypatch.setattr(
        Context, "get_remaining_time_in_millis", lambda self: 0 if next(checks) % 15 == 14 else 900_000
    )
    runs = 0
    while uploader.state()["state"] != "ready":
        assert runs < 30
        uploader.api.deliver(*sorted(objects.list_keys("tasks/")))
        runs += 1
    uploader.check_whole(FILES)
    uploader.remove()


def damaged():
    archive = bytearray(zipped(FILES))
    place = archive.index(b"31313131")
    archive[place] ^= 1
    return bytes(archive)


def test_a_damaged_member_fails_the_upload_and_leaves_nothing(uploader, monkeypatch):
    monkeypatch.setattr(sharing._Run, "take", _only_its_own(sharing._Run.take))
    send(uploader, archive=damaged())
    for task in share_out(uploader):
        uploader.api.deliver(task)
    failed = uploader.state()
    assert failed["state"] == "failed"
    assert "31.txt" in failed["detail"]
    upload_id = uploader.plan["upload_id"]
    assert everything() == (set(), set(), {(f"upload#{upload_id}", "upload")})


def test_a_run_that_lost_the_upload_waits_for_no_other_to_undo_it(uploader, monkeypatch):
    def lost(*_, **__):
        raise ConditionFailed

    waited = []
    monkeypatch.setattr(uploads, "take_over", lost)
    monkeypatch.setattr(sharing._Run, "_others_work", waited.append)
    send(uploader, archive=damaged())
    uploader.api.deliver(*share_out(uploader))
    assert (waited, uploader.state()["state"]) == ([], "unpacking")


def test_the_upload_is_undone_only_when_the_other_runs_have_stopped(uploader, monkeypatch):
    monkeypatch.setattr(sharing._Run, "take", _only_its_own(sharing._Run.take))
    send(uploader, archive=damaged())
    tasks = share_out(uploader)
    upload_id = uploader.plan["upload_id"]
    shares.claim(upload_id, 1, "another", now=clock.now(), lease_until=clock.now() + 50)
    waits = []

    def wait(seconds):
        waits.append(seconds)
        assert uploader.state()["state"] == "unpacking"
        if len(waits) == 3:
            shares.release(upload_id, 1, "another")

    monkeypatch.setattr(sharing.time, "sleep", wait)
    uploader.api.deliver(tasks[3])
    assert len(waits) == 3
    assert uploader.state()["state"] == "failed"


def test_a_run_that_is_killed_is_followed_by_another(uploader, monkeypatch):
    """In turn by an event that is delivered again, and by the sweep alone."""
    files = {path: FILES[path] for path in list(FILES)[:2]}
    monkeypatch.setattr(sharing, "SHARE", units.MEMBER_COST)
    sent = uploader.once(lambda: send(uploader, files))
    for number, fault in enumerate(kills()):
        sent()
        task = share_out(uploader)[0]
        with suppress(Killed), fault.acting():
            uploader.api.deliver(task)
        if number % 2:
            uploader.late += 70
            uploader.api.deliver()
        for _ in range(3):
            if uploader.state()["state"] != "ready":
                uploader.wait()
        uploader.check_whole(files)
        uploader.late += AFTER_EXPIRY
        uploader.remove()
