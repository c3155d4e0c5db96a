"""What a pull may replace or remove: only what a former pull or push left, as it left it."""

import os
from pathlib import Path

import pytest
from pretender import Pretender
from trees import run_at_once, tree

from weighthouse import Client, InvalidInput, LocalEdits
from weighthouse.notes import open_notes
from weighthouse.pull.local import edited, left_over, refusal
from weighthouse.pull.places import Places, check_paths
from weighthouse.records import Records

V1 = {"config.json": b"one", "deep/er/old.bin": b"old", "weights": b"1" * 40}
V2 = {"config.json": b"two", "new": b"new", "weights": b"2" * 40}


@pytest.fixture(scope="module")
def service():
    with Pretender(V1) as pretender:
        yield pretender


@pytest.fixture
def pull(service, tmp_path):
    def run(files, directory=tmp_path / "to", **options):
        service.files, service.requests, service.recorded = dict(files), [], options.pop("recorded", {})
        with Client(service.url) as client:
            return client.pull("u", "m", "v1", directory=directory, **options)

    return run


def refused(pull, service, to, *names, **options):
    """Checks that a pull is refused, names these files, fetches nothing and changes nothing; returns what it says."""
    before = tree(to)
    with pytest.raises(LocalEdits) as error:
        pull(V2, **options)
    assert [repr(name) in error.value.detail for name in names] == [True] * len(names)
    assert (tree(to), service.requests) == (before, [])
    assert not (to / "new").exists()
    return error.value.detail


def test_versions_replace_each_other_and_leave_what_the_other_lacks(pull, tmp_path):
    for files in (V1, V2, V1, V2):
        pull(files)
        assert tree(tmp_path / "to").items() >= files.items()
    assert tree(tmp_path / "to") == V1 | V2


@pytest.mark.parametrize("edit", [b"3" * 40, b"longer" * 10, b""])
def test_an_edited_file_is_not_replaced_without_force(pull, service, tmp_path, edit):
    to = tmp_path / "to"
    pull(V1)
    (to / "weights").write_bytes(edit)
    said = refused(pull, service, to, "weights")
    assert "config.json" not in said
    with pytest.raises(LocalEdits):
        pull(V1)
    assert pull(V2, force=True).files_fetched == 3
    assert tree(to) == V1 | V2
    assert pull(V1).files_fetched == 2


def test_what_was_put_back_from_an_older_version_is_an_edit(pull, tmp_path):
    pull(V1)
    pull(V2)
    (tmp_path / "to/weights").write_bytes(V1["weights"])
    with pytest.raises(LocalEdits):
        pull({"weights": b"3" * 40})


def test_a_file_that_nobody_pulled_is_an_edit_unless_it_is_equal(pull, service, tmp_path):
    to = tmp_path / "to"
    to.mkdir()
    (to / "config.json").write_bytes(V2["config.json"])
    (to / "weights").write_bytes(b"mine")
    assert "on record" in refused(pull, service, to, "weights")
    (to / "weights").unlink()
    assert pull(V2).files_fetched == 2
    pull(V1)
    assert tree(to) == V1 | {"new": b"new"}


def test_without_the_state_folder_what_differs_is_an_edit(pull, service, tmp_path, monkeypatch):
    to = tmp_path / "to"
    pull(V1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert pull(V1).files_fetched == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "lost"))
    assert "no pull or push of them is on record" in refused(pull, service, to, "config.json", "weights")
    pull(V2, force=True)
    pull(V1)


@pytest.mark.parametrize("made", ["dangling", "pipe", "link"])
def test_what_is_no_file_is_replaced_by_force_alone(pull, service, tmp_path, made):
    to = tmp_path / "to"
    pull(V1)
    (to / "weights").unlink()
    if made == "pipe":
        os.mkfifo(to / "weights")
    else:
        (tmp_path / "link").write_bytes(V1["weights"])
        (to / "weights").symlink_to(tmp_path / made)
    with pytest.raises(LocalEdits, match="'weights'"):
        pull(V2)
    pull(V2, force=True)
    assert tree(to) == V1 | V2
    assert not (tmp_path / "dangling").exists()


