import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.paths import path_key, path_problem


@pytest.mark.parametrize(
    "path",
    [
        "model.bin",
        "a/b/c.txt",
        "...",
        "a/...b/.hidden",
        "é/模型 1.bin",
        " ",
        "C:notes",
        "é" * 256,
        "x" * 512,
        "a\u00a0b",
    ],
)
def test_ordinary_paths_are_fine(path):
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/a", "begins with '/'"),
        ("a/", "segment ''"),
        ("a//b", "segment ''"),
        (".", "segment '.'"),
        ("a/./b", "segment '.'"),
        ("..", "segment '..'"),
        ("../a", "segment '..'"),
        ("a/..", "segment '..'"),
        ("a\\b", "backslash"),
        ("a\x00", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\x7f", "U+007F"),
        ("a\x85", "U+0085"),
        ("a\u2028b", "U+2028"),
        ("a\u2029", "U+2029"),
        ("a\ud800", "surrogate"),
        ("x" * 513, "513 bytes"),
        ("é" * 257, "514 bytes"),
    ],
)
def test_each_broken_rule_is_named(path, reason):
    problem = path_problem(path)
    assert problem is not None
    assert reason in problem


@given(st.text(alphabet=st.sampled_from("ab./\\\x00é"), max_size=12))
def test_a_fine_path_has_only_named_segments(path):
    fine = path_problem(path) is None
    segments = path.split("/")
    assert fine == (not {"", ".", ".."} & set(segments) and not {"\\", "\x00"} & set(path))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Model.BIN", "model.bin"),
        ("é", "e\u0301"),
        ("STRASSE", "straße"),
        ("É/x", "e\u0301/X"),
        ("ﬁle", "FILE"),
    ],
)
def test_paths_that_differ_in_case_or_composition_share_a_key(one, other):
    assert path_key(one) == path_key(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("e", "é"), ("a/b", "a.b")])
def test_other_paths_have_keys_of_their_own(one, other):
    assert path_key(one) != path_key(other)


@given(st.text(), st.text())
def test_the_key_of_a_path_is_made_of_the_keys_of_its_segments(folder, name):
    assert path_key(f"{folder}/{name}") == f"{path_key(folder)}/{path_key(name)}"
