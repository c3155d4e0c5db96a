"""Every door takes the same names: plans, forms and ZIPs."""

import io
import zipfile
from zlib import crc32

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from uploading import zipped

from chalicelib.archive.directory import read_directory
from chalicelib.archive.layout import Content, Entry, plan_archive
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive, InvalidRequest
from chalicelib.paths import key_problem, path_problem
from chalicelib.registry import naming

REFUSED = [
    "../up.bin",
    "a//b",
    "a/./b",
    "a\\b",
    "a\x07b",
    "photo\u202egpj.exe",
    "a/\u2066b\u2069",
    "a\u061c",
    "\u200b",
    "a/.\u2060./b",
    "a\uffffb",
    "é" * 257,
]
STORED = [
    "aux.bin",
    "a/con",
    "trailing dot.",
    "trailing space ",
    " ",
    "model:v1",
    "a/C:b",
    'what?*<>|".bin',
    "می\u200cخواهم.bin",
    "👩\u200d🚀.bin",
    "\ufeffmodel.bin",
    "e\u0301.bin",
    "é" * 256,
]
"""Names that some systems can't write, or that are shown oddly, and that real models have."""


def by_plan(api, name):
    body = {"user_id": "ana", "model_id": "plan", "name": "M", "filename": name, "file_size": 1}
    answer = api.post("/ai-models/upload/single", body)
    if answer.status == 200:
        api.delete(f"/ai-models/uploads/{answer.json['upload_id']}")
    return answer


def by_plan_of_many(api, name):
    files = [{"filename": name, "file_size": 1}, {"filename": "other", "file_size": 1}]
    answer = api.post(
        "/ai-models/upload/files", {"user_id": "ana", "model_id": "many", "name": "M", "files": files}
    )
    if answer.status == 200:
        api.delete(f"/ai-models/uploads/{answer.json['upload_id']}")
    return answer


def by_form(api, name):
    return api.upload(filename=name, model_id="form", version="next")


def by_zip(api, name):
    return api.upload_zip(archive([name]), model_id="zip", version="next")


DOORS = [by_plan, by_plan_of_many, by_form, by_zip]


def archive(names):
    """Our own ZIP of files with these names and one byte each."""
    layout = plan_archive(Entry(name, 1, crc32(b"x")) for name in names)
    return b"".join(b"x" if isinstance(piece, Content) else piece.data for piece in layout.pieces)


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_is_refused_anywhere_is_refused_everywhere_with_the_reason(api, name):
    answers = [door(api, name) for door in DOORS]
    assert [answer.status for answer in answers] == [400] * len(DOORS)
    for answer in each(answers):
        assert path_problem(name) in answer.json["detail"]
        assert answer.json["detail"].isprintable()


def test_names_that_only_some_systems_can_not_write_are_stored_everywhere(api):
    files = [{"filename": name, "file_size": 1} for name in STORED]
    plan = api.post(
        "/ai-models/upload/files", {"user_id": "ana", "model_id": "m", "name": "M", "files": files}
    )
    assert [file["filename"] for file in plan.json["files"]] == sorted(STORED)
    stored = api.upload_zip(archive(STORED))
    assert [file["filename"] for file in stored.json["files"]] == sorted(STORED)
    for name in STORED:
        naming.check_path(name)
    for name in ("aux.bin", "a/C:b", 'what?*<>|".bin', "👩\u200d🚀.bin"):
        assert by_form(api, name).json["files"][0]["filename"] == name
        found = api.get("/ai-models/ana/net/download", filename=name, accept="application/octet-stream")
        assert (found.status, found.content) == (200, b"x")


@pytest.mark.parametrize("name", ["C:evil.txt", "z:/evil.txt", "/evil.txt"])
def test_a_name_of_another_disk_is_refused_but_for_a_form_that_means_its_last_segment(api, name):
    for door in (by_plan, by_plan_of_many, by_zip):
        answer = door(api, name)
        assert answer.status == 400
        assert path_problem(name) in answer.json["detail"]
    assert by_form(api, name).json["files"][0]["filename"] == "evil.txt"


@pytest.mark.parametrize(
    "pair", [("a", "A"), ("é", "e\u0301"), ("a", "a/b"), ("a", "a\u200b"), ("d\u200d/a", "D/A")]
)
def test_two_names_of_one_place_are_refused_by_plans_and_zips(api, pair):
    body = {"user_id": "ana", "model_id": "pair", "name": "M"}
    files = [{"filename": name, "file_size": 1} for name in pair]
    assert api.post("/ai-models/upload/files", {**body, "files": files}).status == 400
    assert api.upload_zip(archive(pair), model_id="pair").status == 400


def test_a_base_name_of_a_zip_obeys_the_same_rule(api):
    answer = api.upload_zip(zipped({"a/C:evil.txt": b"x"}), preserve_structure="false")
    assert answer.status == 400
    assert "'a/C:evil.txt'" in answer.json["detail"]
    assert path_problem("C:evil.txt") in answer.json["detail"]


