"""A file counts as unchanged without being read only when nothing can have changed it."""

import hashlib
import mmap
import os
import shutil
import sqlite3
import subprocess
import time
import uuid
import zipfile
from io import FileIO

import pytest
from pretender import Pretender

from weighthouse import Client, FileChanged, LocalEdits, hashes
from weighthouse.hashes import Clocks, Hashes, Stamp, stamp
from weighthouse.notes import open_notes
from weighthouse.progress import Meter
from weighthouse.push.hashing import hash_all
from weighthouse.push.scanning import scan

OF_EVERY_ZIP = (2000, 1, 1, 12, 0, 0)
OLD, NEW = b"old weights", b"new weights"


@pytest.fixture
def aged(monkeypatch):
    """Has every file be old enough for its hash to be remembered, without waiting a minute for it."""
    monkeypatch.setattr(hashes, "_clock", lambda device, folder: time.time_ns() + 10 * hashes.YOUNG)


@pytest.fixture
def model(tmp_path):
    """A file as a ZIP of Weighthouse leaves it: of 2000-01-01 12:00."""
    path = tmp_path / "net" / "model.bin"
    path.parent.mkdir()
    unpack(zipped(tmp_path, OLD), path.parent)
    return path


def zipped(folder, content):
    path = folder / f"{uuid.uuid4().hex}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model.bin", OF_EVERY_ZIP), content)
    return path


