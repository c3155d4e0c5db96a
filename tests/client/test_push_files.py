"""The files of a push: what is taken at a time, what may go wrong with one, and what is left open or lying about."""

import errno
import os
import threading
from types import SimpleNamespace

import pytest
from each import each

from weighthouse.errors import FileChanged, InvalidInput
from weighthouse.hashes import Clocks
from weighthouse.notes import open_notes
from weighthouse.patience import Patience, Stopped
from weighthouse.progress import Meter
from weighthouse.push import hashing
from weighthouse.push.content import Content, Segment
from weighthouse.push.hashing import hash_all
from weighthouse.push.journal import Journal, fingerprint
from weighthouse.push.layout import Layout, Part, ranges
from weighthouse.push.scanning import scan
from weighthouse.push.sending import Sending

MIB = 1024 * 1024


@pytest.fixture
def file(tmp_path):
    """A file of 100 bytes."""
    (tmp_path / "weights").write_bytes(b"x" * 100)
    (source,) = scan(tmp_path / "weights")
    return source


def is_open(path):
    found = os.stat(path)
    for descriptor in each(os.listdir("/dev/fd")):
        try:
            if os.path.samestat(os.fstat(int(descriptor)), found):
                return True
        except OSError:
            """The one that the list was read by."""
    return False


def fail(*_):
    raise OSError(errno.EIO, "Input/output error")


def test_small_files_are_hashed_16_mib_at_a_time():
    sizes = (16 * MIB - 1, 1, 16 * MIB - 1, 0, 16 * MIB, 16 * MIB, 5, 0)
    batches = hashing._batches(SimpleNamespace(size=size) for size in sizes)
    taken = [[source.size for source in batch] for batch in batches]
    assert taken == [[16 * MIB - 1, 1], [16 * MIB - 1, 0, 16 * MIB], [16 * MIB], [5, 0]]


def test_the_clock_of_a_device_is_read_before_its_files(file):
    old = []

    class Unknown:
        def known(self, stamps):
            return {}

        def keep(self, hashed, clocks):
            old.extend(clocks.is_old(stamp._replace(mtime_ns=0, ctime_ns=0)) for stamp, _ in hashed)

    hash_all([file], Unknown(), Meter(None))
    assert old == [True]
    assert not Clocks().is_old(file.stamp._replace(mtime_ns=0, ctime_ns=0))


def test_hashing_ends_at_the_next_block_when_it_is_stopped_and_leaves_nothing_open(file):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        hashing._hash(file, Meter(None), Patience(stop=stop))
    assert not is_open(file.path)
    hashing._hash(file, Meter(None), Patience())
    assert not is_open(file.path)


def test_sending_ends_at_the_next_block_when_it_is_stopped():
    sending = Sending(None, "1" * 32, Layout(8), {}, Meter(None))
    sending._moved("a", 1, 2)
    sending._stop.set()
    with pytest.raises(Stopped):
        sending._moved("a", 1, 2)
    assert sending.bytes_sent == 1


def test_a_file_that_is_sent_is_open_no_longer_than_it_is_read(file, monkeypatch):
    with Content([Segment(file, 0, 100)], str) as content:
        assert content.read(40) == b"x" * 40
        assert is_open(file.path)
        content.read(60)
        assert not is_open(file.path)
    with Content([Segment(file, 0, 100)], str) as content:
        content.read(40)
    assert not is_open(file.path)
    closed = []
    monkeypatch.setattr(os, "close", closed.append)
    with Content([Segment(file, 0, 100)], str):
        pass
    assert closed == []


def test_a_file_that_is_written_over_while_it_is_read_is_noticed_at_its_end(file):
    with Content([Segment(file, 0, 100)], str) as content:
        content.read(99)
        with open(file.path, "r+b") as other:
            other.write(b"y" * 100)
        # The file system's clock may not have moved on since the file was made.
        os.utime(file.path, ns=(1, 1))
        with pytest.raises(FileChanged, match="weights changed while it was pushed"):
            content.read(1)
    assert not is_open(file.path)


