"""Somebody else changes a version's row between a check and the write of a change of metadata or of a rebuild."""

import pytest
from stealing import changed, removed, row, stolen

from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import objects, table, versions
from chalicelib.store.rows import Row

VERSION = versions.key("ana", "iris", "v1")
ONE = "/ai-models/ana/iris?version=v1"
THIEVES = [removed, changed(upload_id="0" * 32), changed(state=versions.DELETING)]


@pytest.fixture
def version(api):
    assert api.upload().status == 200
    return api


@pytest.mark.parametrize("act", THIEVES, ids=["removed", "another", "deleting"])
@pytest.mark.parametrize("transaction", [100, 8])
def test_a_change_is_not_made_in_a_row_that_is_not_the_one_that_was_read(
    version, monkeypatch, act, transaction
):
    monkeypatch.setattr(table, "TRANSACTION", transaction)
    stolen_rows = []

    def steal(key):
        act(key)
        stolen_rows.append(row(VERSION))

    with stolen(VERSION, steal):
        answer = version.put(ONE, {"description": "so many new words", "tags": ["new"]})
    # A row under another upload's id is another version: the change is made in that one.
    assert answer.status in (200, 404, 503)
    if act is not THIEVES[1]:
        assert answer.status == 404
        assert [row(VERSION)] == stolen_rows
    assert list(table.rows(table.Range("journal"))) == []


def test_a_revision_that_moved_on_is_not_overwritten(version):
    def move_on(key):
        assert version.put(ONE, {"algorithm": "theirs"}).status == 200

    with stolen(VERSION, move_on):
        assert version.put(ONE, {"name": "Mine"}).status == 200
    document = version.get(ONE).json
    assert (document["algorithm"], document["name"]) == ("theirs", "Mine")
    assert int(row(VERSION)["revision"]) == 3


@pytest.mark.parametrize(
    "act",
    [
        changed(upload_id="0" * 32),
        changed(state=versions.DELETING),
        changed(state=versions.UPLOADING),
        changed(revision=9),
    ],
)
def test_a_rebuild_overwrites_no_row_that_changed_since_it_looked(version, act):
    taken = []

    def steal(key):
        act(key)
        taken.append(row(key))

    with stolen(VERSION, steal):
        rebuild()
    kept = row(VERSION)
    # A later revision is what the version is now: its row is written again from itself.
    names = ("state", "upload_id") if taken[0]["revision"] == "9" else tuple(taken[0])
    assert {name: kept[name] for name in names} == {name: taken[0][name] for name in names}


def test_a_rebuild_writes_no_row_over_one_that_appears_meanwhile(version):
    old = objects.get("manifests/ana/iris/v1.json")
    table.delete(VERSION)

    def appear(key):
        table.put(Row(*key, state=versions.UPLOADING, upload_id="0" * 32, created_key="2026#iris#v1"))

    with stolen(VERSION, appear):
        report = rebuild()
    assert row(VERSION)["upload_id"] == "0" * 32
    assert list(report.failed) == ["ana/iris/v1"]
    assert objects.get("manifests/ana/iris/v1.json") == old
    assert objects.exists("models/ana/iris/v1/model.pkl")
