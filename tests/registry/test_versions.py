"""The version document, the latest version, and the lists of a model's versions and a version's files."""

import hashlib
import io
import json
import re
import zipfile
import zlib

import pytest
from each import each
from faults import Fault
from planting import made_up_files, plant, plant_all, walk

FIELDS = [
    "model_id",
    "user_id",
    "name",
    "description",
    "version",
    "framework",
    "model_type",
    "algorithm",
    "files",
    "files_total",
    "primary_file_path",
    "input_shape",
    "output_shape",
    "num_parameters",
    "model_size_mb",
    "training_dataset",
    "training_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "training_loss",
    "python_version",
    "dependencies",
    "hardware_requirements",
    "tags",
    "custom_metadata",
    "created_at",
    "updated_at",
    "is_active",
    "is_production_ready",
]
DESCRIBED = {
    "description": "Tells three species apart; 花, ñ, \"quotes\" and 'more'\nin two lines.",
    "framework": "sklearn",
    "model_type": "classification",
    "algorithm": "Random forest",
    "input_shape": [-1, 4],
    "output_shape": [3],
    "num_parameters": 9_007_199_254_740_993,
    "training_dataset": "Iris (Fisher, 1936)",
    "training_accuracy": 0.99,
    "validation_accuracy": 0.97,
    "test_accuracy": 0.96,
    "training_loss": 1e-5,
    "python_version": "3.11",
    "dependencies": ["scikit-learn>=1.4", "numpy"],
    "hardware_requirements": "none",
    "tags": ["flowers", "tiny model", "花"],
    "custom_metadata": {"run": {"id": 7, "seeds": [1, 2]}, "note": None, "ü": "ö"},
    "is_active": True,
    "is_production_ready": True,
}
UNKNOWN = {
    "description": None,
    "algorithm": None,
    "input_shape": None,
    "output_shape": None,
    "num_parameters": None,
    "training_dataset": None,
    "training_accuracy": None,
    "validation_accuracy": None,
    "test_accuracy": None,
    "training_loss": None,
    "python_version": None,
    "dependencies": [],
    "hardware_requirements": None,
    "tags": [],
    "custom_metadata": {},
    "is_active": True,
    "is_production_ready": False,
}


def zip_of(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def as_form(fields):
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in fields.items()
    }


def test_a_document_holds_everything_that_was_told_of_a_version(api):
    uploaded = api.upload(b"weights", filename="sub/model.pkl", **as_form(DESCRIBED))
    assert uploaded.status == 200
    document = uploaded.json
    assert list(document) == FIELDS
    created = document.pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created)
    assert document.pop("updated_at") == created
    assert document == {
        **DESCRIBED,
        "model_id": "iris",
        "user_id": "ana",
        "name": "Iris",
        "version": "v1",
        "files": [
            {
                "filename": "sub/model.pkl",
                "file_path": "models/ana/iris/v1/sub/model.pkl",
                "file_size": 7,
                "file_type": "model",
                "file_hash": hashlib.sha256(b"weights").hexdigest(),
                "hash_verified": True,
                "crc32": f"{zlib.crc32(b'weights'):08x}",
                "content_type": "application/octet-stream",
                "is_primary": True,
                "description": None,
                "url": None,
            }
        ],
        "files_total": 1,
        "primary_file_path": "sub/model.pkl",
        "model_size_mb": 7 / 1_048_576,
    }


def test_what_is_not_known_is_null_or_empty_and_never_missing(api):
    document = api.upload(filename="notes", is_primary="no").json
    assert list(document) == FIELDS
    assert {name: document[name] for name in UNKNOWN} == UNKNOWN
    assert (document["framework"], document["model_type"]) == ("other", "other")
    assert document["primary_file_path"] is None
    assert [file["is_primary"] for file in document["files"]] == [False]


def test_every_endpoint_answers_with_the_same_document(api):
    uploaded = api.upload(**as_form(DESCRIBED)).json
    one = "/ai-models/ana/iris"
    documents = [
        api.get(one).json,
        api.get(one, version="v1").json,
        api.put(one, {}).json,
        *api.get(f"{one}/versions").json["models"],
        *api.get("/ai-models/ana").json["models"],
        *api.get("/ai-models/ana", framework="sklearn").json["models"],
        *api.get("/ai-models/ana", model_type="classification").json["models"],
        *api.get("/ai-models/ana", tags="花").json["models"],
        *api.get("/ai-models/search/ana", query="forest").json["models"],
    ]
    assert documents == [uploaded] * 9