def test_a_file_that_can_not_be_read_is_named(file, monkeypatch):
    with monkeypatch.context() as patched, Content([Segment(file, 0, 100)], str) as content:
        patched.setattr(os, "pread", fail)
        with pytest.raises(InvalidInput, match=r"weights can't be read: Input/output error; leave it out"):
            content.read(10)
    os.truncate(file.path, 99)
    with pytest.raises(FileChanged, match="weights changed while it was pushed"):
        file.open()
    assert not is_open(file.path)
    os.unlink(file.path)
    with pytest.raises(FileChanged, match="weights was removed while it was pushed"):
        file.open()
    os.symlink("weights", file.path)
    with pytest.raises(InvalidInput, match=r"weights can't be read: .*symbolic link"):
        file.open()


def test_a_folder_that_can_not_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(InvalidInput, match=f"^{tmp_path} can't be read: Input/output error"):
        scan(tmp_path)


@pytest.mark.parametrize("patterns", [b"caf\xe9", b"\xff\xfea", b"*.log\n!\n"])
def test_patterns_that_can_not_be_read_are_an_error(tmp_path, patterns):
    (tmp_path / "a").touch()
    (tmp_path / ".weighthouseignore").write_bytes(patterns)
    with pytest.raises(InvalidInput, match=r"/\.weighthouseignore"):
        scan(tmp_path)


def test_what_is_no_file_in_a_folder_is_refused_by_its_name(tmp_path):
    (tmp_path / "net").mkdir()
    os.mkfifo(tmp_path / "net/pipe")
    with pytest.raises(InvalidInput, match="net/pipe is neither a file nor a folder; leave it out"):
        scan(tmp_path / "net")
    (tmp_path / "net/pipe").unlink()
    (tmp_path / "net/up").symlink_to(tmp_path / "net")
    with pytest.raises(InvalidInput, match="net/up is a link to a folder that it lies in"):
        scan(tmp_path / "net")


def test_names_that_are_one_to_some_are_both_said(tmp_path):
    (tmp_path / "Readme").touch()
    (tmp_path / "README").touch()
    with pytest.raises(
        InvalidInput, match=r"^'README' and 'Readme' can't be|^'Readme' and 'README' can't be"
    ):
        scan(tmp_path)


def test_a_push_that_runs_leaves_no_lock_behind_and_no_other_can_read_it(tmp_path):
    running = tmp_path / "state/weighthouse/running"
    with Journal(open_notes(), "url", "ana", "m").alone():
        (lock,) = running.iterdir()
        assert (lock.stat().st_mode & 0o777, running.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(running.iterdir()) == []


def test_a_lock_that_can_not_be_had_is_said_and_not_left_open(tmp_path, monkeypatch):
    journal = Journal(open_notes(), "url", "ana", "m")
    monkeypatch.setattr("weighthouse.push.journal.lock", fail)
    with pytest.raises(OSError, match="Input/output error"), journal.alone():
        pass
    (lock,) = (tmp_path / "state/weighthouse/running").iterdir()
    assert not is_open(lock)


def test_versions_are_told_apart_by_all_that_is_said_of_them():
    told = {
        fingerprint({"name": name}, [(path, size, sha256)])
        for name in "MN" for path in "ab" for size in (1, 2) for sha256 in ("00", "01")
    }  # fmt: skip
    assert len(told) == 16


def test_neighbours_are_asked_for_as_one_range():
    parts = [Part("a", number, 0, 1) for number in (1, 2, 3, 5, 6)]
    assert ranges([*parts, Part("b", 7, 0, 1)])["files"] == [
        {"filename": "a", "first_part": 1, "last_part": 3},
        {"filename": "a", "first_part": 5, "last_part": 6},
        {"filename": "b", "first_part": 7, "last_part": 7},
    ]


def test_a_layout_is_of_some_answer():
    with pytest.raises(ValueError, match="no answer"):
        Layout.of([])
