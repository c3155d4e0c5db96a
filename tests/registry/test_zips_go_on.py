"""A ZIP that one run can't put together is gone on with by the next, which makes no part again."""

import io
import random
import threading
import zipfile
from contextlib import suppress

import pytest
from api import Context, everything
from faults import Fault, Killed
from interleaving import just_before
from shrinking import shrink
from uploading import zipped

from chalicelib.archive.layout import Entry, plan_archive
from chalicelib.archive.parts import plan_parts
from chalicelib.registry import clock, zipping
from chalicelib.settings import MIB
from chalicelib.store import builds, multipart, objects

FILES = {f"{size}.bin": random.Random(size).randbytes(size * MIB) for size in (5, 6, 7)}
PARTS = len(plan_parts(plan_archive(Entry(name, len(data), 0) for name, data in FILES.items())))
NET = "/ai-models/ana/net"


@pytest.fixture
def asked(api, monkeypatch):
    """A version whose ZIP a worker is called for."""
    monkeypatch.setattr(zipping, "WAIT", 0)
    monkeypatch.setattr(zipping, "QUICK_FILES", 1)
    monkeypatch.setattr(zipping, "THREADS", 1)
    api.upload_zip(zipped(FILES))
    assert api.get(f"{NET}/download").status == 202
    return api


def whole(api):
    answer = api.get(f"{NET}/download", accept="application/zip")
    assert answer.status == 307
    (key,) = objects.list_keys("zips/")
    with zipfile.ZipFile(io.BytesIO(objects.get(key))) as archive:
        return (
            archive.testzip() is None and {name: archive.read(name) for name in archive.namelist()} == FILES
        )


def left(api):
    api.delete(NET)
    return everything()


def test_a_run_whose_time_is_over_calls_another_which_goes_on(asked, calls, monkeypatch):
    checks = iter(range(1_000))
    monkeypatch.setattr(
        Context, "get_remaining_time_in_millis", lambda self: 0 if next(checks) == 2 else 900_000
    )
    with calls.counting() as names:
        asked.deliver()
        assert asked.get(f"{NET}/download").status == 202
        made = names["UploadPart"] + names["UploadPartCopy"]
        assert made == 2
        asked.deliver()
    assert names["UploadPart"] + names["UploadPartCopy"] == PARTS
    assert names["CreateMultipartUpload"] == 1
    assert whole(asked)
    assert left(asked) == (set(), set(), set())


def test_what_a_killed_run_made_is_not_made_again(asked, calls, monkeypatch):
    now = clock.now()
    with Fault(4, kill=True, reads=False).acting(), suppress(Killed):
        asked.deliver()
    (key,) = everything()[1]
    begun = builds.claim(key, "looks", now=now + 100, lease_until=now + 100)
    arrived = len(multipart.list_parts(key, begun.multipart_id, PARTS))
    assert arrived
    monkeypatch.setattr(clock, "now", lambda: now + 300)
    with calls.counting() as names:
        asked.deliver()
    assert names["UploadPart"] + names["UploadPartCopy"] == PARTS - arrived
    assert whole(asked)
    assert left(asked) == (set(), set(), set())


def test_parts_of_another_plan_are_not_used(asked, calls, monkeypatch):
    with monkeypatch.context() as short:
        short.setattr(Context, "get_remaining_time_in_millis", lambda self: 0)
        asked.deliver()
    (key,) = everything()[1]
    now = clock.now()
    begun = builds.claim(key, "looks", now=now, lease_until=now)
    builds.note(key, "looks", builds.Begun(begun.multipart_id, "another"))
    builds.leave(key, "looks", lease_until=now)
    with calls.counting() as names:
        asked.deliver()
    assert names["AbortMultipartUpload"] == 1
    assert whole(asked)
    assert left(asked) == (set(), set(), set())


def test_a_build_that_the_sweep_gave_up_begins_anew(asked, monkeypatch):
    with monkeypatch.context() as short:
        short.setattr(Context, "get_remaining_time_in_millis", lambda self: 0)
        asked.deliver()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 300)
    zipping.give_up_dead()
    assert everything()[1] == set()
    asked.deliver()
    assert whole(asked)
    assert left(asked) == (set(), set(), set())


def test_two_runs_at_once_are_one_build(asked, calls):
    (task,) = objects.list_keys("tasks/")
    with calls.counting() as names:
        threads = [threading.Thread(target=asked.deliver, args=(task,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names["CreateMultipartUpload"] == 1
    assert whole(asked)
    assert left(asked) == (set(), set(), set())


def test_a_version_that_is_another_by_the_time_its_list_is_read_is_not_zipped(api, monkeypatch):
    shrink(monkeypatch, INLINE_FILES=1)
    old, new = (dict.fromkeys(("a.bin", "b.bin"), data) for data in (b"old", b"new"))
    api.upload_zip(zipped(old))

    def replace():
        assert api.delete(NET).status == 200
        assert api.upload_zip(zipped(new)).status == 200

    # Before its list are read: the version, whether its ZIP is there, and twice who makes it.
    with just_before(4, replace) as made:
        assert api.get(f"{NET}/download").status == 404
    assert made[4] == "Query"
    assert not list(objects.list_keys("zips/"))
