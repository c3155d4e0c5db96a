"""The client where there is no folder for its notes that can be written."""

import io
import os
import pwd
import sqlite3
import warnings
from pathlib import Path

import pytest

from weighthouse import Client, WeighthouseError, settings
from weighthouse.notes import open_notes
from weighthouse.push.journal import Begun, Journal
from weighthouse.settings import NotKept, kept_folder, state_folder


@pytest.fixture(autouse=True)
def nothing_known():
    """No folder is used that another test was given."""
    settings._folder_for_now.cache_clear()
    yield
    settings._folder_for_now.cache_clear()


def no_home(monkeypatch, tmp_path):
    def unknown(user):
        raise KeyError(user)

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def no_folder(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))


def may_not_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)


ways = pytest.mark.parametrize("lacks", [no_home, no_folder, may_not_be_written])


@ways
def test_notes_last_for_the_process_and_one_warning_says_so(lacks, monkeypatch, tmp_path):
    lacks(monkeypatch, tmp_path)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        notes = open_notes()
        journal = Journal(notes, "push")
        with journal.alone():
            journal.write(Begun("1" * 32, "f"))
        folder = state_folder()
    assert [(one.category, "can be written" in str(one.message)) for one in warned] == [(NotKept, True)]
    assert Journal(open_notes(), "push").read() == Begun("1" * 32, "f")
    settings._remove(folder, os.getpid() + 1)
    assert folder.is_dir(), "a process that was forked leaves it alone"
    settings._remove(folder, os.getpid())
    assert not folder.exists()


@ways
def test_a_command_that_keeps_nothing_does_not_ask_for_a_folder(lacks, monkeypatch, tmp_path, command):
    lacks(monkeypatch, tmp_path)
    status, _, err = command("ls", "ana", "--url", "ftp://host")
    assert (status, err.count("\n"), "not remembered" in err) == (2, 1, False)
    with Client() as client:
        assert client.url == "http://localhost:8000"


@ways
def test_a_login_that_can_not_be_kept_says_what_to_do(lacks, monkeypatch, tmp_path, command):
    lacks(monkeypatch, tmp_path)
    monkeypatch.setattr("weighthouse.cli.access.probe", lambda url, token: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("token"))
    status, out, err = command("login", "http://localhost:1")
    assert (status, out) == (1, "")
    assert "can't be kept" in err
    assert "set WEIGHTHOUSE_URL and WEIGHTHOUSE_TOKEN instead" in err
    assert command("logout", "http://localhost:1")[0] == 0


def test_a_command_says_it_in_one_line(monkeypatch, tmp_path, command):
    no_folder(monkeypatch, tmp_path)
    (tmp_path / "net").write_bytes(b"weights")
    monkeypatch.setattr("weighthouse.push.pushing._Pushing.push", refused)
    status, _, err = command("push", "net", "ana/net", "--quiet")
    assert status == 1
    said, error = err.splitlines()
    assert said.startswith("weighthouse: Hashes and unfinished uploads are not remembered for the next run: ")
    assert error == "weighthouse: enough"


def refused(self, path):
    state_folder()
    raise WeighthouseError("enough")


def test_without_any_folder_the_error_says_so(monkeypatch, tmp_path):
    no_folder(monkeypatch, tmp_path)
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(WeighthouseError, match="XDG_STATE_HOME or TMPDIR"):
        state_folder()


def refuse(prefix):
    raise OSError(30, "Read-only file system")


def test_notes_that_may_not_be_written_are_in_memory(monkeypatch):
    open_notes().close()
    connect = sqlite3.connect

    def connect_only_to_memory(path, **options):
        if path != ":memory:":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return connect(path, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_only_to_memory)
    with pytest.warns(NotKept, match="readonly"):
        notes = open_notes()
    Journal(notes, "push").write(Begun("1" * 32, "f"))


def test_the_folder_is_where_the_desktop_says(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert kept_folder() == Path("/elsewhere/weighthouse")
