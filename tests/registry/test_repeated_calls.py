"""Calls that are made twice because the first answer was lost: nobody may take what he did himself for another's."""

import io
import zipfile

import pytest
from faults import repeats
from uploading import FILES

from chalicelib.store import multipart


@pytest.mark.parametrize("way", ["files", "folder"])
def test_an_upload_goes_its_way_at_once(way, uploader):
    for repeat in repeats():
        with repeat.acting():
            plan = uploader.plan_folder if way == "folder" else uploader.plan_files
            assert plan().status == 200, repeat
            uploader.send()
            assert uploader.run().status in (200, 202), repeat
            assert uploader.state()["state"] == "ready", repeat
        uploader.check_whole(FILES)
        uploader.remove()


def test_a_form_a_change_a_zip_and_a_deletion_succeed(uploader):
    for repeat in repeats():
        with repeat.acting():
            assert uploader.form_folder().status == 200, repeat
            assert uploader.api.put(f"{uploader.address}?version=v1", {"description": "new"}).status == 200
            found = uploader.api.get(f"{uploader.address}/download", accept="application/zip")
            assert found.status == 200, repeat
            with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
                assert {name: archive.read(name) for name in archive.namelist()} == FILES
            assert uploader.api.delete(uploader.address, version="v1").status == 200, repeat
        uploader.wait()
        uploader.check_empty()


def test_a_zip_may_be_unpacked_before_the_store_has_answered(uploader, monkeypatch):
    uploader.plan_folder()
    uploader.send()
    once = multipart.complete

    def twice(key, *arguments):
        once(key, *arguments)
        if key.startswith("uploads/"):
            uploader.api.deliver()
        return once(key, *arguments)

    monkeypatch.setattr(multipart, "complete", twice)
    assert uploader.complete().status == 200
    uploader.check_whole(FILES)