@pytest.mark.parametrize(
    ("filename", "file_type"),
    [
        ("a.PKL", "model"),
        ("a.safetensors", "model"),
        ("config.json", "configuration"),
        ("config.yaml", "configuration"),
        ("requirements.txt", "text"),
        ("README.md", "documentation"),
        ("merges", "other"),
        ("model.bin.index", "other"),
    ],
)
def test_a_file_of_any_kind_is_stored_and_its_kind_is_told(api, filename, file_type):
    assert api.upload(filename=filename).json["files"][0]["file_type"] == file_type


def test_a_folder_has_its_files_in_path_order_and_the_framework_of_its_primary_file(api):
    members = {"z.json": b"{}", "weights/model.onnx": b"12", "weights/a.onnx": b"3", "Readme.md": b""}
    document = api.upload_zip(zip_of(members)).json
    paths = ["Readme.md", "weights/a.onnx", "weights/model.onnx", "z.json"]
    assert [file["filename"] for file in document["files"]] == paths
    assert document["primary_file_path"] == "weights/model.onnx"
    assert [file["filename"] for file in document["files"] if file["is_primary"]] == ["weights/model.onnx"]
    assert document["framework"] == "onnx"
    assert document["model_size_mb"] == 5 / 1_048_576


class TestLatest:
    def test_it_is_the_highest_by_natural_order_whenever_it_came(self, api):
        for version in ("v9", "v10", "v2", "v1.10", "v1.9"):
            assert api.upload(version=version).status == 200
        assert api.get("/ai-models/ana/iris").json["version"] == "v10"

    def test_only_active_versions_count(self, api):
        plant_all([("iris", "v1", {}), ("iris", "v2", {}), ("iris", "v3", {"is_active": False})])
        one = "/ai-models/ana/iris"
        assert api.get(one).json["version"] == "v2"
        assert api.put(f"{one}?version=v2", {"is_active": False}).json["is_active"] is False
        assert api.get(one).json["version"] == "v1"
        assert api.put(f"{one}?version=v3", {"is_active": True}).json["is_active"] is True
        assert api.get(one).json["version"] == "v3"
        assert api.delete(one, version="v3").status == 200
        assert api.get(one).json["version"] == "v1"

    def test_without_an_active_version_the_error_says_how_to_get_one_that_is_not(self, api):
        plant(is_active=False)
        answer = api.get("/ai-models/ana/iris")
        assert answer.status == 404
        assert "active" in answer.json["detail"]
        assert "`version`" in answer.json["detail"]
        assert api.get("/ai-models/ana/iris", version="v1").json["is_active"] is False

    def test_a_version_for_production_is_not_preferred(self, api):
        plant_all([("iris", "v1", {"is_production_ready": True}), ("iris", "v2", {})])
        assert api.get("/ai-models/ana/iris").json["version"] == "v2"

    def test_files_and_downloads_are_the_latest_versions_too(self, api):
        api.upload(b"old", filename="old.pkl")
        api.upload(b"new", filename="new.pkl", version="v2")
        assert [f["filename"] for f in api.get("/ai-models/ana/iris/files").json["files"]] == ["new.pkl"]
        content = api.get(
            "/ai-models/ana/iris/download", filename="new.pkl", accept="application/octet-stream"
        )
        assert content.content == b"new"


def test_a_version_that_is_not_published_shows_nowhere(api):
    request = {"user_id": "ana", "model_id": "iris", "name": "Iris", "tags": ["early"], "filename": "m.pkl"}
    assert api.post("/ai-models/upload/single", {**request, "file_size": 7}).status == 200
    one = "/ai-models/ana/iris"
    for path in (one, f"{one}?version=v1", f"{one}/versions", f"{one}/files", f"{one}/files?version=v1"):
        assert api.get(path).status == 404
    assert api.get(f"{one}/download", version="v1", filename="m.pkl").status == 404
    assert api.get(f"{one}/download", version="v1").status == 404
    assert api.put(f"{one}?version=v1", {"name": "Mine"}).status == 404
    assert api.delete(one, version="v1").status == 404
    for path in ("/ai-models/ana", "/ai-models/ana?tags=early", "/ai-models/search/ana?query=iris"):
        assert api.get(path).json["models"] == []