def unpack(archive, folder):
    """Writes over what is there, and gives it the archive's time, as tools that unpack do."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            path = folder / member.filename
            path.write_bytes(opened.read(member))
            when = time.mktime((*member.date_time, 0, 0, -1))
            os.utime(path, (when, when))


def hashed(path, meter=None):
    """The SHA-256 that a push of this file would go by."""
    notes = open_notes()
    try:
        return hash_all(scan(path.parent), Hashes(notes), meter or Meter(None))[path.name]
    finally:
        notes.close()


def next_tick(path):
    """Waits until a change of the file gets another time stamp: some kernels take one for 4 ms."""
    probe, before = path.with_name(f".{uuid.uuid4().hex}"), os.stat(path).st_ctime_ns
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        probe.touch()
        if os.stat(probe).st_ctime_ns > before:
            probe.unlink()
            return
        probe.unlink()
    raise AssertionError("the clock of the file system stands still")


def unpack_over(path):
    unpack(zipped(path.parent.parent, NEW), path.parent)


def write_and_set_back(path):
    before = os.stat(path)
    path.write_bytes(NEW)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_and_touch(path):
    path.write_bytes(NEW)
    subprocess.run(["touch", "-d", "2000-01-01 12:00:00", path], check=True)


def rename_over(path):
    before, other = os.stat(path), path.with_suffix(".new")
    other.write_bytes(NEW)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def swap_for_a_link(path):
    elsewhere = path.parent.parent / "elsewhere"
    shutil.copy2(path, elsewhere)
    unpack_over(path)
    os.replace(path, path.parent.parent / "target")
    path.symlink_to(path.parent.parent / "target")


def store_through_a_map(path):
    before = os.stat(path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[:] = NEW
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = [
    unpack_over,
    write_and_set_back,
    write_and_touch,
    rename_over,
    swap_for_a_link,
    store_through_a_map,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_keeps_size_and_time_is_noticed(aged, model, change):
    assert hashed(model) == hashlib.sha256(OLD).hexdigest()
    next_tick(model)
    change(model)
    assert hashed(model) == hashlib.sha256(NEW).hexdigest()


def test_what_has_not_changed_is_not_read_again(aged, model):
    first, moved = hashed(model), []
    assert hashed(model, Meter(lambda progress: moved.append(progress.bytes_moved))) == first
    assert max(moved) == 0


def test_two_versions_unpacked_over_each_other_are_two_versions(aged, service, model):
    user = f"over-{uuid.uuid4().hex[:8]}"
    with Client(service.url) as client:
        client.push(model.parent, user, "net")
        assert client.push(model.parent, user, "net").existed
        next_tick(model)
        unpack_over(model)
        pushed = client.push(model.parent, user, "net")
        assert (pushed.version.version, pushed.bytes_sent) == ("v2", len(NEW))
        assert next(client.files(user, "net", "v2")).file_hash == hashlib.sha256(NEW).hexdigest()


@pytest.mark.parametrize("change", [c for c in CHANGES if c is not swap_for_a_link])
@pytest.mark.parametrize("cached", [False, True])
def test_a_pull_never_takes_other_bytes_for_its_own(aged, tmp_path, change, cached):
    cache = tmp_path / "cache" if cached else None
    with Pretender({"model.bin": OLD}) as pretender, Client(pretender.url) as client:
        model = tmp_path / "to" / "model.bin"
        for _ in range(2):
            client.pull("u", "m", "v1", directory=tmp_path / "to", cache=cache)
        next_tick(model)
        change(model)
        assert model.read_bytes() == NEW
        with pytest.raises(LocalEdits):
            client.pull("u", "m", "v1", directory=tmp_path / "to", cache=cache)
        assert model.read_bytes() == NEW
        assert client.pull("u", "m", "v1", directory=tmp_path / "to", cache=cache, force=True)
        assert model.read_bytes() == OLD
        client.pull("u", "m", "v1", directory=tmp_path / "other", cache=cache)
        assert (tmp_path / "other" / "model.bin").read_bytes() == OLD


def test_content_that_a_cache_shares_is_read_once_however_many_links_there_are(aged, tmp_path, monkeypatch):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)
    read = []

    def heed(progress):
        if progress.phase == "checking":
            read.append(progress.bytes_moved)

    with Pretender({"model.bin": OLD}) as pretender, Client(pretender.url) as client:
        for number in range(4):
            read.clear()
            directory = tmp_path / f"{number}"
            client.pull("u", "m", "v1", directory=directory, cache=tmp_path / "cache", on_progress=heed)
            # The first fetches it, the second reads what the cache has.
            assert max(read) == (len(OLD) if number == 1 else 0)
        read.clear()
        client.pull("u", "m", "v1", directory=directory, on_progress=heed)
        assert max(read) == 0


def test_an_entry_that_changes_while_it_is_shared_is_not_kept(aged, tmp_path, monkeypatch):
    link = os.link
    with Pretender({"model.bin": OLD}) as pretender, Client(pretender.url) as client:
        client.pull("u", "m", "v1", directory=tmp_path / "one", cache=tmp_path / "cache")

        def changing(source, target):
            if not str(source).startswith(str(tmp_path / "two")):
                (tmp_path / "one" / "model.bin").write_bytes(NEW)
            link(source, target)

        monkeypatch.setattr(os, "link", changing)
        client.pull("u", "m", "v1", directory=tmp_path / "two", cache=tmp_path / "cache")
        assert (tmp_path / "two" / "model.bin").read_bytes() == OLD


def noted(path, sha256="0" * 64):
    """Whether the hash of a file is used again when it is noted now."""
    found = stamp(str(path), os.stat(path))
    notes = open_notes()
    known = Hashes(notes)
    clocks = Clocks()
    clocks.read(found)
    known.keep([(found, sha256)], clocks)
    try:
        return known.known([found]) == {str(path): sha256}
    finally:
        notes.close()


def test_a_file_that_was_changed_within_the_last_minute_is_read_again(model):
    # It says that it is of the year 2000, and was written a moment ago.
    assert not noted(model)


@pytest.mark.parametrize("wrong", [3600, -3600])
def test_a_wrong_clock_of_the_machine_makes_no_young_file_old(model, monkeypatch, wrong):
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + wrong * 10**9)
    assert not noted(model)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_clock_of_a_file_system_is_that_of_its_files(model, tmp_path, monkeypatch, elsewhere):
    if elsewhere:
        if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/dev/shm"):
            pytest.skip("there is no second file system")
        monkeypatch.setenv("XDG_STATE_HOME", f"/dev/shm/{uuid.uuid4().hex}")
    before = os.stat(model.parent).st_mtime_ns
    try:
        clock = hashes._clock(os.stat(model).st_dev, str(model.parent))
    finally:
        if elsewhere:
            shutil.rmtree(os.environ["XDG_STATE_HOME"])
    assert clock is not None
    assert 0 <= clock - os.stat(model).st_ctime_ns < 60 * 10**9
    # Nobody who watches the folder sees a file come or go.
    assert os.stat(model.parent).st_mtime_ns == before


def test_without_that_clock_a_stamp_counts_once_it_was_seen_long_before(model, monkeypatch):
    monkeypatch.setattr(hashes, "_clock", lambda device, folder: None)
    began = time.time_ns()
    for seconds, expected in ((0, False), (59, False), (61, True), (62, True)):
        monkeypatch.setattr(time, "time_ns", lambda at=began + seconds * 10**9: at)
        assert noted(model) == expected, seconds
    next_tick(model)
    write_and_set_back(model)
    assert not noted(model)


def test_a_store_through_a_map_that_moves_no_time_stamp_is_noticed(model):
    with model.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0:1] = b"1"
        first = hashed(model)
        mapped[0:1] = b"2"
        assert hashed(model) != first


def test_a_file_that_changes_while_it_is_hashed_is_noticed(model, monkeypatch):
    class Changing(FileIO):
        def readinto(self, buffer):
            count = super().readinto(buffer)
            if count:
                next_tick(model)
                write_and_set_back(model)
            return count

    monkeypatch.setattr("weighthouse.hashes.FileIO", Changing)
    with pytest.raises(FileChanged):
        hashed(model)


def test_what_an_older_client_noted_is_not_believed(aged, model, tmp_path):
    folder = tmp_path / "state" / "weighthouse"
    folder.mkdir(parents=True)
    notes = sqlite3.connect(folder / "notes.sqlite3")
    notes.execute("CREATE TABLE hashes (path TEXT PRIMARY KEY, size, mtime_ns, inode, sha256, used)")
    found = os.stat(model)
    row = (str(model), found.st_size, found.st_mtime_ns, found.st_ino, "0" * 64, int(time.time()))
    notes.execute("INSERT INTO hashes VALUES (?, ?, ?, ?, ?, ?)", row)
    notes.commit()
    notes.close()
    assert hashed(model) == hashlib.sha256(OLD).hexdigest()


def test_any_path_and_any_number_of_a_stamp_can_be_noted(aged):
    odd = Stamp("/tmp/\udcff", 2**64 - 1, 2**64 - 1, 2**63, -(2**63), 2**62)
    notes = open_notes()
    known = Hashes(notes)
    clocks = Clocks()
    clocks.read(odd._replace(path="/"))
    known.keep([(odd._replace(ctime_ns=0), "0" * 64)], clocks)
    assert known.known([odd._replace(ctime_ns=0)]) == {odd.path: "0" * 64}
    assert known.known([odd]) == {}
    known.forget([odd.path])
    assert known.known([odd._replace(ctime_ns=0)]) == {}
    notes.close()
