"""Pulling from the whole service, and from one that says and breaks what a test wants."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from each import each
from pretender import Pretender, once
from trees import run_at_once, tree

from weighthouse import Client, ContentMismatch, InvalidInput, LocalEdits, StoreRefused
from weighthouse.pull.places import part_of
from weighthouse.settings import NotKept

MIB = 1 << 20
RANGE = 2 * MIB
LARGE = random.Random(1).randbytes(2 * RANGE + MIB + 17)
FILES = {"config.json": b"{}", "empty": b"", "sub/deep/weights.bin": LARGE, "sub/ü 模型.txt": b"text" * 9}


@pytest.fixture(scope="module")
def store():
    with Pretender(FILES) as pretender:
        yield pretender


@pytest.fixture
def pretended(store):
    """A registry whose behaviour the test may change."""
    fresh = Pretender(FILES)
    store.__dict__.update({k: v for k, v in fresh.__dict__.items() if k not in ("_lock",)})
    return store


@pytest.fixture
def pull(pretended, tmp_path, monkeypatch):
    monkeypatch.setattr("weighthouse.pull.ranges._SHORTEST", RANGE)

    def run(directory=tmp_path / "to", **options):
        with Client(pretended.url) as client:
            return client.pull("u", "m", "v1", directory=directory, **options)

    return run


def test_a_pull_gives_every_file_as_it_was_stored(client, stored, tmp_path):
    stored("puller", "whole", FILES)
    pulled = client.pull("puller", "whole", directory=tmp_path / "to")
    assert tree(tmp_path / "to") == FILES
    size = sum(map(len, FILES.values()))
    assert (pulled.version, pulled.files_total, pulled.bytes_total) == ("v1", 4, size)
    assert (pulled.files_fetched, pulled.bytes_fetched) == (3, size)


def test_files_that_are_there_and_equal_are_not_fetched(client, stored, tmp_path):
    stored("puller", "twice", {"a": b"a" * 10, "b": b"b" * 10})
    client.pull("puller", "twice", directory=tmp_path)
    (tmp_path / "b").write_bytes(b"x" * 10)
    again = client.pull("puller", "twice", directory=tmp_path, force=True)
    assert (again.files_fetched, again.bytes_fetched) == (1, 10)
    assert (tmp_path / "b").read_bytes() == b"b" * 10
    assert client.pull("puller", "twice", directory=tmp_path).bytes_fetched == 0


def test_a_file_is_read_again_only_when_it_has_changed_since(pull, tmp_path, monkeypatch):
    read = []

    def heed(progress):
        if progress.phase == "checking":
            read.append(progress.bytes_moved)

    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    monkeypatch.setattr("weighthouse.hashes._clock", lambda device, folder: time.time_ns() + 10**12)
    pull()
    for expected in (2, 0):
        read.clear()
        assert pull(include=["config.json"], on_progress=heed).bytes_fetched == 0
        assert max(read) == expected
    (tmp_path / "to/config.json").write_bytes(b"[]")
    assert pull(include=["config.json"], force=True).bytes_fetched == 2


def test_a_state_folder_that_cannot_be_made_is_done_without(pull, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.warns(NotKept, match="not remembered"):
        pull()
    assert pull().bytes_fetched == 0


def test_only_what_the_patterns_choose_is_pulled(pull, tmp_path):
    assert pull(include=["sub/"], exclude=["*.bin"]).files_total == 1
    assert set(tree(tmp_path / "to")) == {"sub/ü 模型.txt"}
    with pytest.raises(InvalidInput, match="nothing"):
        pull(include=["nothing"])


KILLED = f"""
import os, signal, sys
import weighthouse.progress
import weighthouse.pull.ranges
from weighthouse import Client
weighthouse.progress._EVERY = 0
weighthouse.pull.ranges._SHORTEST = {RANGE}
url, folder, limit = sys.argv[1:]
def heed(progress):
    if progress.phase == "fetching" and progress.bytes_moved >= int(limit):
        os.kill(os.getpid(), signal.SIGKILL)
