"""One file in a form: what is published, and what is refused without a trace."""

import hashlib
import json
import zlib

import pytest
from api import everything
from each import each

from chalicelib.settings import settings

DATA = b"weights"
SHA256 = hashlib.sha256(DATA).hexdigest()


def refused(api, *named, status=400, **upload):
    """Sends a form that must be refused: the detail names these, and the two stores stay as they were."""
    before = everything()
    answer = api.upload(**upload)
    assert answer.status == status, answer.content
    assert list(answer.json) == ["detail"]
    assert [name for name in named if name not in answer.json["detail"]] == [], answer.json["detail"]
    assert everything() == before


def test_every_field_comes_back(api):
    fields = {
        "description": "Three species, told by their leaves",
        "version": "2024.1",
        "framework": "onnx",
        "model_type": "classification",
        "algorithm": "random forest",
        "input_shape": [1, -1, 4],
        "output_shape": [3],
        "num_parameters": 2**53 + 1,
        "training_dataset": "iris",
        "training_accuracy": 0.99,
        "validation_accuracy": 1e-7,
        "test_accuracy": 1.0,
        "training_loss": -0.5,
        "python_version": "3.11",
        "dependencies": ["scikit-learn>=1.4,<2", "numpy"],
        "hardware_requirements": "none",
        "tags": ["small", "花", "two words"],
        "custom_metadata": {"a": {"b": [1, 2.5, None, True]}, "ü": ""},
        "is_active": False,
        "is_production_ready": True,
    }
    lists = {"input_shape", "output_shape", "custom_metadata"}
    texts = {name: json.dumps(value) if name in lists else value for name, value in fields.items()}
    texts["tags"] = " small, 花,two words,,small "
    texts["dependencies"] = "scikit-learn>=1.4,<2, numpy"
    answer = api.upload(DATA, **texts)
    assert answer.status == 200, answer.content
    document = answer.json
    assert document | fields == document
    assert document["created_at"] == document["updated_at"]
    assert document["created_at"].endswith("Z")
    assert document["model_size_mb"] == len(DATA) / 1_048_576
    assert document["primary_file_path"] == "model.pkl"
    assert document["files"] == [
        {
            "filename": "model.pkl",
            "file_path": "models/ana/iris/2024.1/model.pkl",
            "file_size": len(DATA),
            "file_type": "model",
            "file_hash": SHA256,
            "hash_verified": True,
            "crc32": f"{zlib.crc32(DATA):08x}",
            "content_type": "application/octet-stream",
            "is_primary": True,
            "description": None,
            "url": None,
        }
    ]
    assert api.get("/ai-models/ana/iris", version="2024.1").json == document


def test_fields_that_are_not_given_are_null_or_empty_but_there(api):
    document = api.upload().json
    unknown = {name for name, value in document.items() if value is None}
    assert unknown == {
        *("description", "algorithm", "input_shape", "output_shape", "num_parameters", "training_dataset"),
        *("training_accuracy", "validation_accuracy", "test_accuracy", "training_loss", "python_version"),
        "hardware_requirements",
    }
    assert (document["dependencies"], document["tags"], document["custom_metadata"]) == ([], [], {})
    assert (document["version"], document["model_type"]) == ("v1", "other")
    assert (document["is_active"], document["is_production_ready"]) == (True, False)


@pytest.mark.parametrize(
    ("texts", "means"),
    [
        (["true", "True", "TRUE", "1", "yes", "Yes", "on", "ON"], True),
        (["false", "False", "FALSE", "0", "no", "No", "off", "OFF"], False),
    ],
)
def test_a_boolean_in_every_spelling(api, texts, means):
    for at, text in each(enumerate(texts)):
        fields = {"is_active": text, "is_production_ready": text, "is_primary": text}
        document = api.upload(version=f"v{at}", **fields).json
        assert (document["is_active"], document["is_production_ready"]) == (means, means)
        assert document["primary_file_path"] == ("model.pkl" if means else None)
        assert document["files"][0]["is_primary"] is means


@pytest.mark.parametrize("field", ["is_active", "is_production_ready", "is_primary"])
def test_no_other_spelling(api, field):
    refused(api, field, "'2'", **{field: "2"})
    refused(api, field, "'wahr'", **{field: "wahr"})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("num_parameters", "-1"),
        ("num_parameters", "1.5"),
        ("num_parameters", "9" * 400),
        ("training_accuracy", "nan"),
        ("test_accuracy", "high"),
        ("validation_accuracy", "1e999"),
        ("training_loss", "[]"),
        ("input_shape", "1,two"),
        ("input_shape", '{"a": 1}'),
        ("output_shape", "[1, null]"),
        ("framework", "Sklearn"),
        ("model_type", "vision"),
        ("custom_metadata", "[1]"),
        ("custom_metadata", "{"),
        ("custom_metadata", '{"a":' * 5000),
        ("custom_metadata", json.dumps({"a": "x" * 65_536})),
        ("dependencies", "[1]"),
        ("dependencies", json.dumps(["x" * 257])),
        ("tags", "x" * 129),
        ("tags", ",".join(map(str, range(51)))),
        ("tags", "a\u0007b"),
        ("name", " "),
        ("name", "x" * 257),
        ("description", "x" * 20_001),
        ("file_hash", "abc"),
        ("user_id", "upload"),
        ("user_id", "uploads"),
        ("user_id", "search"),
        ("user_id", "-ana"),
        ("user_id", "a/b"),
        ("user_id", "a" * 129),
        ("model_id", ".."),
        ("model_id", "a@b"),
        ("version", "v 1"),
        ("version", "x" * 65),
        ("version", "../v1"),
    ],
)
def test_a_wrong_value_is_refused_by_the_fields_name(api, field, text):
    refused(api, field, **{field: text})


