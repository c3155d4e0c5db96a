"""The client where Python has what it has on Windows, as far as another system can tell."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows
from pretender import Pretender, once
from trees import made, tree

from weighthouse import hashes, locking, settings, systems
from weighthouse.hashes import Hashes, stamp
from weighthouse.notes import open_notes

FILES = {"big": os.urandom(9_000_001), "folder/b": b"b" * 10, "small": b"line\r\n\x1a"}


def test_all_of_the_client_works_without_what_windows_lacks(tmp_path):
    made(tmp_path / "net", FILES)
    with Pretender() as service:
        # It is given up once, and fetched anew.
        service.faults = [once(b"x" * len(FILES["big"]), "big")]
        ran = subprocess.run(
            [sys.executable, Path(__file__).with_name("like_windows.py"), service.url, tmp_path],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert service.files == FILES
    assert tree(tmp_path / "copy") == FILES
    assert not list((tmp_path / "state" / "weighthouse" / "running").iterdir())


@pytest.fixture
def no_places(monkeypatch):
    monkeypatch.setattr(systems, "_HAS_PLACES", False)


def test_bytes_are_read_and_written_at_their_place(no_places, tmp_path):
    descriptor = systems.open_file(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    systems.write_at(descriptor, b"\r\n\x1a", 5)
    systems.write_at(descriptor, b"12345", 0)
    assert systems.read_at(descriptor, 6, 2) == b"345\r\n\x1a"
    assert systems.read_at(descriptor, 6, 8) == b""
    os.close(descriptor)


@pytest.mark.parametrize(("refusals", "renamed"), [(0, True), (19, True), (20, False)])
def test_a_file_that_another_program_has_open_is_renamed_once_it_is_closed(
    refusals, renamed, monkeypatch, tmp_path
):
    replace, left = os.replace, [PermissionError(13, "in use")] * refusals

    def held(*paths):
        if left:
            raise left.pop()
        replace(*paths)

    monkeypatch.setattr(locking, "_OPEN_FILES_MOVE", False)
    monkeypatch.setattr(locking, "_PAUSE", 0)
    monkeypatch.setattr(os, "replace", held)
    path, target = str(tmp_path / "part"), str(tmp_path / "a")
    descriptor = systems.open_file(path, os.O_RDWR | os.O_CREAT)
    locking.lock(descriptor)
    with nullcontext() if renamed else pytest.raises(PermissionError):
        locking.release_as(descriptor, path, target)
    assert os.path.exists(target) is renamed
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_a_link_is_not_opened_where_the_system_can_not_refuse_it(monkeypatch, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "link").symlink_to("a")
    monkeypatch.setattr(systems, "_NO_FOLLOW", 0)
    with pytest.raises(OSError, match="link"):
        systems.open_itself(str(tmp_path / "link"), os.O_RDONLY)


def test_no_file_is_taken_for_unchanged_where_any_program_can_set_its_times(monkeypatch, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    os.utime(tmp_path / "a", (1, 1))
    mark = stamp(str(tmp_path / "a"), os.stat(tmp_path / "a"))
    kept = Hashes(open_notes())
    kept.keep_linked([(mark, "0" * 64)])
    assert kept.known([mark]) == {mark.path: "0" * 64}
    monkeypatch.setattr(hashes, "WINDOWS", True)
    assert kept.known([mark]) == {}


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        (Windows, "AppData/Local/weighthouse"),
        (MacOS, "Library/Application Support/weighthouse"),
        (Unix, ".local/state/weighthouse"),
    ],
)
def test_the_state_folder_is_where_each_system_has_it(system, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda name: str(tmp_path / "AppData/Local"))
    monkeypatch.setattr("platformdirs.PlatformDirs", system)
    assert settings.kept_folder() == tmp_path / folder
