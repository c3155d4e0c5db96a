"""Folders: ZIPs by form and by presigned URL, unpacked whole or not at all."""

import hashlib
import io
import os
import random
import stat
import zipfile

import pytest
from api import everything
from each import each
from uploading import zipped

from chalicelib.settings import MIB

FOLDER = {
    "net/model.pt": b"weights" * 100,
    "net/config.json": b"{}",
    "net/vocab/词表.txt": "一二三".encode(),
    "net/empty": b"",
    "README.md": b"# Net",
}


def archive(*members, compression=zipfile.ZIP_DEFLATED):
    """A ZIP of (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content)
    return buffer.getvalue()


def with_mode(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def changed(data, old, new):
    assert old in data
    return data.replace(old, new)


def encrypted():
    data = bytearray(archive(("secret.bin", b"x")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


BAD = {
    "no ZIP": (b"weights" * 100, "ZIP"),
    "an empty one": (b"", "ZIP"),
    "cut off": (zipped(FOLDER)[:-30], "ZIP"),
    "without files": (archive(), "file"),
    "folders alone": (archive(("a/", b""), ("a/b/", b"")), "file"),
    "junk alone": (archive(("__MACOSX/._a", b"x"), (".DS_Store", b"x"), ("a/Thumbs.db", b"x")), "file"),
    "..": (archive(("ok", b"1"), ("../up.txt", b"x")), "../up.txt"),
    "absolute": (archive(("ok", b"1"), ("/etc/passwd", b"x")), "/etc/passwd"),
    "drive": (archive(("ok", b"1"), ("C:/x.txt", b"x")), "C:/x.txt"),
    "backslash": (changed(archive(("a|b.txt", b"x")), b"a|b.txt", b"a\\b.txt"), "b.txt"),
    "control": (changed(archive(("a|b.txt", b"x")), b"a|b.txt", b"a\x07b.txt"), "b.txt"),
    "symlink": (archive(("ok", b"1"), (with_mode("link", stat.S_IFLNK | 0o777), b"/etc/passwd")), "link"),
    "device": (archive((with_mode("null", stat.S_IFCHR | 0o666), b"")), "null"),
    "pipe": (archive((with_mode("pipe", stat.S_IFIFO | 0o666), b"")), "pipe"),
    "encrypted": (encrypted(), "secret.bin"),
    "twice": (changed(archive(("same.txt", b"1"), ("s@me.txt", b"2")), b"s@me", b"same"), "same.txt"),
    "case": (archive(("Model.pt", b"1"), ("model.PT", b"2")), "odel."),
    "file and folder": (archive(("a", b"1"), ("a/b", b"2")), "a/b"),
    "CRC": (changed(archive(("stored", b"weights"), compression=0), b"weights", b"gewicht"), "stored"),
    "long name": (archive(("é" * 257, b"1")), "512"),
    "code page": (changed(archive(("caf!.bin", b"x")), b"caf!", b"caf\x82"), "caf\\\\x82.bin"),
    "bzip2": (archive(("b.bin", b"x"), compression=zipfile.ZIP_BZIP2), "b.bin"),
}


def test_a_folder_by_form(api):
    answer = api.upload_zip(zipped(FOLDER), tags="a,b", description="A net")
    assert answer.status == 200
    document = answer.json
    assert [file["filename"] for file in document["files"]] == sorted(FOLDER)
    for file in each(document["files"]):
        data = FOLDER[file["filename"]]
        assert (file["file_size"], file["hash_verified"]) == (len(data), True)
        assert file["file_hash"] == hashlib.sha256(data).hexdigest()
        query = {"filename": file["filename"], "accept": "application/octet-stream"}
        assert api.get("/ai-models/ana/net/download", **query).content == data
    assert (document["primary_file_path"], document["framework"]) == ("net/model.pt", "pytorch")
    assert (document["tags"], document["description"]) == (["a", "b"], "A net")
    assert api.get("/ai-models/ana/net").json == document
    assert {sk for _, sk in everything()[2] if "upload" in sk} == set()


def test_a_folder_by_url(uploader):
    plan = uploader.plan_folder(zipped(FOLDER), description="A net").json
    assert [(file["filename"], file["parts_total"]) for file in plan["files"]] == [("archive.zip", 1)]
    uploader.send(archive=zipped(FOLDER))
    answer = uploader.complete()
    assert (answer.status, answer.json["state"]) == (202, "unpacking")
    assert (answer.json["files_total"], answer.json["bytes_total"]) == (None, None)
    assert uploader.complete().status == 202
    assert uploader.api.get(uploader.address).status == 404
    uploader.api.deliver()
    ready = uploader.state()
    size = sum(map(len, FOLDER.values()))
    assert ready["state"] == "ready"
    assert (ready["files_done"], ready["files_total"]) == (len(FOLDER), len(FOLDER))
    assert (ready["bytes_done"], ready["bytes_total"]) == (size, size)
    document = uploader.complete().json
    assert document == uploader.api.get(uploader.address).json
    assert {file["filename"]: file["file_hash"] for file in document["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in FOLDER.items()
    }
    uploader.api.delete(uploader.address)
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})


def test_base_names_alone(api):
    document = api.upload_zip(zipped(FOLDER), preserve_structure="No").json
    names = sorted(name.rpartition("/")[2] for name in FOLDER)
    assert [file["filename"] for file in document["files"]] == names


def test_two_files_of_one_base_name_are_both_named(api):
    before = everything()
    data = archive(("a/model.pt", b"1"), ("b/Model.pt", b"2"))
    answer = api.upload_zip(data, preserve_structure="false")
    assert answer.status == 400
    assert "a/model.pt" in answer.json["detail"]
    assert "b/Model.pt" in answer.json["detail"]
    assert everything() == before
    assert api.upload_zip(data).status == 200


def test_junk_is_left_out(api):
    junk = {"__MACOSX/net/._model.pt": b"x", ".DS_Store": b"x", "net/.DS_Store": b"x", "net/Thumbs.db": b"x"}
    document = api.upload_zip(zipped(FOLDER | junk)).json
    assert [file["filename"] for file in document["files"]] == sorted(FOLDER)


def test_a_zip_of_a_mac_has_the_model_as_its_primary_file(api):
    members = [
        ("./", b""),
        ("./._resnet50.onnx", b"\0\5\x16\7"),
        ("./resnet50.onnx", b"weights"),
        ("./._.", b""),
    ]
    document = api.upload_zip(archive(*members)).json
    assert [file["filename"] for file in document["files"]] == ["resnet50.onnx"]
    assert (document["primary_file_path"], document["framework"]) == ("resnet50.onnx", "onnx")


def test_members_larger_than_a_part(api):
    data = random.Random(1).randbytes(9 * MIB)
    document = api.upload_zip(zipped({"big.bin": data, "small.txt": b"x"})).json
    assert document["files"][0]["file_hash"] == hashlib.sha256(data).hexdigest()
    assert not everything()[1]


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_zip_in_a_form_is_refused_and_leaves_nothing(api, kind):
    data, named = BAD[kind]
    before = everything()
    answer = api.upload_zip(data)
    assert answer.status == 400, answer.content
    assert named in answer.json["detail"]
    assert everything() == before
    assert api.upload_zip(zipped(FOLDER)).status == 200


@pytest.mark.parametrize("kind", [kind for kind in BAD if BAD[kind][0]])
def test_a_bad_zip_by_url_fails_and_leaves_nothing(uploader, kind):
    data, named = BAD[kind]
    plan = uploader.plan_folder(data).json
    uploader.send(archive=data)
    assert uploader.complete().status == 202
    uploader.api.deliver()
    failed = uploader.state()
    assert failed["state"] == "failed"
    assert named in failed["detail"]
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})
    answer = uploader.complete()
    assert answer.status == 409
    assert named in answer.json["detail"]
    assert uploader.form_folder().status == 200


def test_a_zip_that_turns_out_bad_half_way_leaves_nothing(uploader):
    members = [(f"{at:03}.txt", b"fine") for at in range(150)] + [("last.bin", b"weights")]
    data = changed(archive(*members, compression=0), b"weights", b"gewicht")
    before = everything()
    assert uploader.api.upload_zip(data).status == 400
    assert everything() == before
    plan = uploader.plan_folder(data).json
    uploader.send(archive=data)
    uploader.run()
    assert uploader.state()["state"] == "failed"
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})


def test_an_empty_zip_is_refused_at_the_plan(api):
    body = {"user_id": "ana", "model_id": "m", "name": "M", "file_size": 0}
    answer = api.post("/ai-models/upload/folder", body)
    assert answer.status == 400
    assert "file_size" in answer.json["detail"]
    assert everything() == (set(), set(), set())


def test_a_part_of_the_zip_that_is_missing_is_named(uploader):
    data = zipped({"a.bin": os.urandom(9 * MIB)})
    plan = uploader.plan_folder(data).json
    part = plan["files"][0]["parts"][0]
    uploader.api.send({**plan, "files": [{**plan["files"][0], "parts": [part]}]}, {"archive.zip": data})
    answer = uploader.complete()
    assert answer.status == 400
    assert "archive.zip part 2" in answer.json["detail"]
    assert uploader.state()["state"] == "uploading"
    uploader.send(archive=data)
    uploader.run()
    assert uploader.state()["state"] == "ready"
