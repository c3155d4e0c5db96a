import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.paths import key_problem, path_key, path_problem, sent_path


@pytest.mark.parametrize(
    "path",
    [
        "model.bin",
        "a/b/c.txt",
        "...",
        "a/...b/.hidden",
        "é/模型 1.bin",
        " ",
        "model:v1",
        "a/C:notes",
        "aux.bin",
        "con",
        "a.",
        "b ",
        'what?*<>|".bin',
        "می\u200cخواهم.bin",
        "👩\u200d🚀/❤\ufe0f.bin",
        "\ufeffmodel.bin",
        "\ue000",
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
        ("C:", "drive letter 'C:'"),
        ("z:evil.txt", "drive letter 'z:'"),
        ("C:/Users/mira/net.bin", "drive letter"),
        ("photo\u202egpj.exe", "U+202E"),
        *(
            (f"a{control}b", f"bidirectional control U+{ord(control):04X}")
            for control in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ),
        ("a\ufdd0", "U+FDD0"),
        ("a\uffff", "U+FFFF"),
        ("a\U0010fffe", "U+10FFFE"),
        ("\u200b", "cannot be seen"),
        ("a/\u2060/b", "cannot be seen"),
        (".\u200b.", "cannot be seen"),
        ("\ufeff../up", "cannot be seen"),
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
        ("model.bin", "mo\u200bdel.bin"),
        ("❤.bin", "❤\ufe0f.bin"),
        ("\ufeffMODEL.bin", "model\u00ad.bin"),
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


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("net.bin", "net.bin"),
        ("weights/net.bin", "weights/net.bin"),
        ("/home/mira/net.bin", "net.bin"),
        ("C:\\models\\net.bin", "net.bin"),
        ("C:/models/net.bin", "net.bin"),
        ("c:net.bin", "net.bin"),
        ("\\\\server\\share\\net.bin", "net.bin"),
        ("\\models/net.bin", "net.bin"),
        ("a\\b", "a\\b"),
        ("../net.bin", "../net.bin"),
        ("model:v1", "model:v1"),
        ("C:", ""),
        ("/", ""),
    ],
)
def test_a_name_from_a_disk_of_the_client_is_its_last_segment(filename, path):
    assert sent_path(filename) == path


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_what_can_be_stored_can_be_read(path):
    assert path_problem(path) is not None or key_problem(path) is None
