import io
import zipfile

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from laidout import FILES, gather, plan

from chalicelib.archive.directory import read_directory
from chalicelib.archive.layout import Content, Entry, Layout, Piece, plan_archive
from chalicelib.archive.members import stream_member
from chalicelib.archive.parts import MAX_PART, MAX_PARTS, MIN_PART, CopyPart, Part, WrittenPart, plan_parts
from chalicelib.archive.source import BytesSource
from chalicelib.errors import TooLarge

KIB, MIB, GIB, TIB = 1024, 1024**2, 1024**3, 1024**4

trees = st.dictionaries(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
        min_size=1,
        max_size=9,
    ),
    st.binary(max_size=300),
    min_size=1,
    max_size=12,
)


def pieces_of(part: Part) -> tuple[Piece, ...]:
    return (part.content,) if isinstance(part, CopyPart) else part.pieces


def check_parts(
    layout: Layout, parts: list[Part], *, min_part=MIN_PART, max_part=MAX_PART, max_parts=MAX_PARTS
):
    """Within all limits, and the layout's pieces in order, each byte once."""
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= max_parts
    assert [part for part in parts[:-1] if not min_part <= part.size <= max_part] == []
    assert 0 < parts[-1].size <= max_part
    assert sum(part.size for part in parts) == layout.size
    whole = iter(layout.pieces)
    current, position = next(whole), 0
    for part in each(parts):
        for piece in each(pieces_of(part)):
            if position == current.length:
                current, position = next(whole), 0
            assert piece.length > 0
            assert piece == current.cut(position, piece.length)
            position += piece.length
    assert position == current.length
    assert next(whole, None) is None


def written(parts: list[Part]) -> int:
    return sum(part.size for part in parts if isinstance(part, WrittenPart))


@given(trees)
def test_zipfile_reads_back_what_was_laid_out(files):
    layout = plan(files)
    data = gather(layout.pieces, files)
    assert len(data) == layout.size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == files
        assert archive.namelist() == sorted(files, key=str.encode)


def test_our_own_reader_takes_it():
    source = BytesSource(gather(plan(FILES).pieces, FILES))
    assert {m.path: b"".join(stream_member(source, m)) for m in read_directory(source).members} == FILES


@given(trees, st.randoms(use_true_random=False))
def test_the_order_of_the_entries_does_not_matter(files, chance):
    shuffled = list(files)
    chance.shuffle(shuffled)
    assert plan({name: files[name] for name in shuffled}) == plan(files)


def test_members_are_regular_files_of_a_fixed_time():
    with zipfile.ZipFile(io.BytesIO(gather(plan(FILES).pieces, FILES))) as archive:
        for info in each(archive.infolist()):
            assert info.date_time == (2000, 1, 1, 12, 0, 0)
            assert (info.external_attr, info.create_system) == (0o100644 << 16, 3)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.flag_bits == 0x0800


def test_no_entry_and_two_of_one_path_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        plan_archive([])
    with pytest.raises(ValueError, match="two entries have the path 'a'"):
        plan_archive([Entry("a", 1, 1), Entry("b", 1, 1), Entry("a", 2, 2)])


@given(trees, st.integers(1, 200), st.integers(2, 10))
def test_the_parts_together_are_the_archive(files, min_part, times):
    layout = plan(files)
    max_part = min_part * times
    parts = plan_parts(layout, min_part=min_part, max_part=max_part, max_parts=100_000)
    check_parts(layout, parts, min_part=min_part, max_part=max_part, max_parts=100_000)
    assert b"".join(gather(pieces_of(part), files) for part in parts) == gather(layout.pieces, files)


sizes = st.one_of(
    st.integers(0, 64 * KIB),
    st.integers(0, 40 * MIB),
    st.integers(0, 20 * GIB),
    st.integers(0, 4 * TIB),
    st.sampled_from(
        [0, 1, MIN_PART - 1, MIN_PART, MIN_PART + 1, 2 * MIN_PART, MAX_PART, MAX_PART + 1, 2 * MAX_PART]
    ),
)


@given(st.lists(sizes, min_size=1, max_size=30))
def test_parts_of_any_sizes_keep_the_limits_and_write_little(entry_sizes):
    layout = plan_archive([Entry(f"{number:02}", size, 0) for number, size in enumerate(entry_sizes)])
    parts = plan_parts(layout)
    check_parts(layout, parts)
    copied_entries = sum(size >= 2 * MIN_PART for size in entry_sizes)
    small = sum(size for size in entry_sizes if size < 2 * MIN_PART)
    assert written(parts) <= copied_entries * MIN_PART + small + layout.size - sum(entry_sizes)
    assert all(part.size <= 8 * MIB for part in parts if isinstance(part, WrittenPart))