class TestVersionsOfAModel:
    def test_all_are_listed_the_highest_first(self, api):
        wanted = ["v9", "v10", "1.0", "v2"]
        plant_all([("iris", version, {"is_active": version != "v10"}) for version in wanted])
        plant("iris2", "v99")
        page = api.get("/ai-models/ana/iris/versions").json
        assert [found["version"] for found in page["models"]] == ["v10", "v9", "v2", "1.0"]
        assert (page["skip"], page["limit"], page["next_token"]) == (0, 100, None)

    @pytest.mark.parametrize("limit", [1, 4, 5, 24, 25, 1_000])
    def test_pages_hold_each_version_once(self, api, limit):
        plant_all([("iris", f"v{number}", {}) for number in range(25)])
        pages = walk(api, "/ai-models/ana/iris/versions", limit=limit)
        found = [one["version"] for page in pages for one in page["models"]]
        assert found == [f"v{number}" for number in reversed(range(25))]
        assert all(len(page["models"]) <= limit == page["limit"] for page in each(pages))

    def test_a_page_goes_on_behind_a_version_that_is_gone(self, api):
        plant_all([("iris", f"v{number}", {}) for number in range(4)])
        page = api.get("/ai-models/ana/iris/versions", limit=2).json
        api.delete("/ai-models/ana/iris", version="v2")
        following = api.get("/ai-models/ana/iris/versions", limit=2, next_token=page["next_token"]).json
        assert [one["version"] for one in following["models"]] == ["v1", "v0"]

    def test_a_model_without_any_is_not_there(self, api):
        plant()
        for path in ("/ai-models/ana/iri/versions", "/ai-models/bob/iris/versions"):
            assert api.get(path).status == 404


