"""What a push is about and how it is cut: no service needed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import made

from weighthouse.errors import FileChanged, InvalidInput
from weighthouse.hashes import Hashes, Stamp
from weighthouse.notes import open_notes
from weighthouse.push.content import Content, Segment
from weighthouse.push.journal import Begun, Journal, fingerprint
from weighthouse.push.layout import Layout, Part, ranges
from weighthouse.push.scanning import scan

MIB = 1024 * 1024


def names(folder):
    return [source.filename for source in scan(folder)]


def test_a_folder_is_all_its_files_in_path_order(tmp_path):
    folder = made(tmp_path / "net", {"b": b"", "a/b": b"1", "a/c/d": b"22"})
    assert names(folder) == ["a/b", "a/c/d", "b"]
    assert [source.size for source in scan(folder)] == [1, 2, 0]


def test_a_file_is_itself(tmp_path):
    made(tmp_path, {"weights": b"123"})
    assert names(tmp_path / "weights") == ["weights"]


def test_what_is_nobodys_model_is_left_out(tmp_path):
    skipped = (
        ".git/config",
        "x/__pycache__/a.pyc",
        ".DS_Store",
        "x/.ipynb_checkpoints/n",
        ".a.weighthouse-part",
    )
    folder = made(tmp_path / "net", dict.fromkeys([*skipped, "a", ".hidden", "git/config"], b""))
    assert names(folder) == [".hidden", "a", "git/config"]


def test_patterns_leave_out_as_gitignore_does(tmp_path):
    files = ("a", "logs/x", "sub/logs/y", "sub/b", "only/logs", "run.log", "sub/keep.log")
    folder = made(tmp_path / "net", dict.fromkeys(files, b""))
    made(folder, {".weighthouseignore": b"# no logs\n*.log\n!keep.log\n/logs/\n"})
    assert names(folder) == ["a", "only/logs", "sub/b", "sub/keep.log", "sub/logs/y"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    blobs = made(tmp_path / "blobs", {"abc": b"weights"})
    folder = made(tmp_path / "snapshot", {"a": b""})
    (folder / "model.safetensors").symlink_to(blobs / "abc")
    (folder / "more").symlink_to(blobs)
    assert names(folder) == ["a", "model.safetensors", "more/abc"]
    (folder / "more2").symlink_to(folder)
    with pytest.raises(InvalidInput, match="more2"):
        scan(folder)


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "a\x1bb", "x" * 200 + "/" + "y" * 200 + "/" + "z" * 200])
def test_names_that_the_registry_does_not_take_are_refused(tmp_path, name):
    with pytest.raises(InvalidInput):
        scan(made(tmp_path / "net", {name: b""}))


def test_what_can_not_be_pushed_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    folder = made(tmp_path / "net", {"a": b""})
    (folder / "broken").symlink_to("nowhere")
    for path, said in (("nothing", "nothing"), ("empty", "no file"), ("pipe", "neither"), ("net", "broken")):
        with pytest.raises(InvalidInput, match=said):
            scan(tmp_path / path)


@given(st.sets(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(1, 12))))
def test_ranges_name_each_part_that_is_wanted_and_no_others_of_a_file(wanted):
    parts = [
        Part(name, number, 0, 1) for name, number in sorted(wanted, key=lambda part: (part[0] or "", part[1]))
    ]
    asked = ranges(parts)
    named = {
        (file["filename"], number)
        for file in asked["files"]
        for number in range(file["first_part"], file["last_part"] + 1)
    }
    assert named == {part for part in wanted if part[0]}
    bundle = asked["bundle"]
    numbers = [number for name, number in wanted if name is None]
    assert (bundle is None) == (not numbers)
    if bundle:
        assert (bundle["first_part"], bundle["last_part"]) == (min(numbers), max(numbers))


def test_missing_is_what_has_not_arrived_or_has_another_size():
    page = {
        "part_size": 8,
        "files": [
            {"filename": "a", "file_size": 20, "already_stored": False, "bundle_offset": None,
             "parts": [{"part_number": 1, "size": 8}, {"part_number": 3, "size": 8}]},
            {"filename": "b", "file_size": 5, "already_stored": True, "bundle_offset": None, "parts": []},
            {"filename": "c", "file_size": 3, "already_stored": False, "bundle_offset": 0, "parts": []},
        ],
        "bundle": {"size": 9, "parts": [{"part_number": 1, "size": 8}]},
    }  # fmt: skip
    layout = Layout.of([page])
    assert layout.names == {"a", "b", "c"}
    assert layout.missing() == [Part(None, 2, 8, 1), Part("a", 2, 8, 8), Part("a", 3, 16, 4)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.data())
def test_a_part_of_the_bundle_is_read_from_the_files_it_is_made_of(tmp_path_factory, sizes, data):
    folder = tmp_path_factory.mktemp("net")
    contents = {f"{number}": os.urandom(size) for number, size in enumerate(sizes)}
    made(folder, contents)
    sources = scan(folder)
    segments = []
    for source in sources:
        start = data.draw(st.integers(0, source.size - 1))
        segments.append(Segment(source, start, data.draw(st.integers(1, source.size - start))))
    read = []
    with Content(segments, read.append) as content:
        block = data.draw(st.integers(1, 40))
        got = b"".join(iter(lambda: content.read(block), b""))
    assert got == b"".join(contents[s.filename][start : start + size] for s, start, size in segments)
    assert sum(read) == content.position == len(got)


def test_a_file_that_is_not_what_it_was_is_not_read(tmp_path):
    (source,) = scan(made(tmp_path, {"a": b"x" * 100}) / "a")
    with Content([Segment(source, 0, 100)], lambda count: None) as content:
        content.read(50)
        os.truncate(source.path, 60)
        content.read(10)
        with pytest.raises(FileChanged):
            content.read(40)
    with Content([Segment(source, 0, 100)], lambda count: None) as content, pytest.raises(FileChanged):
        content.read(1)


def test_the_journal_of_one_push_is_its_own(tmp_path):
    notes = open_notes()
    one, other = Journal(notes, "url", "ana", "m"), Journal(notes, "url", "ana", "n")
    begun = Begun("1" * 32, fingerprint({"name": "M"}, [("a", 1, "00")]))
    one.write(begun)
    assert (Journal(open_notes(), "url", "ana", "m").read(), other.read()) == (begun, None)
    with one.alone(), other.alone(), pytest.raises(InvalidInput, match="running"), one.alone():
        pass
    one.clear()
    assert one.read() is None


def test_notes_that_are_damaged_are_begun_anew(tmp_path):
    open_notes().close()
    (file,) = (tmp_path / "state" / "weighthouse").glob("*.sqlite3")
    file.write_bytes(b"no database at all" * 100)
    assert Hashes(open_notes()).known([Stamp("a", 1, 1, 1, 1, 1)]) == {}
