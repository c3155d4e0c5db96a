"""`model.yaml`: ours, of other tools, and as editors and people write it."""

import codecs

import pytest
from each import each

from weighthouse.errors import InvalidInput
from weighthouse.model_file import read_model_file

BENTOML = """
name: iris_clf
version: 2uo5fkgxj27exuqj
module: bentoml.sklearn
labels: {owner: ana}
options: {}
metadata: {}
context: {framework_name: sklearn}
signatures: {predict: {batchable: false}}
api_version: v1
creation_time: '2024-01-01T00:00:00+00:00'
"""
YOLO = """
nc: 80 # classes
scales: {n: [0.33, 0.25, 1024]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [[15, 18, 21], 1, Detect, [nc]]
"""
LM_STUDIO = "model: qwen/qwen3-8b\nbase: [{key: a}]\ntags: [thinking]\nmetadataOverrides: {}\nconfig: {}\n"
CORTEX = (
    "id: a\nname: A\nversion: '1'\ndescription: B\nformat: gguf\nsettings: {ctx_len: 4096}\nengine: nitro\n"
)
KUBERNETES = "apiVersion: v1\nkind: InferenceService\nmetadata: {name: a}\n---\napiVersion: v1\n"
OBJECTS = "hydra: !!python/object:net.Config {depth: 3}\nnet: !Net [1]\n"


@pytest.fixture
def reading(tmp_path):
    def read(content, **options):
        file = tmp_path / "model.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_model_file(file, **options)

    return read


@pytest.mark.parametrize(
    "content",
    [BENTOML, YOLO, LM_STUDIO, CORTEX, KUBERNETES, OBJECTS, "[1, 2]", "just text", "x: 1\n" + "#" * 2**20],
)
def test_a_file_of_another_tool_is_told_by_its_keys(reading, content):
    assert reading(content, given=False) is None
    with pytest.raises(InvalidInput, match=r"model\.yaml"):
        reading(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("descripton: a\n", "'descripton'; did you mean 'description'"),
        ("name: A\nacuracy: 0.9\n", "'acuracy'"),
        ("name: A\nseed: 3\n", "'seed'; fields of your own go into custom_metadata"),
        ("name: A\ndescription: B\nversion: 3\n", "'version'"),
        ("name: A\ntest_accuracy: high\n", "test_accuracy"),
        ("name: [\n", "--model-file"),
        ("name: A\n\ttags: [a]\n", "line 2"),
    ],
)
def test_a_slip_in_ours_is_an_error_that_names_the_key(reading, content, said):
    with pytest.raises(InvalidInput) as refused:
        reading(content, given=False)
    assert said in refused.value.detail


def test_nothing_in_it_is_ours(reading):
    for content in each(("", "# nothing\n", "{}", "---\n")):
        assert reading(content, given=False) == {}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2e-5", 2e-5),
        ("2E5", 200_000.0),
        ("-1e+3", -1000.0),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("3.0", 3.0),
        ("42", 42),
        ("7_000", 7000),
        ("0x1F", 31),
        ("12e4567", "12e4567"),
        ("1:30", "1:30"),
        ("12:30:45", "12:30:45"),
        ("007", "007"),
        ("1.2.3", "1.2.3"),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31 10:00:00", "2024-01-31 10:00:00"),
        ("'2e-5'", "2e-5"),
        ("true", True),
        ("~", None),
    ],
)
def test_numbers_are_those_of_yaml_1_2_and_nothing_else_is_one(reading, written, read):
    found = reading(f"custom_metadata: {{key: {written}}}")["custom_metadata"]["key"]
    assert (found, type(found)) == (read, type(read))


def test_a_number_is_taken_by_its_field_however_it_is_written(reading):
    assert reading("training_loss: 2e-5\nnum_parameters: 7e9\ninput_shape: [1, 3.0]\n") == {
        "training_loss": 2e-5,
        "num_parameters": 7_000_000_000,
        "input_shape": [1, 3],
    }
    for content, field in each(
        (
            ("training_loss: 12e4567", "training_loss"),
            ("training_loss: .inf", "training_loss"),
            ("num_parameters: 7.5", "num_parameters"),
            ("custom_metadata: {run: {loss: .nan}}", r"run\.loss"),
        )
    ):
        with pytest.raises(InvalidInput, match=field):
            reading(content)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_file_may_be_as_windows_writes_it(reading, mark, encoding):
    content = mark + "name: Zähler\r\ntags:\r\n  - a\r\n  - b\r\ndescription: |\r\n  one\r\n  two\r\n".encode(
        encoding
    )
    assert reading(content, given=False) == {
        "name": "Zähler",
        "tags": ["a", "b"],
        "description": "one\ntwo\n",
    }


def test_tags_are_kept_in_one_unicode_form(reading):
    assert reading("tags: [zu\u0308rich, z\u00fcrich]") == {"tags": ["z\u00fcrich"]}