def test_unknown_fields_and_missing_ones_are_named(api):
    refused(api, "colour", "custom_metadata", colour="red")
    refused(api, "file_size", file_size="7")
    for missing in ("user_id", "model_id", "name"):
        refused(api, missing, "required", **{missing: ""})


def test_metadata_as_a_whole_has_a_limit(api):
    custom = json.dumps({"a": "x" * 65_000})
    most = {"custom_metadata": custom, "dependencies": json.dumps(["ü" * 250] * 260)}
    assert api.upload(**most).status == 200
    refused(api, "metadata", version="v2", **most, description="x" * 20_000)


def test_a_declared_hash_in_any_case_is_checked(api):
    assert api.upload(DATA, file_hash=SHA256.upper()).status == 200
    wrong = hashlib.sha256(b"other").hexdigest()
    refused(api, SHA256, wrong, "model.pkl", data=DATA, version="v2", file_hash=wrong)


def test_a_version_that_exists_is_not_touched(api):
    api.upload(DATA)
    refused(api, "v1", "ana/iris", status=409, data=b"other", name="Other")
    answer = api.get("/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream")
    assert answer.content == DATA
    assert api.get("/ai-models/ana/iris").json["name"] == "Iris"


def test_a_form_that_is_too_large_names_the_way_that_takes_it(api, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_FORM_LIMIT", "5000")
    settings.cache_clear()
    assert api.upload(b"x" * 3000).status == 200
    refused(api, "5,000", "file_size", "application/json", status=413, data=b"x" * 5000, version="v2")


@pytest.mark.parametrize(
    ("filename", "framework", "file_type"),
    [
        ("m.PKL", "sklearn", "model"),
        ("m.joblib", "sklearn", "model"),
        ("m.onnx", "onnx", "model"),
        ("m.h5", "keras", "model"),
        ("m.hdf5", "keras", "model"),
        ("m.keras", "keras", "model"),
        ("m.pb", "tensorflow", "model"),
        ("m.pt", "pytorch", "model"),
        ("m.pth", "pytorch", "model"),
        ("m.bin", "huggingface", "model"),
        ("m.safetensors", "huggingface", "model"),
        ("m.json", "other", "configuration"),
        ("m.txt", "other", "text"),
        ("m.md", "other", "documentation"),
        ("tokenizer.spm", "other", "other"),
        ("m", "other", "other"),
    ],
)
def test_the_extension_says_the_framework_unless_the_client_does(api, filename, framework, file_type):
    document = api.upload(filename=filename).json
    assert (document["framework"], document["files"][0]["file_type"]) == (framework, file_type)
    assert api.upload(filename=filename, version="v2", framework="keras").json["framework"] == "keras"


@pytest.mark.parametrize(
    "filename", ["模型 最终.pkl", "dir/sub/m.pkl", "a b+c%20d&e=f.pkl", "'\";.pkl", "é" * 256]
)
def test_a_name_that_is_a_path_comes_back_as_it_went(api, filename):
    sent = filename.replace('"', "%22")  # The HTTP client writes it so.
    answer = api.upload(filename=filename)
    assert answer.status == 200, answer.content
    name = answer.json["files"][0]["filename"]
    assert name in (filename, sent)
    answer = api.get("/ai-models/ana/iris/download", filename=name, accept="application/octet-stream")
    assert answer.content == DATA


@pytest.mark.parametrize(
    "filename",
    [
        "..",
        ".",
        "../m.pkl",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "a\\m.pkl",
        "a\x07b",
        "a\x7f",
        "é" * 257,
    ],
)
def test_a_name_that_is_no_path_is_refused(api, filename):
    refused(api, "filename", filename=filename)


def test_an_empty_file_is_a_file(api):
    document = api.upload(b"").json
    assert document["files"][0]["file_hash"] == hashlib.sha256().hexdigest()
    answer = api.get("/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream")
    assert (answer.status, answer.content) == (200, b"")


def test_the_next_version_is_the_number_after_the_highest(api):
    assert api.upload(version="next").json["version"] == "v1"
    assert api.upload(version="next").json["version"] == "v2"
    assert api.upload(version="v9").status == 200
    assert api.upload(version="next").json["version"] == "v10"
    assert api.upload(version="v10.4").status == 200
    following = api.upload(version="next").json["version"]
    assert api.get("/ai-models/ana/iris").json["version"] == following
