"""What is in a folder as people have it: leftovers of tools, empty folders, names in two Unicode forms."""

import unicodedata

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from trees import made

from weighthouse.errors import InvalidInput
from weighthouse.push.leftovers import is_leftover
from weighthouse.push.scanning import Dropped, scan

APPLE_DOUBLE = b"\x00\x05\x16\x07" + bytes(40)
LEFTOVERS = {
    ".cache/huggingface/download/model.onnx.metadata": b"x",
    ".huggingface/.gitignore": b"*",
    "model.onnx.lock": b"",
    "sub/.cache/huggingface/.gitignore": b"*",
    ".git": b"gitdir: elsewhere",
    "sub/.git/HEAD": b"x",
    ".dvc/config": b"x",
    "__pycache__/net.cpython-311.pyc": b"x",
    ".ipynb_checkpoints/train-checkpoint.ipynb": b"x",
    ".DS_Store": b"x",
    "._model.onnx": APPLE_DOUBLE,
    "__MACOSX/sub/._model.onnx": APPLE_DOUBLE,
    "Icon\r": b"",
    "THUMBS.DB": b"x",
    "desktop.ini": b"x",
    ".model.py.swp": b"x",
    ".model.py.swo": b"x",
    "._model.py.swp": b"no AppleDouble",
    "train.py~": b"x",
    "#train.py#": b"x",
    "~$notes.docx": b"x",
    ".~lock.notes.odt#": b"x",
    ".nfs0123456789abcdef01234567": b"x",
    "lost+found/x": b"x",
}
FILES = {
    "model.onnx": b"x",
    ".cache/other": b"x",
    "huggingface/config.json": b"x",
    "poetry.lock": b"content",
    ".gitignore": b"x",
    ".gitattributes": b"x",
    "weights.dvc": b"x",
    "dvc.lock": b"x",
    "._config": b"no AppleDouble",
    "#1.txt": b"x",
    "a~b": b"x",
    ".swp": b"x",
    "vocab.swp": b"x",
    "gitdir/.hidden": b"x",
}


def names(folder, dropped=None):
    return [source.filename for source in scan(folder, dropped)]


def test_what_other_tools_left_is_left_out_and_said(tmp_path):
    folder = made(tmp_path / "net", {**LEFTOVERS, **FILES})
    (folder / ".#train.py").symlink_to("ana@host.1234")
    dropped = Dropped()
    assert names(folder, dropped) == sorted(FILES)
    assert len(dropped.leftovers) == len(LEFTOVERS) + 1
    (note,) = [note for note in dropped.notes() if "other tools" in note]
    assert note.endswith(f" and {len(LEFTOVERS) + 1 - 10} more")
    assert ".#train.py, .DS_Store" in note


def test_what_a_pattern_names_need_not_be_said(tmp_path):
    folder = made(tmp_path / "net", {".git/HEAD": b"", ".DS_Store": b"", "a": b"", "logs/x": b""})
    made(folder, {".weighthouseignore": b".git/\nlogs/*\n"})
    dropped = Dropped()
    assert names(folder, dropped) == ["a"]
    assert (dropped.leftovers, dropped.empty_folders) == ([".DS_Store"], [])


def test_a_file_that_is_named_is_pushed_whatever_it_is_called(tmp_path):
    made(tmp_path, {"train.py~": b"x"})
    assert names(tmp_path / "train.py~") == ["train.py~"]


@given(st.text(max_size=6), st.text(max_size=6))
def test_no_name_with_letters_alone_is_a_leftover(name, folder):
    if name.isalnum():
        assert not is_leftover(name, folder)


def test_empty_folders_are_said(tmp_path):
    folder = made(tmp_path / "net", {"a/x": b"", "only/.DS_Store": b""})
    for number in each(range(12)):
        (folder / f"logs/{number:02}").mkdir(parents=True)
    dropped = Dropped()
    assert names(folder, dropped) == ["a/x"]
    assert sorted(dropped.empty_folders) == [*(f"logs/{number:02}/" for number in range(12)), "only/"]
    assert dropped.notes()[0] == (
        "A version has no empty folders; left out: "
        + ", ".join(f"logs/{number:02}/" for number in range(10))
        + " and 3 more"
    )


def test_a_folder_of_nothing_to_push_says_what_is_in_it(tmp_path):
    made(tmp_path / "net", {".git/HEAD": b""})
    (tmp_path / "net/logs").mkdir()
    with pytest.raises(InvalidInput, match=r"no file to push.*logs/.*\.git"):
        scan(tmp_path / "net")


DECOMPOSED, COMPOSED = "mode\u0300le/cafe\u0301.onnx", "mod\u00e8le/caf\u00e9.onnx"


def test_names_are_composed_however_the_file_system_has_them(tmp_path):
    folder = made(tmp_path / "net", {DECOMPOSED: b"x"})
    (source,) = scan(folder)
    assert source.filename == COMPOSED
    assert source.path == f"{folder}/{DECOMPOSED}"
    made(tmp_path, {"cafe\u0301": b"x"})
    assert names(tmp_path / "cafe\u0301") == ["caf\u00e9"]


def test_two_files_of_one_name_are_refused_with_both(tmp_path):
    folder = made(tmp_path / "net", {"cafe\u0301": b"1", "caf\u00e9": b"2"})
    with pytest.raises(InvalidInput) as refused:
        scan(folder)
    assert r"caf\xe9" in refused.value.detail
    assert r"cafe\u0301" in refused.value.detail
    folder = made(tmp_path / "case", {"sub/Cafe\u0301": b"1", "sub/caf\u00e9": b"2"})
    with pytest.raises(InvalidInput, match="differ only in case"):
        scan(folder)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_patterns_may_be_as_windows_and_macos_write_them(tmp_path, form, encoding):
    folder = made(tmp_path / "net", {DECOMPOSED: b"x", "a.log": b"", "b": b"", "build/x": b""})
    patterns = unicodedata.normalize(form, "# logs\r\n*.log\r\nmod\u00e8le/\r\nbuild/\r\n")
    made(folder, {".weighthouseignore": patterns.encode(encoding)})
    assert names(folder) == ["b"]
