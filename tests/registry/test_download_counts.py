"""Downloads are counted: each one once, in no row that all of them write, and none waits for its count."""

from collections import Counter
from functools import partial
from unittest.mock import patch

import pytest
from api import everything
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from interleaving import just_before
from planting import plant, plant_all

from chalicelib.registry import history, zipping
from chalicelib.registry.rebuilding import rebuild
from chalicelib.schema.history import Actor
from chalicelib.store import downloads, keys, table, versions

IRIS = "/ai-models/ana/iris"
BYTES = "application/octet-stream"


def counted(api, **query):
    return api.get(f"{IRIS}/downloads", **query).json["downloads"]


def test_what_counts_as_a_download(api, monkeypatch):
    api.upload()
    assert counted(api) == 0
    expected = 0
    for path, accept, counts in [
        ("/download?filename=model.pkl", None, 1),
        ("/download?filename=model.pkl", BYTES, 1),
        ("/download", None, 1),
        ("/download", "application/zip", 1),
        ("/files?urls=true", None, 1),
        ("/files", None, 0),
        ("/download?filename=none", None, 0),
        ("/download?version=v9", None, 0),
        ("", None, 0),
        ("/downloads", None, 0),
    ]:
        api.get(IRIS + path, accept=accept)
        expected += counts
        assert counted(api) == expected, path
    # A ZIP that is being made is counted when it is handed out.
    api.upload(version="v2")
    monkeypatch.setattr(zipping, "QUICK_BYTES", 0)
    monkeypatch.setattr(zipping, "WAIT", 0.01)
    assert api.get(f"{IRIS}/download").status == 202
    assert (counted(api), counted(api, version="v1")) == (0, expected)


def test_a_version_whose_files_are_listed_page_by_page_is_downloaded_once(api):
    plant(files=30)
    token = {}
    for _ in range(3):
        token = {"next_token": api.get(f"{IRIS}/files", urls="true", limit=10, **token).json["next_token"]}
    assert token == {"next_token": None}
    assert counted(api) == 1


def test_no_row_takes_all_downloads(api):
    api.upload()
    for _ in range(100):
        api.get(f"{IRIS}/download", filename="model.pkl")
    rows = {row.pk: int(row.downloads) for row in table.scan(keys.DOWNLOADS)}
    assert sum(rows.values()) == counted(api) == 100
    assert len(rows) == downloads.SHARDS
    assert max(rows.values()) < 40
    # The history has changes alone, and the counts of many downloads no more rows than there are shares.
    assert [entry["action"] for entry in api.get(f"{IRIS}/history").json["history"]] == ["create"]


def test_nothing_is_left_of_the_counts_of_a_version_and_none_is_taken_over(api):
    api.upload()
    for _ in range(30):
        api.get(f"{IRIS}/download", filename="model.pkl")
    record = versions.latest("ana", "iris")
    assert api.delete(IRIS).status == 200
    assert everything() == (set(), set(), set())
    assert api.get(f"{IRIS}/downloads").status == 404
    # Who was just downloading when it was deleted counts for no version to come.
    downloads.count(record)
    assert everything() == (set(), set(), set())
    api.upload()
    downloads.count(record)
    assert counted(api) == 0
    assert list(table.scan(keys.DOWNLOADS)) == []


def test_of_many_versions_all_counts_are_removed(api):
    plant_all([("iris", f"v{number}", {}) for number in range(5)])
    for number in range(5):
        api.get(f"{IRIS}/files", version=f"v{number}", urls="true")
    assert api.delete(IRIS, all_versions="true").status == 200
    assert list(table.scan(keys.DOWNLOADS)) == []


def test_a_rebuild_that_finds_the_table_leaves_the_counts(api):
    api.upload()
    api.get(f"{IRIS}/download", filename="model.pkl")
    table.clear(keep=(keys.HISTORY, keys.DOWNLOADS))
    rebuild()
    assert counted(api) == 1


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem"),
        ReadTimeoutError(endpoint_url="https://stub.invalid"),
    ],
    ids=["throttled", "too late"],
)
def test_a_count_that_is_lost_is_lost_alone(api, caplog, error):
    api.upload()
    tried, original = Counter(), BaseClient._make_api_call

    def refusing(client, name, arguments):
        tried[name] += 1
        if name == "UpdateItem":
            config = client.meta.config
            assert (config.retries["total_max_attempts"], config.read_timeout) == (1, downloads.WAIT)
            raise error
        return original(client, name, arguments)

    with patch.object(BaseClient, "_make_api_call", refusing):
        answer = api.get(f"{IRIS}/download", filename="model.pkl", accept=BYTES)
    assert (answer.status, answer.content) == (200, b"weights")
    assert tried["UpdateItem"] == 1
    assert "could not be counted" in caplog.text
    assert counted(api) == 0


def test_downloads_that_were_noted_before_can_still_be_read(api):
    api.upload()
    noted = history.entry("download", Actor(user_id="ben"), "v1", filename="model.pkl")
    table.put(history.row("ana", "iris", noted))
    told = api.get(f"{IRIS}/history").json["history"]
    assert [(entry["action"], entry["filename"]) for entry in told] == [
        ("download", "model.pkl"),
        ("create", None),
    ]


def test_first_downloads_at_the_same_time_are_all_counted(api):
    api.upload()
    download = partial(api.get, f"{IRIS}/download?filename=model.pkl")
    number = 0
    while True:
        for row in list(table.scan(keys.DOWNLOADS)):
            table.delete((row.pk, row.sk))
        with just_before(number, download) as made:
            download()
        if len(made) <= number:
            break
        assert counted(api) == 2, number
        number += 1
    assert number == 3
