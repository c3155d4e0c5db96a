"""What each route may ask of DynamoDB and S3: call by call, however much else is stored."""

import io
import zipfile
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from each import each
from planting import plant, plant_all
from stores import once

SMALL, LARGE = "/ai-models/ana/small", "/ai-models/ana/large"
NOTE = {"UpdateItem": 1}
"""A download is counted."""
GET, LATEST, PAGE, BATCH = {"GetItem": 1}, {"Query": 1}, {"Query": 1}, {"Query": 1, "BatchGetItem": 1}
BYTES = "application/octet-stream"


def folder(number):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for at in range(number):
            archive.writestr(f"{at:02}.pt", b"%d" % at)
    return packed.getvalue()


@once
def stock(api):
    """A small version, a version of 12 files, and a ZIP of each that has been made."""
    fields = {"description": "alpha beta gamma", "tags": "a,b", "framework": "onnx", "model_type": "nlp"}
    assert api.upload(model_id="small", filename="00.pt", **fields).status == 200
    assert api.upload_zip(folder(12), model_id="large", **fields).status == 200
    for path in (SMALL, LARGE):
        assert api.get(f"{path}/download").status == 307


@pytest.fixture
def stocked(api):
    stock(api)
    return api


def plant_others(number=300):
    """Other versions: of the same model, and of models that every filter and word finds."""
    fields = {"description": "alpha", "tags": ["a"], "framework": "onnx", "model_type": "nlp"}
    plant_all([("small", f"v0.{n}", {}) for n in range(number // 2)])
    plant_all([(f"other{n}", "v1", fields) for n in range(number // 2)])


READS = [
    (f"{SMALL}?version=v1", GET),
    (SMALL, LATEST),
    (f"{LARGE}?version=v1", {"GetItem": 1, "Query": 1}),
    (LARGE, {"Query": 2}),
    (f"{SMALL}?version=v2", GET),
    ("/ai-models/ana/nope", LATEST),
    (f"{SMALL}/versions", PAGE),
    (f"{LARGE}/versions", PAGE),
    ("/ai-models/ana/nope/versions", PAGE),
    (f"{SMALL}/files?version=v1", GET),
    (f"{LARGE}/files?version=v1", {"GetItem": 1, "Query": 1}),
    (f"{LARGE}/files?limit=3", {"Query": 2}),
    (f"{LARGE}/files?version=v1&urls=true", {"GetItem": 1, "Query": 1} | NOTE),
    ("/ai-models/ana", PAGE),
    ("/ai-models/ana?limit=1", PAGE),
    ("/ai-models/ana?framework=onnx", PAGE),
    ("/ai-models/ana?model_type=nlp", PAGE),
    ("/ai-models/ana?framework=onnx&model_type=nlp", PAGE),
    ("/ai-models/ana?tags=b", BATCH),
    ("/ai-models/ana?tags=b,a&framework=onnx&model_type=nlp", BATCH),
    ("/ai-models/ana?tags=unknown", PAGE),
    ("/ai-models/ana?skip=1&limit=1", {"Query": 2}),
    ("/ai-models/search/ana", PAGE),
    ("/ai-models/search/ana?query=gamma", BATCH),
    ("/ai-models/search/ana?query=gamma&framework=onnx&tags=a,b", BATCH),
    ("/ai-models/search/ana?query=gamma beta", {"Query": 2, "BatchGetItem": 1}),
    ("/ai-models/search/ana?query=gamma beta alpha", {"Query": 3, "BatchGetItem": 1}),
    ("/ai-models/search/ana?query=gamma alpha nothing", {"Query": 3}),
    (f"{SMALL}/download?version=v1&filename=00.pt", GET | NOTE),
    (f"{SMALL}/download?filename=00.pt", LATEST | NOTE),
    (f"{LARGE}/download?version=v1&filename=11.pt", {"GetItem": 1, "Query": 1} | NOTE),
    (f"{LARGE}/download?version=v1&filename=nope.pt", {"GetItem": 1, "Query": 1}),
    (f"{SMALL}/download?version=v1", {"GetItem": 1, "HeadObject": 1} | NOTE),
    (f"{LARGE}/download", {"Query": 1, "HeadObject": 1} | NOTE),
    (f"{SMALL}/access", {"GetItem": 1, "Query": 1}),
    (f"{SMALL}/downloads?version=v1", {"GetItem": 1, "BatchGetItem": 1}),
    (f"{LARGE}/downloads", BATCH),
    (f"{SMALL}/history", PAGE),
    (f"{SMALL}/history?limit=1", PAGE),
]
INLINE = [
    (f"{SMALL}/download?version=v1&filename=00.pt", {"GetItem": 1, "GetObject": 1} | NOTE),
    (f"{LARGE}/download?version=v1", {"GetItem": 1, "HeadObject": 1, "GetObject": 1} | NOTE),
]
REFUSED = [
    "/ai-models/-ana",
    "/ai-models/upload/small",
    f"{SMALL}?version=next",
    f"{SMALL}?colour=red",
    f"{SMALL}/versions?next_token=xyz",
    f"{SMALL}/versions?limit=0",
    "/ai-models/ana?next_token=xyz",
    "/ai-models/ana?tags=" + "t" * 129,
    "/ai-models/search/ana?query=small&next_token=xyz",
    "/ai-models/search/ana?query=" + "%20".join(f"w{n}" for n in range(17)),
]


@pytest.mark.parametrize("others", [False, True], ids=["alone", "among 300 others"])
def test_what_reading_costs(stocked, calls, others):
    if others:
        plant_others()
    spent = {}
    for path, _ in READS:
        with calls.counting() as counted:
            answer = stocked.get(path)
        assert answer.status in (200, 307, 404), answer.content
        spent[path] = dict(counted)
    assert spent == dict(READS)


@pytest.mark.parametrize(("path", "budget"), INLINE)
def test_what_content_in_the_answer_costs(stocked, calls, path, budget):
    with calls.counting() as counted:
        assert stocked.get(path, accept=BYTES).status == 200
    assert counted == budget


def test_what_is_refused_costs_nothing(stocked, calls):
    for path in REFUSED:
        with calls.counting() as counted:
            assert stocked.get(path).status == 400
        assert counted == {}, path


CHANGE = {"PutObject": 1, "TransactWriteItems": 1}


@pytest.mark.parametrize("others", [False, True], ids=["alone", "among 60 others"])
def test_what_a_change_costs(stocked, calls, others):
    if others:
        plant_others(60)
    changes = [
        (f"{SMALL}?version=v1", {"algorithm": "SVM"}, {"GetItem": 1, **CHANGE}),
        (f"{SMALL}?version=v1", {"description": "delta", "tags": ["b", "c"]}, {"GetItem": 1, **CHANGE}),
        (f"{SMALL}?version=v1", {"framework": "keras"}, {"GetItem": 1, **CHANGE}),
        (f"{SMALL}?version=v1", {"is_active": False}, {"GetItem": 1, **CHANGE}),
        (f"{SMALL}?version=v1", {"is_active": True}, {"GetItem": 1, **CHANGE}),
        (SMALL, {"name": "N"}, {"Query": 1, **CHANGE}),
        (f"{SMALL}?version=v1", {}, {"GetItem": 1}),
        (f"{SMALL}?version=v2", {"name": "N"}, {"GetItem": 1}),
        (f"{LARGE}?version=v1", {"name": "N"}, {"GetItem": 1, "Query": 1, **CHANGE}),
        (f"{LARGE}?version=v1", {"primary_file_path": "11.pt"}, {"GetItem": 1, "Query": 2, **CHANGE}),
        (f"{SMALL}?version=v1", {"files": []}, {}),
    ]
    for path, change, budget in changes:
        with calls.counting() as counted:
            stocked.put(path, change)
        assert counted == budget, (path, change)


def test_a_change_writes_the_rows_that_change_and_no_others(stocked):
    written = []
    original = BaseClient._make_api_call

    def watched(client, name, arguments):
        if name == "TransactWriteItems":
            for item in arguments["TransactItems"]:
                [(verb, what)] = item.items()
                row = what.get("Item") or what["Key"]
                written.append((verb, row["pk"]["S"], row["sk"]["S"].split("#")[0]))
        return original(client, name, arguments)

    with patch.object(BaseClient, "_make_api_call", watched):
        stocked.put(f"{SMALL}?version=v1", {"description": "alpha beta delta", "num_parameters": 5})
    [noted] = [row for row in written if row[1].startswith("history#")]
    assert noted[:2] == ("Put", "history#ana/small")
    assert sorted(set(written) - {noted}) == [
        ("Delete", "words#ana", "gamma"),
        ("Put", "model#ana/small", "active"),
        ("Put", "model#ana/small", "version"),
        ("Put", "words#ana", "delta"),
    ]


def test_what_a_deletion_costs(stocked, calls):
    plant_others(60)
    for path, most in ((SMALL, 14), (LARGE, 17)):
        with calls.counting() as counted:
            assert stocked.delete(path, version="v1").status == 200
        assert counted["TransactWriteItems"] == 2
        assert counted.total() <= most


def test_what_the_deletion_of_a_shared_version_costs_more(stocked, calls):
    costs = []
    for users in ([], ["ben"]):
        stocked.upload(model_id="small", version="v2")
        stocked.put(f"{SMALL}/access", {"users": users})
        with calls.counting() as counted:
            assert stocked.delete(SMALL, version="v2").status == 200
        costs.append(Counter(counted))
    # The row and the copy are known by another version then.
    more = {"GetItem": 4, "Query": 2, "TransactWriteItems": 1, "PutObject": 1}
    assert costs[1] - costs[0] == more
    assert costs[0]["GetItem"] == 2
    assert costs[0]["Query"] == 0


def test_what_sharing_costs(stocked, calls):
    table = {"GetItem": 3, "Query": 1, "TransactWriteItems": 1}
    for users, objects in (
        (["ben"], {"PutObject": 1}),
        (["ben", "cleo"], {"PutObject": 1}),
        (["cleo"], {"DeleteObjects": 1, "PutObject": 1}),
        ([], {"DeleteObjects": 2}),
    ):
        with calls.counting() as counted:
            assert stocked.put(f"{SMALL}/access", {"users": users}).status == 200
        assert counted == table | objects, users


@contextmanager
def rows_read():
    """Counts the rows that Queries read, whether or not a filter let them pass, and those got by key."""
    original, read = BaseClient._make_api_call, Counter()

    def watched(client, name, arguments):
        answer = original(client, name, arguments)
        read["scanned"] += answer.get("ScannedCount", 0)
        read["got"] += (
            sum(len(rows) for rows in answer.get("Responses", {}).values()) if name == "BatchGetItem" else 0
        )
        return answer

    with patch.object(BaseClient, "_make_api_call", watched):
        yield read


@pytest.mark.parametrize(
    ("path", "per_page"),
    [
        ("/ai-models/ana?limit=10", {"scanned": 11, "got": 0}),
        ("/ai-models/ana?framework=onnx&limit=10", {"scanned": 11, "got": 0}),
        ("/ai-models/ana?model_type=nlp&limit=10", {"scanned": 11, "got": 0}),
        ("/ai-models/ana?tags=a&limit=10", {"scanned": 11, "got": 11}),
        ("/ai-models/ana/m/versions?limit=10", {"scanned": 11, "got": 0}),
    ],
)
def test_every_page_costs_as_much_as_the_first(api, path, per_page):
    fields = {"tags": ["a"], "framework": "onnx", "model_type": "nlp"}
    plant_all([("m", f"v{n}", fields) for n in range(60)])
    costs, token = [], {}
    while True:
        with rows_read() as read:
            page = api.get(path, **token).json
        costs.append(dict(read))
        if page["next_token"] is None:
            break
        token = {"next_token": page["next_token"]}
    assert len(costs) == 6
    assert costs[:-1] == [per_page] * 5


def test_a_rare_match_is_found_in_few_queries(api, calls):
    """Each Query reads twice as many rows as the one before: 4, 8, 16, and 32 of which 12 are there."""
    plant_all(
        [("m", f"v{n}", {"framework": "onnx", "model_type": "nlp" if n == 0 else "other"}) for n in range(40)]
    )
    with calls.counting() as counted:
        page = api.get("/ai-models/ana?framework=onnx&model_type=nlp&limit=3").json
    assert [found["version"] for found in page["models"]] == ["v0"]
    assert counted == {"Query": 4}


def test_every_page_of_files_costs_as_much_as_the_second(api):
    """The second begins within a row of 50 files; so do all that follow."""
    plant(files=1_000)
    costs, token = [], {}
    while True:
        with rows_read() as read:
            page = api.get("/ai-models/ana/iris/files", version="v1", limit=99, **token).json
        costs.append(read["scanned"])
        if page["next_token"] is None:
            break
        token = {"next_token": page["next_token"]}
    assert costs[0] == 2
    assert set(costs[1:-1]) == {3}


def test_a_user_with_many_versions_reads_no_more_than_one_with_few(api):
    costs = []
    for _ in range(2):
        plant("m", "v1", description="unique", tags=["unique"], framework="keras", model_type="nlp")
        with rows_read() as read:
            for path in (
                "/ai-models/ana/m",
                "/ai-models/ana?limit=1",
                "/ai-models/ana?framework=keras&limit=1",
                "/ai-models/ana?model_type=nlp&limit=1",
                "/ai-models/ana?tags=unique",
                "/ai-models/search/ana?query=unique",
            ):
                assert len(api.get(path).json.get("models", [1])) == 1, path
        costs.append(dict(read))
        api.delete("/ai-models/ana/m", version="v1")
        plant_all([("many", f"v{n}", {}) for n in range(150)])
    few, many = costs
    # With more behind it a page of one reads the one that tells that there are more.
    assert many["scanned"] - few["scanned"] <= 1
    assert many["got"] == few["got"]


def test_no_route_scans_the_table_or_lists_the_bucket(stocked, calls):
    schema = stocked.get("/openapi.json").json
    seen = set()
    with calls.counting() as counted:
        for path, operations in each(schema["paths"].items()):
            if "get" in operations and path != "/docs":
                names = {"user_id": "ana", "model_id": "large", "upload_id": "0" * 32}
                answer = stocked.get(path.format(**names))
                # Without authentication there are no API tokens.
                assert answer.status in (200, 307, 404, *([403] * path.startswith("/tokens"))), path
                seen.add(path)
        stocked.put(SMALL, {"name": "N"})
        stocked.upload(model_id="new")
        stocked.upload(model_id="new", version="next")
    assert len(seen) >= 10
    assert not {"Scan", "ListObjectsV2", "ListObjects"} & set(counted)
    with calls.counting() as counted:
        stocked.delete("/ai-models/ana/new", all_versions="true")
    assert "Scan" not in counted