def test_a_folder_is_in_the_way_also_with_force(pull, tmp_path):
    (tmp_path / "to/weights").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="is a folder where a file must go"):
        pull(V2, force=True)


def test_what_was_pushed_may_be_replaced(pull, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to/weights").write_bytes(b"trained here")
    with Pretender() as registry, Client(registry.url) as client:
        client.push(tmp_path / "to", "u", "m")
    pull(V2, exact=True)
    (tmp_path / "to/weights").write_bytes(b"trained again")
    with pytest.raises(LocalEdits):
        pull(V1)


@pytest.mark.parametrize("reach", ["deep link", "cache", "relative"])
def test_the_same_folder_by_another_way_is_the_same_folder(pull, tmp_path, monkeypatch, reach):
    to = tmp_path / "to"
    pull(V1, cache=tmp_path / "cache" if reach == "cache" else None)
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    ways = {"deep link": tmp_path / "link/to", "relative": Path("to"), "cache": to}
    pull(V2, directory=ways[reach], cache=tmp_path / "cache")
    assert tree(to) == V1 | V2
    with (to / "weights").open("r+b") as shared:
        shared.write(b"edited")
    with pytest.raises(LocalEdits, match="'weights'"):
        pull(V1, cache=tmp_path / "cache")


def test_a_file_without_a_known_hash_is_on_record_by_what_arrived(pull, tmp_path):
    unknown = {"weights": {"file_hash": None, "crc32": None}}
    for files in (V1, V2, V1):
        pull(files, recorded=unknown)
    assert pull({"new": b"new"}, exact=True).files_removed == len(V1 | V2) - 1
    pull(V1, recorded=unknown)
    (tmp_path / "to/weights").write_bytes(b"edited")
    with pytest.raises(LocalEdits):
        pull(V1, recorded=unknown)


@pytest.mark.parametrize("killed", ["expect", "remove", "fetch", "keep"])
def test_a_pull_that_was_killed_takes_nothing_of_its_own_for_an_edit(pull, tmp_path, monkeypatch, killed):
    class Killed(BaseException):
        """Ends it as a kill does: nothing is tidied up."""

    def kill(*_, **__):
        raise Killed

    where = {
        "expect": "weighthouse.records.Records.expect",
        "remove": "weighthouse.records.Records.forget",
        "fetch": "weighthouse.pull.fetching.Fetching._finish",
        "keep": "weighthouse.records.Records.keep",
    }[killed]
    pull(V1)
    with monkeypatch.context() as patch:
        patch.setattr(where, kill)
        with pytest.raises(Killed):
            pull(V2, exact=True)
    # The same again, another version, and the one before are all well.
    for files in (V2, {"weights": b"3" * 40}, V1):
        pull(files, exact=True)
        assert tree(tmp_path / "to") == files


def test_two_pulls_at_once_are_no_edit_to_each_other(pull, tmp_path):
    pull(V1)
    assert run_at_once(lambda: pull(V2), 4) == []
    assert tree(tmp_path / "to") == V1 | V2
    pull(V1)


def test_exact_removes_what_a_pull_put_there_and_nothing_else(pull, tmp_path):
    to = tmp_path / "to"
    pull(V1)
    pull({"other": b"model"}, directory=to / "deep")
    (to / "mine").write_bytes(b"mine")
    (to / "empty").mkdir()
    assert pull(V2, exact=True).files_removed == 1
    assert tree(to) == V2 | {"mine": b"mine", "deep/other": b"model"}
    assert [path.name for path in (to / "deep").iterdir()] == ["other"]
    assert (to / "empty").is_dir()
    assert pull(V2, exact=True).files_removed == 0
    with pytest.raises(InvalidInput, match="include"):
        pull(V2, exact=True, include=["new"])


def test_exact_keeps_what_was_there_before_it_was_pulled(pull, tmp_path):
    (tmp_path / "to/deep/er").mkdir(parents=True)
    (tmp_path / "to/deep/er/old.bin").write_bytes(b"old")
    pull(V1)
    pull(V2, exact=True)
    assert tree(tmp_path / "to") == V2 | {"deep/er/old.bin": b"old"}


def test_exact_removes_an_edited_file_by_force_alone(pull, service, tmp_path):
    to = tmp_path / "to"
    pull(V1)
    (to / "deep/er/old.bin").write_bytes(b"new")
    refused(pull, service, to, "deep/er/old.bin", exact=True)
    pull(V2)
    pull(V2, exact=True, force=True)
    assert tree(to) == V2
    assert not (to / "deep").exists()


def test_exact_removes_nothing_behind_a_link(pull, tmp_path):
    to = tmp_path / "to"
    pull(V1)
    (to / "deep").rename(tmp_path / "outside")
    (to / "deep").symlink_to(tmp_path / "outside")
    pull(V2, exact=True, force=True)
    assert (tmp_path / "outside/er/old.bin").read_bytes() == b"old"


@pytest.mark.parametrize(("old", "new"), [("a", "a/b"), ("a/b", "a")])
def test_exact_makes_a_folder_of_a_file_and_a_file_of_a_folder(pull, tmp_path, old, new):
    pull({old: b"old"})
    pull({new: b"new"}, exact=True)
    assert tree(tmp_path / "to") == {new: b"new"}


def test_many_files_are_replaced_and_removed_and_few_are_named(tmp_path):
    places, notes = Places(tmp_path), open_notes()
    names = [f"{number}/file" for number in range(1500)]
    for name in names:
        Path(places.prepare(name)).write_bytes(b"")
    Records(notes).expect(places.root, [(places.target(name), "1") for name in names])
    known = Records(notes).under(places.root)
    assert edited(dict.fromkeys(names, "1"), known, places) == []
    assert edited(dict.fromkeys(names, "2"), known, places) == names
    assert sorted(left_over(["other"], known, places)) == sorted(names)
    assert left_over(names, known, places) == []
    assert refusal(names, "to", on_record=True).count("/file'") == 10
    assert "and 1,490 more" in refusal(names, "to", on_record=True)
    Records(notes).keep((places.target(name), "2") for name in names)
    assert edited(dict.fromkeys(names, "1"), Records(notes).under(places.root), places) == names
    Records(notes).forget(map(places.target, names))
    assert Records(notes).under(places.root) == {}
    notes.close()


def test_records_are_of_one_folder(tmp_path):
    notes = open_notes()
    records = Records(notes)
    records.expect("/", [(path, "1") for path in ("/to/a", "/to-other/a", "/to0", "/to", "/to/\udcff")])
    assert set(records.under("/to")) == {"/to/a", "/to/\udcff"}
    assert len(records.under("/")) == 5
    notes.close()


def test_where_case_does_not_matter_a_name_in_another_case_is_the_same_file(tmp_path):
    places = Places(tmp_path)
    (tmp_path / "Config.json").write_bytes(b"")
    known = {places.target("Config.json"): {"1": places.root}}
    # Two names of one file are what such a file system shows.
    os.link(tmp_path / "Config.json", tmp_path / "config.json")
    assert edited({"config.json": "1"}, known, places) == []
    assert edited({"config.json": "2"}, known, places) == ["config.json"]
    assert left_over(["config.json"], known, places) == []
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_bytes(b"")
    assert edited({"config.json": "1"}, known, places) == ["config.json"]
    assert left_over(["config.json"], known, places) == ["Config.json"]


@pytest.mark.parametrize(
    "path", [".git/hooks/post-checkout", "sub/.GIT/config", ".g\u200bit/config", "git~1/x"]
)
def test_nothing_is_written_into_what_git_runs(path):
    with pytest.raises(InvalidInput, match="git"):
        check_paths([path])
    check_paths([".gitignore", "git/x", ".github/x"])


def test_the_command_ends_with_the_status_of_a_conflict(pull, service, tmp_path, command):
    pull(V1)
    (tmp_path / "to/weights").write_bytes(b"edited")
    service.files = dict(V2)
    asked = ("pull", "u/m:v1", "to", "--url", service.url)
    status, out, err = command(*asked, "--quiet")
    assert (status, out) == (4, "")
    assert "'weights'" in err
    assert "--force" in err
    status, _, err = command(*asked, "--force", "--exact")
    assert status == 0
    assert tree(tmp_path / "to") == V2