Client(url).pull("u", "m", "v1", directory=folder, on_progress=heed)
"""


def test_a_pull_that_was_killed_goes_on_with_what_is_missing(pull, pretended, tmp_path, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    seen = []
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, pretended.url, tmp_path / "to", str(3 * MIB)],
        check=False,
        timeout=30,
    )
    assert killed.returncode == -signal.SIGKILL
    there = tree(tmp_path / "to")
    assert "sub/deep/weights.bin" not in there
    assert all(data == FILES[name] for name, data in each(there.items()) if not name.endswith("-part"))
    pulled = pull(on_progress=seen.append)
    assert tree(tmp_path / "to") == FILES
    assert pulled.bytes_fetched <= len(LARGE) - 2 * MIB
    # What arrived before is in the bar of the file, and in the total, from the start.
    there = len(LARGE) - pulled.bytes_fetched
    bars = [
        (progress.bytes_done, file.bytes_done)
        for progress in seen
        if progress.phase == "fetching"
        for file in progress.files
        if file.filename == "sub/deep/weights.bin"
    ]
    assert min(bar for _, bar in bars) >= there
    assert all(total >= bar for total, bar in each(bars))
    # Small files may follow the large one.
    assert max(bar for _, bar in bars) == len(LARGE)
    assert max(progress.bytes_done for progress in seen) == pulled.bytes_total


@pytest.mark.parametrize(("content", "fetched"), [(LARGE, 0), (bytes(len(LARGE)), len(LARGE))])
def test_a_file_that_only_lacked_its_name_is_checked_and_not_fetched_again(pull, tmp_path, content, fetched):
    part = tmp_path / "to" / part_of("sub/deep/weights.bin")
    part.parent.mkdir(parents=True)
    part.write_bytes(content)
    pulled = pull(include=["weights.bin"])
    assert (tmp_path / "to/sub/deep/weights.bin").read_bytes() == LARGE
    assert pulled.bytes_fetched == fetched
    assert len(tree(tmp_path / "to")) == 1


def test_ctrl_c_ends_all_threads_and_the_next_pull_goes_on(pull, tmp_path, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)

    def heed(progress):
        if progress.phase == "fetching" and progress.bytes_moved > 3 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(on_progress=heed)
    for thread in each(threading.enumerate()):
        if thread.name.startswith("weighthouse"):
            thread.join(5)
            assert not thread.is_alive()
    assert not (tmp_path / "to/sub/deep/weights.bin").exists()
    assert pull().bytes_fetched < len(LARGE) - 2 * MIB
    assert tree(tmp_path / "to") == FILES


def test_an_answer_that_breaks_off_is_gone_on_with_where_it_broke(pull, pretended, tmp_path):
    pretended.faults = [once(0.5, "sub/deep/weights.bin", RANGE), once(503), once(0.3, "sub/ü 模型.txt")]
    pull()
    assert tree(tmp_path / "to") == FILES
    assert ("sub/deep/weights.bin", RANGE + MIB, 2 * RANGE) in [asked[:3] for asked in pretended.requests]


def test_wrong_content_is_fetched_anew_once(pull, pretended, tmp_path):
    wrong = bytes(len(LARGE))
    pretended.faults = [once(wrong, "sub/deep/weights.bin", RANGE), once(b"[]", "config.json")]
    assert pull().bytes_fetched > 2 * len(LARGE)
    assert tree(tmp_path / "to") == FILES


@pytest.mark.parametrize("name", ["config.json", "sub/deep/weights.bin"])
def test_content_that_stays_wrong_is_an_error_that_names_both_hashes(pull, pretended, tmp_path, name):
    pretended.recorded = {name: {"file_hash": "ab" * 32}}
    with pytest.raises(ContentMismatch) as wrong:
        pull()
    assert name in wrong.value.detail
    assert "ab" * 32 in wrong.value.detail
    assert hashlib.sha256(FILES[name]).hexdigest() in wrong.value.detail
    assert not (tmp_path / "to" / name).exists()


def test_a_wrong_crc_is_noticed_and_unknown_hashes_are_not_compared(pull, pretended, tmp_path):
    pretended.recorded = {"config.json": {"file_hash": None}, "empty": {"file_hash": None, "crc32": None}}
    pull()
    assert tree(tmp_path / "to") == FILES
    assert pull().bytes_fetched == 0
    pretended.recorded = {"config.json": {"file_hash": None, "crc32": "00000000"}}
    with pytest.raises(ContentMismatch, match="CRC-32"):
        pull()


def test_a_part_that_was_changed_is_noticed(pull, pretended, tmp_path, monkeypatch):
    name = "sub/deep/weights.bin"
    pretended.faults = [lambda asked, start: 404 if start >= RANGE else None]
    with pytest.raises(StoreRefused):
        pull()
    part = tmp_path / "to" / part_of(name)
    with part.open("r+b") as file:
        file.write(b"wrong")
    pretended.faults = []
    pull()
    assert tree(tmp_path / "to") == FILES


def test_an_object_that_was_replaced_is_begun_anew(pull, pretended, tmp_path, monkeypatch):
    monkeypatch.setattr("weighthouse.pull.fetching._WORKERS", 1)
    name = "sub/deep/weights.bin"

    def replace(asked, start):
        if asked == name and start >= RANGE:
            pretended.etags[name] = '"two"'

    pretended.faults = [replace]
    pull()
    assert tree(tmp_path / "to") == FILES
    asked = [
        (start, headers.get("If-Match")) for asked, start, _, headers in pretended.requests if asked == name
    ]
    assert asked[:4] == [(0, None), (RANGE, '"one"'), (0, None), (RANGE, '"two"')]


def test_an_expired_url_is_replaced_by_a_fresh_one(pull, pretended, tmp_path):
    def expire(asked, start):
        if not pretended.generation:
            pretended.generation = 1

    pretended.faults = [expire]
    pull()
    assert tree(tmp_path / "to") == FILES


def test_a_url_that_is_refused_however_fresh_is_an_error(pull, pretended):
    pretended.faults = [lambda asked, start: 403]
    with pytest.raises(StoreRefused, match=r"'config\.json': .* 403"):
        pull(include=["config.json"])


def test_all_pages_are_pulled(pull, pretended, tmp_path):
    pretended.page_size = 3
    pull()
    assert tree(tmp_path / "to") == FILES


@pytest.mark.parametrize("name", ["../up", "/tmp/abs", "a\\b", "a\x1b[2J"])
def test_a_hostile_name_is_refused_before_anything_is_written(pull, pretended, tmp_path, name):
    pretended.files = {"fine": b"x", name: b"x"}
    with pytest.raises(InvalidInput) as refused:
        pull()
    assert refused.value.detail.isprintable()
    assert not (tmp_path / "to").exists()


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(pull, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "config.json").symlink_to(outside)
    with pytest.raises(LocalEdits, match=r"'config\.json'"):
        pull()
    pull(force=True)
    assert tree(tmp_path / "to") == FILES
    assert outside.read_bytes() == b"mine"
    assert not (tmp_path / "to" / "config.json").is_symlink()


def test_two_pulls_into_one_folder_at_once_both_succeed(pull, tmp_path):
    assert run_at_once(pull, 3) == []
    assert tree(tmp_path / "to") == FILES


def test_a_cache_shares_content_between_folders_by_hard_links(pull, pretended, tmp_path):
    cache = tmp_path / "cache"
    pull(tmp_path / "one", cache=cache)
    pretended.files = {"other/name.bin": LARGE, "new": b"new"}
    assert pull(tmp_path / "two", cache=cache).bytes_fetched == 3
    assert os.path.samefile(tmp_path / "one/sub/deep/weights.bin", tmp_path / "two/other/name.bin")
    digest = hashlib.sha256(LARGE).hexdigest()
    assert (cache / digest[:2] / digest[2:4] / digest[4:]).read_bytes() == LARGE


def test_a_cache_entry_that_was_changed_is_not_served(pull, tmp_path):
    cache = tmp_path / "cache"
    pull(tmp_path / "one", cache=cache)
    with (tmp_path / "one/sub/deep/weights.bin").open("r+b") as file:
        file.write(b"changed")
    pull(tmp_path / "two", cache=cache)
    assert tree(tmp_path / "two") == FILES
    assert pull(tmp_path / "three", cache=cache).bytes_fetched == 0


def test_a_cache_on_another_file_system_is_copied_from(pull, tmp_path, monkeypatch):
    def no_link(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    pull(tmp_path / "one", cache=tmp_path / "cache")
    assert pull(tmp_path / "two", cache=tmp_path / "cache").bytes_fetched == 0
    assert tree(tmp_path / "two") == FILES


@pytest.mark.parametrize("limit", [100, 3 * MIB])
def test_a_full_disk_is_an_error_that_names_the_file(pull, tmp_path, monkeypatch, limit):
    written = os.pwrite

    def full(descriptor, data, start):
        if start + len(data) > limit and len(data) > 200:
            raise OSError(28, "No space left on device")
        return written(descriptor, data, start)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Exception, match=r"weights\.bin' can't be written: No space left on device"):
        pull(include=["*.bin"])
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    pull()
    assert tree(tmp_path / "to") == FILES
