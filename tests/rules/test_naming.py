"""Which names are allowed, and which paths can't share a version."""

import time

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.paths import path_key, path_problem
from chalicelib.registry import naming

CHECKS = {
    "user_id": (naming.check_user_id, 128),
    "model_id": (naming.check_model_id, 128),
    "version": (naming.check_version, 64),
}


@pytest.mark.parametrize("field", CHECKS)
@pytest.mark.parametrize("value", ["a", "7", "v1.2-rc_3", "A.b-C_d", "next1", "Upload"])
def test_names_in_the_pattern_pass(field, value):
    CHECKS[field][0](value)


@pytest.mark.parametrize("field", CHECKS)
@pytest.mark.parametrize(
    "value", ["", ".", "..", ".a", "-a", "_a", "a b", "a\n", "a/b", "a#b", "é", "a\x00", "١", "a\ud800"]
)
def test_names_outside_the_pattern_are_refused_by_field_and_value(field, value):
    with pytest.raises(InvalidRequest) as refused:
        CHECKS[field][0](value)
    assert refused.value.detail.startswith(f"{field} is {value!r}: allowed are letters, digits and .")


@pytest.mark.parametrize("field", CHECKS)
def test_names_have_a_greatest_length(field):
    check, longest = CHECKS[field]
    check("a" * longest)
    with pytest.raises(InvalidRequest, match=f"at most {longest} characters"):
        check("a" * (longest + 1))


def test_only_users_may_hold_at_and_plus():
    naming.check_user_id("ana+test@example.org")
    for check in (naming.check_model_id, naming.check_version):
        with pytest.raises(InvalidRequest):
            check("a+b")
        with pytest.raises(InvalidRequest):
            check("a@b")


@pytest.mark.parametrize("word", ["upload", "uploads", "search"])
def test_words_of_the_routes_are_no_users(word):
    with pytest.raises(InvalidRequest, match=f"user_id is '{word}': this word is reserved"):
        naming.check_user_id(word)
    naming.check_model_id(word)


def test_next_is_no_version():
    with pytest.raises(InvalidRequest, match="version is 'next'"):
        naming.check_version("next")


@pytest.mark.parametrize("word", ["latest", "Latest", "LATEST"])
def test_latest_is_no_new_version_in_any_case(word):
    with pytest.raises(InvalidRequest, match=f"version is '{word}': this word means"):
        naming.check_new_version(word)
    naming.check_version(word)


@pytest.mark.parametrize("word", ["next", "Next", "NEXT", "latest-1", "nextgen"])
def test_next_in_any_case_may_be_asked_for_and_longer_words_are_names(word):
    naming.check_new_version(word)


def test_paths_of_the_service_are_no_new_users():
    for word in each(["api", "mlflow", "v2", "docs", "health", "tokens", "usage", "assets", "ai-models"]):
        naming.check_user_id(word)
        with pytest.raises(InvalidRequest, match=f"user_id is '{word}': this is a path of the service"):
            naming.check_new_user_id(word)


def test_an_error_repeats_at_most_80_characters_of_a_value():
    with pytest.raises(InvalidRequest) as refused:
        naming.check_user_id("\n" * 100_000)
    assert len(refused.value.detail) < 200
    assert naming.shown("a" * 78) == repr("a" * 78)
    assert naming.shown("a" * 79) == "'" + "a" * 78 + "…"


@pytest.mark.parametrize("tag", ["a", "computer vision", "größe", "#1", "👩‍🔬", "a" * 128])
def test_tags_are_free_text(tag):
    naming.check_tag(tag)


@pytest.mark.parametrize(
    "tag",
    ["", " ", "a,b", " a", "a ", "a\u00a0", "a\tb", "a\x00b", "a\x85b", "a\u2028b", "\ud800", "a" * 129],
)
def test_tags_that_could_not_be_written_in_a_list_are_refused(tag):
    with pytest.raises(InvalidRequest) as refused:
        naming.check_tag(tag)
    assert naming.shown(tag) in refused.value.detail
    assert refused.value.detail.startswith("tags has ")


def test_a_path_is_refused_with_its_field_and_the_reason():
    naming.check_path("weights/model.bin")
    with pytest.raises(InvalidRequest) as refused:
        naming.check_path("../model.bin")
    assert refused.value.detail.startswith("filename '../model.bin' has the segment '..'")
    with pytest.raises(InvalidRequest, match=r"files\[3\]\.filename ''"):
        naming.check_path("", "files[3].filename")


@pytest.mark.parametrize(
    ("paths", "pair"),
    [
        (["a", "b", "a"], ("a", "a")),
        (["Model.bin", "x", "model.BIN"], ("Model.bin", "model.BIN")),
        (["\u00e9.txt", "e\u0301.txt"], ("\u00e9.txt", "e\u0301.txt")),
        (["straße", "STRASSE"], ("straße", "STRASSE")),
        (["a/b", "a"], ("a", "a/b")),
        (["a-b", "a", "a.b", "a/b"], ("a", "a/b")),
        (["a b", "a!", "A/c/d", "a"], ("a", "A/c/d")),
        (["x/É", "x/é/y"], ("x/É", "x/é/y")),
    ],
)
def test_paths_that_no_file_system_holds_together(paths, pair):
    assert naming.collision(paths) == pair
    with pytest.raises(InvalidRequest) as refused:
        naming.check_paths(paths)
    assert repr(pair[0]) in refused.value.detail
    assert repr(pair[1]) in refused.value.detail


@pytest.mark.parametrize(
    "paths", [[], ["a"], ["a/b", "a/c", "ab", "a.b", "a-b", "A/d", "b/a"], ["a/b/c", "b/c"]]
)
def test_paths_that_go_together(paths):
    assert naming.collision(paths) is None
    naming.check_paths(paths)


SEGMENTS = st.text("aAbé\u0301É.- ß", min_size=1, max_size=3)
PATHS = (
    st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join).filter(lambda path: path_problem(path) is None)
)


def collide(one, other):
    """The same rule, pair by pair."""
    one, other = path_key(one), path_key(other)
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


@given(st.lists(PATHS, max_size=12))
def test_a_collision_is_found_exactly_when_some_pair_collides(paths):
    pairs = [(a, b) for i, a in enumerate(paths) for b in paths[i + 1 :] if collide(a, b)]
    found = naming.collision(paths)
    assert (found is not None) == bool(pairs)
    if found is not None:
        assert found in pairs or found[::-1] in pairs


@pytest.mark.parametrize("prefix", ["layer", "層" * 20, "a/" * 200])
def test_100_000_paths_take_less_than_a_second(prefix):
    paths = [f"{prefix}{number}/weights.bin" for number in range(100_000)]
    started = time.process_time()
    assert naming.collision(paths) is None
    assert time.process_time() - started < 1
