"""What of a pull is plain functions: which files, where they go, and how much of them has arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighthouse import InvalidInput
from weighthouse.names import PART
from weighthouse.paths import path_problem
from weighthouse.patience import Patience
from weighthouse.pull.places import Places, check_paths, open_locked, part_of
from weighthouse.pull.ranges import Ranges, range_size, read_state, state_size
from weighthouse.pull.selection import SMALL, Wanted, grouped, select

MIB = 1 << 20


def wanted(name, size=1, sha256="ab" * 32, crc32="00000000"):
    return Wanted(name, size, sha256, crc32, 0)


def names(files):
    return [file.filename for file in files]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a//b",
        "",
        ".",
        "a/",
        "a\\b",
        "a\nb",
        "a\x1b[31m",
        "a\x85",
        "\ud800",
        f"a/.b{PART}",
        f"B{PART.upper()}",
        f".b{PART}/c",
        "C:evil",
        "photo\u202egpj.exe",
        "a\uffff",
        "\u200b",
    ],
)
def test_a_path_that_could_lead_elsewhere_or_fool_a_reader_is_refused(path):
    with pytest.raises(InvalidInput) as refused:
        check_paths([path])
    assert refused.value.detail.isprintable()


@pytest.mark.parametrize("path", ["a", "a/b.c", ".hidden", "..a", "a/...", "ü/模型.bin", "~", "-rf", "a b"])
def test_any_other_path_is_fine(path):
    check_paths([path])


@given(
    st.text(
        st.characters(exclude_characters="/\\", exclude_categories=["C"]), min_size=1, max_size=120
    ).filter(lambda name: path_problem(name) is None)
)
def test_the_name_of_a_file_on_its_way_fits_and_is_no_file_of_a_version(name):
    part = part_of(f"folder/{name}")
    assert part.startswith("folder/.")
    assert len(part.removeprefix("folder/").encode()) <= 255
    with pytest.raises(InvalidInput):
        check_paths([part])


def test_long_names_that_begin_alike_have_different_parts():
    assert part_of("x" * 250 + "1") != part_of("x" * 250 + "2")


def test_patterns_choose_as_in_gitignore():
    files = [wanted(name) for name in ("a.bin", "onnx/b.bin", "onnx/c.onnx", "deep/onnx/d.txt")]
    assert names(select(files, [], [])) == names(files)
    assert names(select(files, ["*.bin"], [])) == ["a.bin", "onnx/b.bin"]
    assert names(select(files, ["/onnx/"], ["*.bin"])) == ["onnx/c.onnx"]
    assert names(select(files, [], ["onnx"])) == ["a.bin"]
    assert names(select(files, ["*", "!*.bin"], [])) == ["onnx/c.onnx", "deep/onnx/d.txt"]
    assert names(select(map(wanted, ("cafe\u0301", "cafe")), ["caf\u00e9"], [])) == ["cafe\u0301"]
    assert names(select(map(wanted, ("caf\u00e9", "cafe")), [], ["cafe\u0301"])) == ["cafe"]


def test_patterns_that_leave_nothing_are_an_error_that_names_them():
    with pytest.raises(InvalidInput, match=r"\*\.safetensors"):
        select([wanted("a.bin")], ["*.safetensors"], [])


@given(st.lists(st.integers(0, 2 * SMALL), max_size=60))
def test_groups_hold_every_file_in_order_and_large_ones_alone(sizes):
    files = [wanted(str(number), size) for number, size in enumerate(sizes)]
    groups = list(grouped(files))
    assert sorted(names(file for group in groups for file in group), key=int) == names(files)
    for group in groups:
        assert len(group) == 1 or all(file.size <= SMALL for file in group)
        assert sum(file.size for file in group) <= max(4 * MIB, group[0].size)


@given(st.integers(1, 60 * 1024**4))
def test_ranges_are_few_and_hold_the_file(size):
    each = range_size(size)
    assert each % MIB == 0
    assert each >= 16 * MIB
    assert (-(-size // each) - 1) * each < size
    assert -(-size // each) <= 10_000


@given(st.integers(1, 70 * MIB), st.data())
def test_what_has_arrived_is_read_as_it_was_written(size, data):
    file = wanted("a", size)
    ranges = Ranges(size, range_size(size))
    for index in range(len(ranges)):
        start, stop = ranges.bounds(index)
        ranges.add(index, data.draw(st.integers(0, stop - start)))
    state = ranges.written(file, '"tag"')
    assert len(state) == state_size(size)
    again, etag = read_state(state, file)
    assert etag == '"tag"'
    assert [again.missing(index) for index in range(len(again))] == [
        ranges.missing(index) for index in range(len(ranges))
    ]
    assert again.arrived + sum(stop - start for start, stop in map(again.missing, range(len(again)))) == size
    prefix = again.prefix(0)
    assert all(again.is_finished(index) for index in range(prefix // again.each))
    assert prefix == size or again.missing(prefix // again.each)[0] == prefix


@pytest.mark.parametrize(
    "other", [wanted("a", 9), wanted("a", 10, "cd" * 32), wanted("a", 10, crc32="00000001")]
)
def test_a_state_of_other_content_is_not_gone_on_with(other):
    state = Ranges(10, range_size(10)).written(wanted("a", 10), None)
    assert read_state(state, wanted("a", 10))
    assert read_state(state, other) is None


@given(st.binary(max_size=400))
def test_garbage_is_no_state(garbage):
    assert read_state(garbage, wanted("a", 10)) is None
    true = Ranges(10, range_size(10)).written(wanted("a", 10), None)
    assert read_state(true[:-1] + b"\xff", wanted("a", 10)) is None


def test_a_link_in_the_place_of_a_folder_is_refused_by_its_name(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "deep").symlink_to(tmp_path / "out")
    with pytest.raises(InvalidInput, match="deep"):
        Places(tmp_path / "in").prepare("deep/er/file")
    assert not list((tmp_path / "out").iterdir())


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    places = Places(tmp_path)
    with pytest.raises(InvalidInput, match=r"'.*file' is a file where a folder must go"):
        places.prepare("file/inside")
    with pytest.raises(InvalidInput, match=r"'.*folder' is a folder where a file must go"):
        places.there("folder")
    with pytest.raises(InvalidInput, match=r"'.*file' is not a folder"):
        Places(tmp_path / "file")


def test_a_part_that_is_a_link_is_not_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / "part").symlink_to(outside)
    descriptor, _ = open_locked(str(tmp_path / "part"), Patience())
    with open(descriptor, "wb") as part:
        part.write(b"theirs")
    assert outside.read_bytes() == b"mine"
