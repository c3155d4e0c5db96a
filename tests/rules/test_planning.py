"""How a file is cut into parts, within the limits of S3."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest, TooLarge
from chalicelib.registry.planning import (
    GIB,
    MAX_OBJECT,
    MAX_PART,
    MAX_PARTS,
    MIB,
    MIN_PART,
    SMALLEST_PART,
    check_file_size,
    part_length,
    part_size,
    parts_total,
)

SIZES = st.integers(0, MAX_OBJECT) | st.integers(0, 100 * MIB)


@pytest.mark.parametrize(
    ("file_size", "size", "total"),
    [
        (0, 8 * MIB, 0),
        (1, 8 * MIB, 1),
        (8 * MIB, 8 * MIB, 1),
        (8 * MIB + 1, 8 * MIB, 2),
        (80_000 * MIB, 8 * MIB, 10_000),
        (80_000 * MIB + 1, 9 * MIB, 8_889),
        (1024 * GIB, 105 * MIB, 9_987),
        (MAX_OBJECT, 5 * GIB, 10_000),
    ],
)
def test_examples_of_plans(file_size, size, total):
    assert part_size(file_size) == size
    assert parts_total(file_size, size) == total


def test_the_largest_object_is_ten_thousand_of_the_largest_parts():
    assert MAX_OBJECT == 53_687_091_200_000


@given(SIZES)
@example(0)
@example(MAX_OBJECT)
def test_a_part_size_keeps_to_all_limits_and_is_the_smallest_that_does(file_size):
    size = part_size(file_size)
    assert MIN_PART < SMALLEST_PART <= size <= MAX_PART
    assert size % MIB == 0
    assert parts_total(file_size, size) <= MAX_PARTS
    if size > SMALLEST_PART:
        assert parts_total(file_size, size - MIB) > MAX_PARTS


@given(SIZES, SIZES)
def test_the_part_size_of_the_largest_file_serves_all_files(one, other):
    assert parts_total(min(one, other), part_size(max(one, other))) <= MAX_PARTS


@given(SIZES)
def test_parts_add_up_to_the_file(file_size):
    size = part_size(file_size)
    lengths = [part_length(file_size, size, number + 1) for number in range(parts_total(file_size, size))]
    assert sum(lengths) == file_size
    assert all(length == size for length in lengths[:-1])
    assert all(0 < length <= size for length in lengths[-1:])


@given(SIZES, st.integers())
def test_a_file_has_the_parts_from_one_to_its_total_only(file_size, number):
    size = part_size(file_size)
    if 1 <= number <= parts_total(file_size, size):
        assert part_length(file_size, size, number) > 0
    else:
        with pytest.raises(InvalidRequest, match=f"part_number is {number}"):
            part_length(file_size, size, number)


@pytest.mark.parametrize(
    ("file_size", "number", "reason"),
    [
        (100, 2, "its parts are 1 to 1"),
        (100, 0, "its parts are 1 to 1"),
        (0, 1, "an empty file has no parts"),
    ],
)
def test_a_missing_part_is_refused_with_the_parts_there_are(file_size, number, reason):
    with pytest.raises(InvalidRequest, match=reason):
        part_length(file_size, 8 * MIB, number)


def test_file_sizes_have_bounds():
    check_file_size(0)
    check_file_size(MAX_OBJECT)
    with pytest.raises(InvalidRequest, match=r"files\[0\]\.file_size is -1: it must be"):
        check_file_size(-1, "files[0].file_size")
    with pytest.raises(TooLarge, match=f"file_size is {MAX_OBJECT + 1}: .*at most {MAX_OBJECT} bytes"):
        check_file_size(MAX_OBJECT + 1)