def first_header_of(layout: Layout) -> int:
    return layout.pieces[0].length


def test_a_written_part_takes_just_enough_of_a_large_entry():
    layout = plan_archive([Entry("large", 100 * MIB, 0)])
    head, copy, tail = plan_parts(layout)
    front = MIN_PART - first_header_of(layout)
    assert head == WrittenPart(1, (layout.pieces[0], Content("large", 0, front)))
    assert copy == CopyPart(2, Content("large", front, 100 * MIB - front))
    assert tail == WrittenPart(3, (layout.pieces[-1],))


@pytest.mark.parametrize("missing", [0, 1])
def test_the_rest_of_an_entry_is_copied_from_five_mebibytes_on(missing):
    header = first_header_of(plan_archive([Entry("a", 1, 0)]))
    layout = plan_archive([Entry("a", 2 * MIN_PART - header - missing, 0)])
    parts = plan_parts(layout)
    check_parts(layout, parts)
    assert any(isinstance(part, CopyPart) for part in parts) == (not missing)


def test_the_headers_before_a_large_entry_ride_at_the_end_of_the_part_before():
    layout = plan_archive([Entry("a", 6 * MIB, 0), Entry("b", 300 * MIB, 0)])
    first, second, *_ = plan_parts(layout)
    assert isinstance(first, WrittenPart)
    assert first.pieces == (
        layout.pieces[0],
        Content("a", 0, 6 * MIB),
        layout.pieces[2],
    )
    assert isinstance(second, CopyPart)
    assert second.content.offset == 0


def test_an_archive_smaller_than_a_part_is_one():
    layout = plan(FILES)
    assert plan_parts(layout) == [WrittenPart(1, layout.pieces)]


@pytest.mark.parametrize("size", [48 * TIB, 5 * TIB, 5 * GIB + 1, 15 * GIB])
def test_one_entry_of_any_size_is_copied_but_for_its_front(size):
    layout = plan_archive([Entry("huge", size, 0)])
    parts = plan_parts(layout)
    check_parts(layout, parts)
    assert written(parts) <= MIN_PART + KIB


FEW = MAX_PARTS // 100
"""Parts that a hundredth of a version's most files must keep to: the same rule, in a hundredth of the time."""


@pytest.mark.parametrize(
    ("count", "size"),
    [(1_000, 0), (1_000, 1_000), (1_000, MIB), (1_000, 10 * MIB), (90, 100 * MIB), (40, GIB)],
)
def test_many_entries_keep_to_the_most_parts(count, size):
    layout = plan_archive([Entry(f"shard-{number:06}", size, number) for number in range(count)])
    check_parts(layout, plan_parts(layout, max_parts=FEW), max_parts=FEW)


def test_large_entries_are_copied_even_where_small_ones_force_larger_parts():
    small = [Entry(f"a{number:06}", MIB, 0) for number in range(900)]
    large = [Entry(f"b{number:06}", 5 * GIB, 0) for number in range(2)]
    layout = plan_archive(small + large)
    parts = plan_parts(layout, max_parts=FEW)
    check_parts(layout, parts, max_parts=FEW)
    assert written(parts) <= 900 * (MIB + KIB) + 2 * 16 * MIB


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=40), st.integers(1, 30))
def test_few_parts_are_larger_or_too_few(entry_sizes, max_parts):
    layout = plan_archive([Entry(f"{number:02}", size, 0) for number, size in enumerate(entry_sizes)])
    try:
        parts = plan_parts(layout, min_part=100, max_part=5_000, max_parts=max_parts)
    except TooLarge:
        # The last try has parts of more than 5,000 / 2 / 1.25 bytes, and one too many of them.
        assert layout.size > max_parts * 2_000
    else:
        check_parts(layout, parts, min_part=100, max_part=5_000, max_parts=max_parts)


def test_what_no_object_can_hold_is_too_large():
    with pytest.raises(TooLarge, match="one by one"):
        plan_parts(plan_archive([Entry("a", FEW * MAX_PART + 1, 0)]), max_parts=FEW)


def test_a_largest_part_below_twice_the_smallest_is_a_mistake():
    with pytest.raises(ValueError, match="at least twice"):
        plan_parts(plan(FILES), min_part=10, max_part=19)