NAMES = st.text(
    st.one_of(
        st.sampled_from("aAé.: /\\\u0301\u200b\u200d\u202e\u2066\ufe0f\ufeff\uffff\ud800\x00\x85?C"),
        st.characters(),
    ),
    max_size=6,
)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_plan_takes_just_the_names_that_our_own_zip_is_taken_with(names):
    try:
        for name in names:
            naming.check_path(name)
        naming.check_paths(names)
        by_plan = True
    except InvalidRequest:
        by_plan = False
    try:
        archived = archive(names)
        # A name that ends with a slash is a folder in a ZIP, and none in a plan.
        by_zip = {member.path for member in read_directory(BytesSource(archived)).members} == set(names)
    except (InvalidArchive, UnicodeEncodeError, ValueError):
        by_zip = False
    assert by_plan == by_zip


def test_what_an_older_rule_has_stored_can_be_read_and_deleted(api, monkeypatch):
    odd = ["C:evil.txt", "photo\u202egpj.exe", "\u200b"]
    with monkeypatch.context() as before:
        before.setattr(naming, "path_problem", key_problem)
        before.setattr("chalicelib.archive.names.path_problem", key_problem)
        files = {f"{number:02}.bin": b"x" for number in range(12)} | dict.fromkeys(odd, b"odd")
        assert api.upload_zip(zipped(files)).status == 200
    assert by_plan(api, odd[0]).status == 400
    seen, token = [], ""
    while token is not None:
        page = api.get("/ai-models/ana/net/files", limit=1, next_token=token).json
        seen += [file["filename"] for file in page["files"]]
        token = page["next_token"]
    assert seen == sorted(files)
    for name in odd:
        got = api.get("/ai-models/ana/net/download", filename=name, accept="application/octet-stream")
        assert got.content == b"odd"
        assert api.put("/ai-models/ana/net", {"primary_file_path": name}).status == 200
    whole = api.get("/ai-models/ana/net/download", accept="application/zip")
    assert set(zipfile.ZipFile(io.BytesIO(whole.content)).namelist()) == set(files)
    assert api.delete("/ai-models/ana/net").status == 200


COMPOSED, DECOMPOSED = "mod\u00e8le.onnx", "mode\u0300le.onnx"


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("files", [1, 12])
def test_a_file_is_found_in_either_unicode_form_and_stays_as_it_was_sent(api, stored, asked, files):
    contents = {stored: b"x", **{f"{number:02}": b"y" for number in range(files - 1)}}
    answer = api.upload_zip(zipped(contents), model_id="forms")
    assert answer.status == 200, answer.content
    assert stored in [file["filename"] for file in answer.json["files"]]
    got = api.get("/ai-models/ana/forms/download", filename=asked, accept="application/octet-stream")
    assert (got.status, got.content) == (200, b"x")
    changed = api.put("/ai-models/ana/forms", {"primary_file_path": asked})
    assert (changed.status, changed.json["primary_file_path"]) == (200, stored)
    missing = api.get("/ai-models/ana/forms/download", filename="\u00e8" + asked)
    assert missing.status == 404


def test_parts_of_a_file_are_given_in_either_unicode_form(api):
    body = {"user_id": "ana", "model_id": "forms", "name": "M", "filename": COMPOSED, "file_size": 10}
    plan = api.post("/ai-models/upload/single", body).json
    path = f"/ai-models/uploads/{plan['upload_id']}/parts"
    more = api.post(path, {"files": [{"filename": DECOMPOSED}]})
    assert [file["filename"] for file in each(more.json["files"])] == [COMPOSED]
    arrived = api.get(path, filename=DECOMPOSED)
    assert [file["filename"] for file in each(arrived.json["files"])] == [COMPOSED]
    twice = api.post(path, {"files": [{"filename": DECOMPOSED}, {"filename": COMPOSED}]})
    assert twice.status == 400
    assert "overlap" in twice.json["detail"]


def test_tags_are_one_in_every_unicode_form(api):
    composed, decomposed = "z\u00fcrich", "zu\u0308rich"
    for version, tags in each((("v1", decomposed), ("v2", f"{composed},{decomposed},{decomposed}2"))):
        document = api.upload(model_id="forms", name="M", version=version, tags=tags).json
        assert document["tags"] == [composed, f"{composed}2"][: int(version[1])]
    for asked in each((composed, decomposed)):
        found = api.get("/ai-models/ana", tags=asked).json["models"]
        assert [one["version"] for one in found] == ["v2", "v1"]
        found = api.get("/ai-models/search/ana", query="M", tags=f"{asked},{asked}2").json["models"]
        assert [one["version"] for one in found] == ["v2"]
    changed = api.put("/ai-models/ana/forms", {"tags": [decomposed, composed]})
    assert changed.json["tags"] == [composed]
    assert api.get("/ai-models/ana", tags=f"{decomposed}2").json["models"] == []
    assert api.get("/ai-models/search/ana", query="z\u00fcri").json["models"]
    assert api.get("/ai-models/search/ana", query="zu\u0308ri").json["models"]
