"""The metadata that the client knows, and that it is the service's."""

import dataclasses
from typing import get_args

import msgspec
import pytest

from chalicelib.schema import documents, fields, requests
from weighthouse.documents import File, Version
from weighthouse.errors import InvalidInput
from weighthouse.metadata import FIELDS, FRAMEWORKS, MODEL_TYPES, checked, parsed
from weighthouse.model_file import read_model_file


def test_the_client_knows_the_fields_that_the_service_takes():
    taken = {field.name for field in msgspec.structs.fields(requests.Metadata)}
    assert set(FIELDS) == taken - {"user_id", "model_id", "version"}
    assert get_args(fields.Framework) == FRAMEWORKS
    assert get_args(fields.ModelType) == MODEL_TYPES


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Version, documents.VersionDocument),
        (File, documents.FileDocument),
    ],
)
def test_a_document_has_the_fields_of_the_service(ours, theirs):
    answered = {field.name for field in msgspec.structs.fields(theirs)}
    assert {field.name for field in dataclasses.fields(ours)} == answered


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nme", "x"),
        ("name", 3),
        ("name", "x" * 257),
        ("framework", "tourch"),
        ("model_type", True),
        ("input_shape", [1, 2.5]),
        ("input_shape", [True]),
        ("num_parameters", "7"),
        ("test_accuracy", "high"),
        ("test_accuracy", float("nan")),
        ("training_loss", float("inf")),
        ("tags", "demo"),
        ("tags", ["x"] * 51),
        ("dependencies", [1]),
        ("is_active", "yes"),
        ("custom_metadata", [1]),
        ("custom_metadata", {"loss": float("nan")}),
        ("custom_metadata", {"x": "y" * 65_536}),
    ],
)
def test_what_the_service_would_refuse_is_refused_with_its_field(field, value):
    with pytest.raises(InvalidInput, match=field):
        checked({field: value}, "model.yaml")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("name", "A net", "A net"),
        ("input_shape", "1,28,28", [1, 28, 28]),
        ("output_shape", "1x10", [1, 10]),
        ("num_parameters", "7_000_000_000", 7_000_000_000),
        ("num_parameters", "7e9", 7_000_000_000),
        ("test_accuracy", "0.97", 0.97),
        ("tags", "demo, small", ["demo", "small"]),
        ("dependencies", '["numpy>=1,<3"]', ["numpy>=1,<3"]),
        ("custom_metadata", '{"seed": 42}', {"seed": 42}),
        ("is_active", "No", False),
        ("description", "", None),
    ],
)
def test_a_value_on_a_command_line_is_that_of_the_field(field, text, value):
    assert parsed(field, text) == value


@pytest.mark.parametrize(
    "content",
    ["[1, 2]", "name: [", "1: 2", "name: 3", "a: &a [*a]", "!!python/object/apply:os.system [ls]", "\x00"],
)
def test_a_model_file_that_is_none_is_refused_by_its_name(tmp_path, content):
    file = tmp_path / "model.yaml"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=r"model\.yaml"):
        read_model_file(file)


def test_a_model_file_may_be_empty_or_say_what_yaml_can(tmp_path):
    file = tmp_path / "model.yaml"
    file.write_text("")
    assert read_model_file(file) == {}
    file.write_text("name: Zahlenleser\ntest_accuracy: 1\ncustom_metadata: {seed: 42}\nalgorithm: null\n")
    assert read_model_file(file) == {
        "name": "Zahlenleser",
        "test_accuracy": 1,
        "custom_metadata": {"seed": 42},
    }


def test_metadata_are_kept_as_the_registry_keeps_them():
    said = {"tags": ["a", "b", "a"], "input_shape": (1, 28), "custom_metadata": {"shape": (1,), 3: "x"}}
    assert checked({**said, "algorithm": None}, "metadata") == {
        "tags": ["a", "b"],
        "input_shape": [1, 28],
        "custom_metadata": {"shape": [1], "3": "x"},
    }


def test_the_number_in_an_object_that_is_none_is_named():
    with pytest.raises(InvalidInput, match=r"its runs\[1\]\.loss is no finite number"):
        checked({"custom_metadata": {"runs": [1, {"loss": float("inf")}]}}, "metadata")
    circle = []
    circle.append(circle)
    with pytest.raises(InvalidInput, match="must be JSON"):
        checked({"custom_metadata": {"runs": circle}}, "metadata")


def test_an_error_shows_values_as_json():
    with pytest.raises(InvalidInput, match=r'name is \{"a": null, "b": true\}; it must be text'):
        checked({"name": {"a": None, "b": True}}, "model.yaml")
