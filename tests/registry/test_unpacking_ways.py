"""Large stored members never pass through the function on their way in; small ones are fetched together."""

import hashlib
import random
import zipfile
import zlib

import pytest
from api import everything
from uploading import zipped

from chalicelib.settings import MIB, settings
from chalicelib.store import objects

LARGE = random.Random(7).randbytes(6 * MIB)
FILES = {"a/large.bin": LARGE, **{f"b/{number:03}.txt": b"%d" % number for number in range(120)}}


def test_large_members_are_copied_and_small_ones_fetched_together(uploader, calls):
    archive = zipped(FILES)
    uploader.plan_folder(archive)
    uploader.send(archive=archive)
    uploader.complete()
    with calls.counting() as names:
        uploader.api.deliver()
    assert uploader.state()["state"] == "ready"
    document = uploader.api.get(uploader.address).json
    assert {file["filename"]: file["file_hash"] for file in document["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()
    }
    assert names["UploadPartCopy"] == 1
    assert names["UploadPart"] == 0
    # The directory's end and itself, the large member's header and its copy, and 100 and 20 small members.
    assert names["GetObject"] <= 8


def test_a_damaged_large_member_leaves_nothing(uploader):
    archive = bytearray(zipped(FILES))
    archive[archive.index(LARGE[:64]) + 1_000_000] ^= 1
    plan = uploader.plan_folder(archive).json
    uploader.send(archive=bytes(archive))
    uploader.run()
    failed = uploader.state()
    assert failed["state"] == "failed"
    assert "a/large.bin" in failed["detail"]
    assert "CRC-32" in failed["detail"]
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})


def test_the_whole_zip_of_copied_members_is_right(uploader, tmp_path):
    archive = zipped(FILES)
    uploader.plan_folder(archive)
    uploader.send(archive=archive)
    uploader.run()
    answer = uploader.api.get(f"{uploader.address}/download", accept="application/zip")
    content = objects.get(next(iter(objects.list_keys("zips/")))) if answer.status == 307 else answer.content
    (tmp_path / "all.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "all.zip") as made:
        assert made.testzip() is None
        assert {name: made.read(name) for name in made.namelist()} == FILES


@pytest.mark.parametrize("store_knows", [True, False])
def test_a_member_too_large_to_be_read_has_no_hash_where_the_store_tells_its_crc(
    uploader, monkeypatch, store_knows
):
    settings.cache_clear()
    monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", str(MIB))
    head, told = objects.head, zlib.crc32(LARGE) if store_knows else None
    monkeypatch.setattr(
        objects, "head", lambda key: head(key)._replace(crc32=told) if key.endswith("bin") else head(key)
    )
    archive = zipped(FILES)
    uploader.plan_folder(archive)
    uploader.send(archive=archive)
    uploader.run()
    listed = {file["filename"]: file for file in uploader.api.get(uploader.address).json["files"]}
    large = listed["a/large.bin"]
    expected = (None, False) if store_knows else (hashlib.sha256(LARGE).hexdigest(), True)
    assert (large["file_hash"], large["hash_verified"]) == expected
    assert listed["b/007.txt"]["hash_verified"]


def test_a_damaged_member_too_large_to_be_read_is_found_by_its_crc(uploader, monkeypatch):
    settings.cache_clear()
    monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", str(MIB))
    head = objects.head
    monkeypatch.setattr(objects, "head", lambda key: head(key)._replace(crc32=zlib.crc32(LARGE) ^ 1))
    archive = zipped(FILES)
    uploader.plan_folder(archive)
    uploader.send(archive=archive)
    uploader.run()
    assert uploader.state()["state"] == "failed"
    assert "a/large.bin" in uploader.state()["detail"]
