"""Units of unpacking: every member once, in order, nothing small alone that has a small neighbour."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.archive.directory import Member
from chalicelib.archive.units import (
    COPIED_FROM,
    MIB,
    SMALL,
    TOGETHER,
    TOGETHER_MEMBERS,
    cut_shares,
    plan_units,
    without,
)

SIZES = st.one_of(
    st.integers(0, 2_000),
    st.integers(0, 3 * MIB),
    st.integers(COPIED_FROM - 1, COPIED_FROM + 1),
    st.integers(0, 2**40),
)
# What lies between members: descriptors, folders, members that are left out.
GAPS = st.one_of(st.just(0), st.integers(0, 100), st.integers(0, 20 * MIB))


@st.composite
def archives(draw):
    members, offset = [], 0
    for number, (size, stored, gap) in enumerate(
        draw(st.lists(st.tuples(SIZES, st.booleans(), GAPS), min_size=1, max_size=60))
    ):
        packed = size if stored else size // 2
        end = offset + 40 + packed + gap
        method = 0 if stored else 8
        members.append(Member(f"m{number}", b"m", size, packed, 0, method, 0, offset, end))
        offset = end
    return members


@given(archives())
def test_every_member_is_in_one_unit_in_order(members):
    units = list(plan_units(members))
    assert [member for unit in units for member in unit.members] == members


@given(archives())
def test_what_each_way_is_for(members):
    units = list(plan_units(members))
    for unit in units:
        if unit.way == "copy":
            (member,) = unit.members
            assert member.method == 0
            assert member.size >= COPIED_FROM
        elif unit.way == "stream":
            (member,) = unit.members
            assert member.extent_end - member.header_offset > SMALL or member.size > SMALL
        else:
            assert unit.length <= TOGETHER
            assert len(unit.members) <= TOGETHER_MEMBERS
            assert all(member.size <= SMALL for member in unit.members)


@given(archives())
def test_neighbours_are_parted_only_where_they_are_too_many(members):
    units = list(plan_units(members))
    for left, right in itertools.pairwise(units):
        if left.way == right.way == "together":
            span = right.members[0].extent_end - left.offset
            assert span > TOGETHER or len(left.members) == TOGETHER_MEMBERS


@given(archives())
def test_units_take_every_byte_of_their_members_and_none_twice(members):
    units = list(plan_units(members))
    for unit in units:
        assert unit.offset == unit.members[0].header_offset
        assert unit.offset + unit.length == unit.members[-1].extent_end
    for left, right in itertools.pairwise(units):
        assert left.offset + left.length <= right.offset


@given(archives(), st.data())
def test_what_is_done_already_is_in_no_unit(members, data):
    done = {member.path for member in members if data.draw(st.booleans())}
    left = list(without(plan_units(members), done))
    assert [member for unit in left for member in unit.members] == [m for m in members if m.path not in done]
    assert all(unit.members for unit in left)


@given(archives(), st.integers(1, 20 * MIB), st.integers(1, 8))
def test_shares_hold_every_unit_once_and_cost_about_the_same(members, least, most):
    units = list(plan_units(members))
    shares = cut_shares(units, least=least, most=most)
    assert [unit for share in shares for unit in share] == units
    assert all(shares)
    total, largest = sum(unit.cost for unit in units), max(unit.cost for unit in units)
    assert len(shares) <= max(1, min(most, total // least))
    fair = total / max(1, min(most, total // least))
    assert all(sum(unit.cost for unit in share) < fair + largest + 1 for share in shares)


def test_an_archive_of_no_members_is_one_share_without_units():
    assert cut_shares([], least=1, most=4) == [[]]
