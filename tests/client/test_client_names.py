"""The client knows which names the registry takes, and which this machine can't write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretender import Pretender

from chalicelib import paths as service
from chalicelib.registry import naming
from weighthouse import Client, InvalidInput, paths
from weighthouse.push.scanning import scan

ODD = st.text(
    st.one_of(
        st.sampled_from("aAé.: /\\\u0301\u200b\u200d\u202e\u2066\ufe0f\ufeff\uffff\ud800\x00\x85?C"),
        st.characters(exclude_categories=()),
    ),
    max_size=6,
)


@given(ODD | st.text("é", min_size=254, max_size=258))
def test_the_client_refuses_just_the_names_that_the_registry_refuses(path):
    assert (paths.path_problem(path) is None) == (service.path_problem(path) is None)


@given(st.lists(ODD.filter(lambda path: service.path_problem(path) is None), max_size=4))
def test_the_client_sees_the_collisions_that_the_registry_sees(names):
    assert (paths.collision(names) is None) == (naming.collision(names) is None)


def test_every_character_is_judged_as_the_registry_does():
    every = "".join(map(chr, range(0x110000)))
    controls = {*service._CONTROL.findall(every), *service._BIDI_CONTROL.findall(every)}
    assert set(paths._CONTROL.findall(every)) == controls
    for name in ("_INVISIBLE", "_NONCHARACTER"):
        assert getattr(paths, name).findall(every) == getattr(service, name).findall(every)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("aux.bin", "device AUX"),
        ("a/con", "device CON"),
        ("COM1.tar.gz", "device COM1"),
        ("lpt³", "device LPT³"),
        ("nul .txt", "device NUL"),
        ("conout$", "device CONOUT$"),
        ("a./b", "dot or a space"),
        ("b ", "dot or a space"),
        ("model:v1", "':'"),
        ("what?", "'?'"),
        ("a|b", "'|'"),
    ],
)
def test_what_windows_can_not_write_is_said_with_the_reason(path, why):
    assert paths.path_problem(path) is None
    assert why in paths.windows_problem(path)


@pytest.mark.parametrize("path", ["auxiliary.bin", "console", "com", "COM10", "a.b/.c", "lpt", "nul_", "é"])
def test_what_windows_can_write(path):
    assert paths.windows_problem(path) is None


@pytest.mark.parametrize("windows", [False, True])
def test_on_windows_a_pull_says_what_it_can_not_write_before_it_fetches_anything(
    monkeypatch, tmp_path, windows
):
    monkeypatch.setattr(paths, "WINDOWS", windows)
    files = {"config.json": b"{}", "aux.bin": b"1", "a/trailing.": b"2", **{f"{n}?": b"" for n in range(20)}}
    with Pretender(files) as pretender, Client(pretender.url) as client:
        if not windows:
            assert client.pull("u", "m", "v1", directory=tmp_path / "to").files_total == len(files)
            return
        with pytest.raises(InvalidInput) as refused:
            client.pull("u", "m", "v1", directory=tmp_path / "to")
        assert "'aux.bin' has the name of the device AUX" in refused.value.detail
        assert "and 12 more" in refused.value.detail
        assert not pretender.requests
        assert not (tmp_path / "to").exists()
        left_out = ["*[?]", "aux.*", "a/"]
        assert client.pull("u", "m", "v1", directory=tmp_path / "to", exclude=left_out).files_total == 1


@pytest.mark.parametrize("pair", [("a", "A"), ("e\u0301", "é"), ("x", "x\u200b")])
def test_a_push_refuses_names_of_one_place_before_it_reads_anything(tmp_path, pair):
    for name in pair:
        (tmp_path / name).write_bytes(b"")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system has one place for them")
    with pytest.raises(InvalidInput, match="rename one"):
        scan(tmp_path)


@pytest.mark.parametrize("name", ["C:evil", "photo\u202egpj.exe", "\u200b"])
def test_a_push_refuses_what_the_registry_would_refuse(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidInput) as refused:
        scan(tmp_path)
    assert refused.value.detail.isprintable()
