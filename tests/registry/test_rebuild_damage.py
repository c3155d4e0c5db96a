"""A rebuild of a bucket in which not all is well: what can be restored is, the rest is named and left as it is."""

import io
import zipfile
from contextlib import suppress

import pytest
from agreement import assert_agreement
from api import everything
from faults import Killed, kills
from msgspec import json, structs
from stealing import stolen

from chalicelib.registry import clock, manifests
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import keys, multipart, objects, quarantine, table, versions

MANIFEST = "manifests/ana/iris/v1.json"
LIST = "manifests/ana/net/v1.files.jsonl"


@pytest.fixture
def stock(api):
    """Two versions of one model, and one of another with a list of its own."""
    assert api.upload().status == 200
    assert api.upload(version="v2").status == 200
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(12):
            archive.writestr(f"{number:02}.txt", b"x")
    assert api.upload_zip(packed.getvalue()).status == 200
    return api


def lose_the_table():
    table.delete_table()
    table.create_table()


def change(**fields):
    record = manifests.read("ana", "iris", "v1")
    objects.put(MANIFEST, json.encode(structs.replace(record, **fields)))


def renamed(**names):
    change(document=structs.replace(manifests.read("ana", "iris", "v1").document, **names))


DAMAGES = {
    "no JSON": ("iris", lambda: objects.put(MANIFEST, b"<Error>"), "cannot be read"),
    "no UTF-8": ("iris", lambda: objects.put(MANIFEST, b'{"document": "\xff"}'), "cannot be read"),
    "another document": ("iris", lambda: objects.put(MANIFEST, b"{}"), "cannot be read"),
    "cut short": ("iris", lambda: objects.put(MANIFEST, objects.get(MANIFEST)[:-5]), "cannot be read"),
    "empty": ("iris", lambda: objects.put(MANIFEST, b""), "cannot be read"),
    "of another version": ("iris", lambda: renamed(version="v3"), "ana/iris/v3"),
    "of another user": ("iris", lambda: renamed(user_id="eve"), "eve/iris/v1"),
    "a file is gone": (
        "iris",
        lambda: objects.delete(["models/ana/iris/v1/model.pkl"]),
        "model.pkl is missing",
    ),
    "a file is shorter": (
        "iris",
        lambda: objects.put("models/ana/iris/v1/model.pkl", b"short"),
        "model.pkl has 5 bytes instead of 7",
    ),
    "half of its files have come": (
        "net",
        lambda: objects.delete([f"models/ana/net/v1/{n:02}.txt" for n in range(6)]),
        "6 of 12 files: 00.txt is missing, 01.txt is missing, 02.txt is missing, 03.txt is missing,"
        " 04.txt is missing and 1 more",
    ),
    "its list has not come": ("net", lambda: objects.delete([LIST]), LIST),
    "its list is cut short": ("net", lambda: objects.put(LIST, objects.get(LIST)[:-9]), "cannot be read"),
    "its list is another's": (
        "net",
        lambda: objects.put(LIST, objects.get(LIST).replace(b"00.txt", b"0x.txt")),
        "not that of this version",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_named_and_left_as_it_is(stock, damage):
    model, happen, reason = DAMAGES[damage]
    happen()
    before = everything()[0]
    lose_the_table()
    report = rebuild()
    name = f"ana/{model}/v1"
    assert list(report.failed) == [name]
    assert reason in report.failed[name]
    assert len(report.restored) == 2
    assert everything()[0] == before
    assert stock.get(f"/ai-models/ana/{model}", version="v1").status == 404
    assert stock.get("/ai-models/ana/iris", version="v2").status == 200
    assert name in str(report)
    assert any(line.startswith(f"failed {name}: ") for line in report.lines())


def test_a_manifest_that_may_not_be_read_fails_alone(stock, monkeypatch):
    read = manifests.read

    def forbidden(*version):
        if version == ("ana", "iris", "v1"):
            raise PermissionError("AccessDenied")
        return read(*version)

    monkeypatch.setattr(manifests, "read", forbidden)
    lose_the_table()
    report = rebuild()
    assert report.failed == {"ana/iris/v1": "PermissionError: AccessDenied"}
    assert len(report.restored) == 2


def test_what_is_mended_is_restored_by_the_next_rebuild(stock):
    whole = objects.get(MANIFEST)
    objects.put(MANIFEST, b"")
    lose_the_table()
    assert rebuild().failed
    objects.put(MANIFEST, whole)
    assert rebuild().failed == {}
    assert stock.get("/ai-models/ana/iris", version="v1").status == 200


def test_a_dry_run_tells_the_same_and_changes_nothing(stock):
    objects.put(MANIFEST, b"")
    objects.put("models/ana/lost/v1/a.bin", b"orphan")
    objects.put("models/ana/net/v1/stray.bin", b"stray")
    objects.put("zips/ana/lost/v1/0.zip", b"zip")
    multipart.create("models/ana/lost/v1/b.bin", "a/b")
    lose_the_table()
    before = everything()
    told = rebuild(dry_run=True)
    assert everything() == before
    assert "Nothing was changed" in str(told)
    report = rebuild()
    for field in ("restored", "files", "skipped", "failed", "removed", "aborted"):
        assert (
            sorted(getattr(told, field)) == sorted(getattr(report, field))
            if field
            in (
                "restored",
                "skipped",
            )
            else getattr(told, field) == getattr(report, field)
        )
    assert (
        sorted(told.put_aside)
        == sorted(report.put_aside)
        == [
            "models/ana/lost/v1/a.bin",
            "models/ana/net/v1/stray.bin",
        ]
    )


def test_a_rebuild_that_is_killed_anywhere_is_ended_by_the_next(stock):
    stock.put("/ai-models/ana/iris/access", {"users": ["ben"]})
    objects.put("models/ana/lost/v1/a.bin", b"orphan")
    objects.put("models/ana/net/v1/stray.bin", b"stray")
    wanted = {path: stock.get(path).json for path in ("/ai-models/ana", "/ai-models/ana/iris/access")}
    for fault in kills():
        lose_the_table()
        with suppress(Killed), fault.acting():
            rebuild()
        if fault.failed:
            # As `make run` begins again: with nothing of what was half done.
            table.clear(keep=keys.HISTORY) if fault.at % 2 else None
            rebuild()
        assert {path: stock.get(path).json for path in wanted} == wanted
        assert_agreement()
        found = {objects.get(key) for key in objects.list_keys("quarantine/")}
        assert found == {b"orphan", b"stray"}
        assert not [key for key in objects.list_keys("models/") if "lost" in key or "stray" in key]


def test_a_version_whose_row_disagrees_is_left_alone(stock):
    """A manifest of a version that is gone lies in the place of the one that is there."""
    record = manifests.read("ana", "iris", "v1")
    objects.put(MANIFEST, json.encode(structs.replace(record, upload_id="0" * 32, files=[], revision=9)))
    objects.put("models/ana/iris/v1/other.bin", b"other")
    before = everything()
    report = rebuild()
    assert list(report.failed) == ["ana/iris/v1"]
    assert everything() == before
    # What the report says to do helps.
    assert stock.put("/ai-models/ana/iris?version=v1", {"name": "Any change"}).status == 200
    assert rebuild().failed == {}
    assert_agreement()


def test_a_row_of_a_later_revision_is_kept(stock):
    old = objects.get(MANIFEST)
    changed = stock.put("/ai-models/ana/iris?version=v1", {"name": "Newer", "tags": ["new"]}).json
    objects.put(MANIFEST, old)
    table.delete(("tag#ana#new", f"{changed['created_at']}#iris#v1"))
    assert rebuild().failed == {}
    assert stock.get("/ai-models/ana/iris", version="v1").json == changed
    assert stock.get("/ai-models/ana", tags="new").json["models"] == [changed]


@pytest.mark.parametrize("number", [0])
def test_a_change_during_a_rebuild_is_not_undone(stock, number):
    row = versions.key("ana", "iris", "v1")

    def change(_):
        assert stock.put("/ai-models/ana/iris?version=v1", {"name": "Changed"}).status == 200

    with stolen(row, change, number=number):
        assert rebuild().failed == {}
    assert stock.get("/ai-models/ana/iris", version="v1").json["name"] == "Changed"
    assert_agreement()


def test_what_is_written_anew_while_it_is_put_aside_stays(stock):
    """An upload takes the place of a stray right before the stray is removed."""
    key = "models/ana/iris/v3/model.pkl"
    objects.put(key, b"stray")

    def upload(_):
        assert stock.upload(version="v3").status == 200

    with stolen(key, upload):
        rebuild()
    assert objects.get(key) == b"weights"


def test_sharing_outlives_a_version_that_failed(stock):
    assert stock.put("/ai-models/ana/iris/access", {"users": ["ben"]}).status == 200
    shared = stock.get("/ai-models/ana/iris/access").json
    saved = {version: objects.get(f"manifests/ana/iris/{version}.json") for version in ("v1", "v2")}
    for version in saved:
        objects.put(f"manifests/ana/iris/{version}.json", b"")
    lose_the_table()
    assert len(rebuild().failed) == 2
    for version, data in saved.items():
        objects.put(f"manifests/ana/iris/{version}.json", data)
    assert rebuild().failed == {}
    assert stock.get("/ai-models/ana/iris/access").json == shared


def test_more_than_a_page_of_everything(stock, monkeypatch):
    """Pages of 1,000 are made short, for all lists of the store."""
    from botocore.client import BaseClient

    original = BaseClient._make_api_call

    def paged(client, name, arguments):
        if name == "ListObjectsV2":
            arguments = {**arguments, "MaxKeys": 2}
        if name == "ListMultipartUploads":
            arguments = {**arguments, "MaxUploads": 1}
        return original(client, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", paged)
    for number in range(5):
        objects.put(f"models/ana/lost/v{number}/a.bin", b"orphan")
        multipart.create(f"models/ana/lost/v{number}/b.bin", "a/b")
    lose_the_table()
    report = rebuild()
    assert (len(report.restored), report.failed, len(report.put_aside)) == (3, {}, 5)
    assert report.aborted == 5
    assert len(list(objects.list_keys("quarantine/"))) == 5
    assert everything()[1] == set()


def test_what_was_put_aside_long_ago_is_removed(stock):
    old, new = (
        keys.quarantine_key(clock.compact(clock.now() - seconds), "models/ana/gone/v1/model.pkl")
        for seconds in (quarantine.KEPT + 60, quarantine.KEPT - 3_600)
    )
    objects.put(old, b"old")
    objects.put(new, b"new")
    assert rebuild(dry_run=True).failed == {}
    assert len(list(objects.list_keys(keys.QUARANTINE))) == 2
    assert rebuild().removed == 1
    assert list(objects.list_keys(keys.QUARANTINE)) == [new]
