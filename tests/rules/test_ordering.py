"""The natural order of versions, and the version after the highest."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.registry.naming import check_version
from chalicelib.registry.ordering import natural_key, next_version

ANY_VERSION = st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII), fullmatch=True)
CLOSE_VERSIONS = st.from_regex(re.compile(r"[vV01][vV0129.-]{0,5}", re.ASCII), fullmatch=True)
VERSIONS = ANY_VERSION | CLOSE_VERSIONS


def comparable(version):
    """Natural order by Python's own comparison of numbers and letters."""
    runs = re.findall(r"[0-9]+|[^0-9]", version.lower())
    # A digit stands among the other characters where ASCII has it.
    return [("0", int(run)) if run.isdecimal() else (run, 0) for run in runs]


@pytest.mark.parametrize(
    "ascending",
    [
        ["v1", "v2", "v10"],
        ["v1.9", "v1.10", "v1.10.1", "v2"],
        ["v1", "v1-rc1", "v1.1", "v1_1", "v1a"],
        ["1.0", "1.0-rc1", "1.0-rc2", "1.0.1"],
        ["V1", "v1", "V2", "v2"],
        ["v0", "v00", "v01", "v1", "v2"],
        ["2023-12", "2024-06", "2024-11"],
        ["alpha", "Beta", "beta", "gamma2", "Gamma10"],
        ["9" * 63, "1" + "0" * 63, "9" * 64],
    ],
)
def test_examples_of_natural_order(ascending):
    keys = [natural_key(version).encode() for version in ascending]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@given(VERSIONS, VERSIONS)
@example("v1", "v01")
@example("v1", "V1")
def test_two_versions_never_have_one_key(one, other):
    assert (natural_key(one) == natural_key(other)) == (one == other)


@given(VERSIONS, VERSIONS)
def test_keys_sort_as_numbers_and_letters_compare(one, other):
    keys = natural_key(one).encode(), natural_key(other).encode()
    values = comparable(one), comparable(other)
    assume(values[0] != values[1])
    assert (keys[0] < keys[1]) == (values[0] < values[1])


@given(VERSIONS, st.text("aZ09._-", min_size=1, max_size=10))
def test_a_version_sorts_before_all_that_add_to_it(version, more):
    assume(len(version + more) <= 64)
    assert natural_key(version).encode() < natural_key(version + more).encode()


@given(st.integers(0, 10**62), st.integers(0, 10**62))
def test_numbers_sort_by_value(one, other):
    assert (natural_key(f"v{one}") < natural_key(f"v{other}")) == (one < other)


@given(VERSIONS)
@example("1a" * 32)
@example("1" * 64)
def test_a_key_is_short_ascii_without_the_separator_of_other_keys(version):
    key = natural_key(version)
    assert key.isascii()
    assert len(key) <= 193
    assert "#" not in key


@pytest.mark.parametrize(
    ("highest", "following"),
    [
        (None, "v1"),
        ("v1", "v2"),
        ("v10", "v11"),
        ("v1.9", "v1.10"),
        ("v009", "v010"),
        ("v099", "v100"),
        ("v99", "v100"),
        ("2024-06", "2024-07"),
        ("1.0-rc1", "1.0-rc2"),
        ("v2-beta", "v3"),
        ("1.0.x", "1.1"),
        ("beta", "beta-2"),
        ("beta-2", "beta-3"),
        ("0", "1"),
        ("x" * 62, "x" * 62 + "-2"),
        ("9" * 63, "1" + "0" * 63),
    ],
)
def test_examples_of_the_next_version(highest, following):
    assert next_version(highest) == following


@pytest.mark.parametrize("highest", ["x" * 63, "9" * 64, "v" + "9" * 63])
def test_no_next_version_where_the_name_would_be_too_long(highest):
    with pytest.raises(InvalidRequest, match=f"version is 'next', but what follows '{highest}'"):
        next_version(highest)


@given(VERSIONS)
def test_the_next_version_is_a_version_and_sorts_after(highest):
    try:
        following = next_version(highest)
    except InvalidRequest:
        assert len(highest) >= 63
        return
    check_version(following)
    assert natural_key(highest).encode() < natural_key(following).encode()