class TestManyFiles:
    @pytest.fixture
    def large(self, api):
        plant(files=1_200)
        return api

    def test_a_document_carries_the_first_thousand(self, large):
        document = large.get("/ai-models/ana/iris").json
        assert [file["filename"] for file in document["files"]] == [f"part-{n:05}.bin" for n in range(1_000)]
        assert document["files_total"] == 1_200
        assert large.get("/ai-models/ana/iris", version="v1").json == document
        assert large.put("/ai-models/ana/iris", {"name": "N"}).json["files"] == document["files"]

    def test_lists_carry_the_first_ten(self, large):
        for path in ("/ai-models/ana", "/ai-models/ana/iris/versions", "/ai-models/search/ana?query=iris"):
            [found] = large.get(path).json["models"]
            assert [file["filename"] for file in found["files"]] == [f"part-{n:05}.bin" for n in range(10)]
            assert found["files_total"] == 1_200

    @pytest.mark.parametrize("limit", [49, 100, 1_000])
    def test_the_files_endpoint_pages_through_all(self, large, limit):
        pages = walk(large, "/ai-models/ana/iris/files", limit=limit)
        found = [file for page in pages for file in page["files"]]
        assert [file["filename"] for file in found] == [f"part-{n:05}.bin" for n in range(1_200)]
        assert found[:1_000] == large.get("/ai-models/ana/iris").json["files"]
        assert {page["files_total"] for page in pages} == {1_200}
        assert [len(page["files"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)

    @pytest.mark.parametrize("name", ["part-00000.bin", "part-00049.bin", "part-00050.bin", "part-01199.bin"])
    def test_each_file_can_be_the_primary_one(self, large, name):
        assert large.put("/ai-models/ana/iris", {"primary_file_path": name}).status == 200
        pages = walk(large, "/ai-models/ana/iris/files", limit=1_000)
        primary = [file["filename"] for page in pages for file in page["files"] if file["is_primary"]]
        assert primary == [name]


def test_a_folder_of_many_files_that_was_really_uploaded(api):
    members = {f"shard-{number:03}.bin": b"%d" % number for number in range(130)}
    uploaded = api.upload_zip(zip_of(members))
    assert uploaded.json["files_total"] == 130
    pages = walk(api, "/ai-models/ana/net/files", limit=60)
    assert [len(page["files"]) for page in pages] == [60, 60, 10]
    assert [file for page in pages for file in page["files"]] == uploaded.json["files"]
    hashes = {file["filename"]: file["file_hash"] for file in uploaded.json["files"]}
    assert hashes == {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 50, 51])
def test_files_around_what_a_row_holds(api, number):
    plant(files=number)
    expected = [file.path for file in made_up_files(number)]
    assert [file["filename"] for file in api.get("/ai-models/ana/iris").json["files"]] == expected
    pages = walk(api, "/ai-models/ana/iris/files", limit=10)
    assert [file["filename"] for page in pages for file in page["files"]] == expected
    assert len(pages) == max(1, -(-number // 10))


def test_paths_are_ordered_by_their_utf8_bytes(api):
    paths = sorted(["Z", "a", "a/b", "a-b", "é", "e\u0301", "\uffee", "𐀀", *"0123456789"], key=str.encode)
    files = [file for path in paths for file in made_up_files(1, path)]
    plant(files=files)
    pages = walk(api, "/ai-models/ana/iris/files", limit=1)
    assert [file["filename"] for page in pages for file in page["files"]] == paths


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/ai-models/ana/nope", "ana/nope"),
        ("/ai-models/bob/iris", "bob/iris"),
        ("/ai-models/ana/iris?version=v2", "v2"),
        ("/ai-models/ana/iris?version=V1", "V1"),
        ("/ai-models/ana/iris?version=v01", "v01"),
        ("/ai-models/ana/IRIS", "ana/IRIS"),
        ("/ai-models/ana/nope/files", "ana/nope"),
        ("/ai-models/ana/iris/files?version=v2", "v2"),
        ("/ai-models/ana/nope/versions", "ana/nope"),
    ],
)
def test_what_is_not_there_is_named(api, path, named):
    plant()
    answer = api.get(path)
    assert answer.status == 404
    assert list(answer.json) == ["detail"]
    assert named in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "mentioned"),
    [
        ("/ai-models/ana/iris?version=next", "next"),
        ("/ai-models/ana/iris?version=a b", "version"),
        ("/ai-models/ana/iris?version=a/b", "version"),
        ("/ai-models/ana/iris?version=" + "v" * 65, "version"),
        ("/ai-models/ana/iris?versoin=v1", "versoin"),
        ("/ai-models/ana/iris?version=v1&version=v2", "version"),
        ("/ai-models/-ana/iris", "user_id"),
        ("/ai-models/upload/iris", "user_id"),
        ("/ai-models/ana/i#ris", "model_id"),
        ("/ai-models/ana/%2e%2e", "model_id"),
        ("/ai-models/ana/" + "m" * 129, "model_id"),
        ("/ai-models/ana/iris/versions?limit=0", "limit"),
        ("/ai-models/ana/iris/versions?limit=1001", "limit"),
        ("/ai-models/ana/iris/versions?skip=1", "skip"),
        ("/ai-models/ana/iris/files?limit=ten", "limit"),
        ("/ai-models/ana/iris/files?limit=-1", "limit"),
        ("/ai-models/ana/iris/files?limit=1.5", "limit"),
        ("/ai-models/ana/iris/files?limit=٣", "limit"),
    ],
)
def test_requests_that_break_a_rule_are_told_which(api, path, mentioned):
    plant()
    answer = api.get(path)
    assert answer.status == 400
    assert mentioned in answer.json["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ai-models/ana/iris"),
        ("GET", "/ai-models/ana/iris?version=v1"),
        ("GET", "/ai-models/ana/iris/versions"),
        ("GET", "/ai-models/ana/iris/files"),
        ("GET", "/ai-models/ana/iris/download"),
        ("GET", "/ai-models/ana"),
        ("GET", "/ai-models/ana?tags=a"),
        ("GET", "/ai-models/search/ana?query=iris tiny"),
        ("PUT", "/ai-models/ana/iris"),
        ("DELETE", "/ai-models/ana/iris"),
    ],
)
def test_a_store_out_of_reach_is_a_passing_error_that_tells_nothing_of_our_insides(api, method, path):
    plant(tags=["a"], description="tiny")
    body = {"name": "N"} if method == "PUT" else None
    with Fault(0).acting():
        answer = api.request(method, path, json_body=body)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert list(answer.json) == ["detail"]
    told = answer.json["detail"].lower()
    assert not any(
        word in told for word in ("stub.invalid", "botocore", "dynamodb", "weighthouse", "traceback")
    )
    assert api.request(method, path, json_body=body).status in (200, 307, 404)
