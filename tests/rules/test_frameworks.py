"""What a file's name says about it."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.registry.frameworks import (
    FRAMEWORKS,
    MODEL_TYPES,
    choose_primary,
    content_type_of,
    file_type_of,
    framework_of,
)
from chalicelib.schema.fields import Framework, ModelType

EXTENSIONS = {
    "sklearn": [".pkl", ".joblib"],
    "onnx": [".onnx"],
    "keras": [".h5", ".hdf5", ".keras"],
    "tensorflow": [".pb"],
    "pytorch": [".pth", ".pt"],
    "huggingface": [".bin", ".safetensors"],
}
FILENAMES = st.tuples(
    st.sampled_from(["", "a/", "a/b/"]),
    st.sampled_from(["model", "Model", "pytorch_model", "weights", "x.y"]),
    st.sampled_from(["", ".bin", ".PT", ".onnx", ".json", ".md", ".html"]),
).map("".join)


def test_the_lists_are_those_of_the_schema():
    assert get_args(Framework) == FRAMEWORKS
    assert get_args(ModelType) == MODEL_TYPES


@pytest.mark.parametrize(
    ("extension", "framework"), [(ext, name) for name, exts in EXTENSIONS.items() for ext in exts]
)
def test_an_extension_in_any_case_says_framework_and_type(extension, framework):
    for filename in (f"m{extension}", f"a.b/c.d{extension.upper()}"):
        assert framework_of(filename) == framework
        assert file_type_of(filename) == "model"
        assert content_type_of(filename) == "application/octet-stream"


@pytest.mark.parametrize(
    ("filename", "file_type"),
    [
        ("config.json", "configuration"),
        ("a/config.YAML", "configuration"),
        ("config.yml", "configuration"),
        ("requirements.txt", "text"),
        ("README.md", "documentation"),
        ("tokenizer.model", "other"),
        ("README", "other"),
        (".pkl", "other"),
        ("folder.pkl/readme", "other"),
        ("model.pkl.gz", "other"),
    ],
)
def test_files_beside_a_model(filename, file_type):
    assert file_type_of(filename) == file_type
    assert framework_of(filename) == "other"


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.json", "application/json"),
        ("a.YML", "application/yaml"),
        ("a.txt", "text/plain"),
        ("a.md", "text/markdown"),
        ("a/b.csv", "text/csv"),
        ("a.PNG", "image/png"),
        ("a.unknown", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ],
)
def test_content_types(filename, content_type):
    assert content_type_of(filename) == content_type


ACTIVE = [
    "html",
    "htm",
    "xhtml",
    "xht",
    "shtml",
    "svg",
    "svgz",
    "xml",
    "xsl",
    "xslt",
    "js",
    "mjs",
    "mhtml",
    "swf",
]


@pytest.mark.parametrize("extension", ACTIVE)
def test_nothing_is_served_as_a_page_that_runs(extension):
    assert content_type_of(f"a.{extension}") == "application/octet-stream"
    assert content_type_of(f"a.{extension.upper()}") == "application/octet-stream"


@pytest.mark.parametrize(
    ("paths", "primary"),
    [
        ([], None),
        (["README.md"], "README.md"),
        (["README.md", "config.json"], None),
        (["README.md", "z.pkl"], "z.pkl"),
        (["a.onnx", "model.onnx"], "model.onnx"),
        (["a/model.onnx", "z.onnx"], "z.onnx"),
        (["optimizer.pt", "pytorch_model.bin", "adapter_model.bin"], "pytorch_model.bin"),
        (["best.pt", "saved_model.pb", "variables/variables.data"], "saved_model.pb"),
        (["model-00002-of-00002.bin", "model-00001-of-00002.bin"], "model-00001-of-00002.bin"),
        (["a/B/MODEL.PKL", "a/b/a.pkl"], "a/B/MODEL.PKL"),
        (["._a.onnx", "a.onnx"], "a.onnx"),
        (["._model.onnx", "deep/z.onnx", "deep/y.onnx"], "deep/y.onnx"),
        (["._model.onnx"], None),
    ],
)
def test_the_primary_file_nobody_named(paths, primary):
    assert choose_primary(paths, []) == primary


def test_the_primary_file_that_was_named():
    assert choose_primary(["model.pkl", "notes.txt"], ["notes.txt"]) == "notes.txt"
    with pytest.raises(InvalidRequest, match=r"'b\.pkl' and 'a\.pkl'"):
        choose_primary(["a.pkl", "b.pkl", "c.pkl"], ["b.pkl", "a.pkl", "c.pkl"])


@given(st.lists(FILENAMES, unique=True), st.randoms())
def test_the_choice_does_not_depend_on_the_order(paths, random):
    chosen = choose_primary(paths, [])
    shuffled = random.sample(paths, len(paths))
    assert choose_primary(shuffled, []) == chosen
    models = [path for path in paths if file_type_of(path) == "model"]
    if models:
        assert chosen in models
        assert chosen.count("/") == min(path.count("/") for path in models)
    else:
        assert chosen == (paths[0] if len(paths) == 1 else None)


@pytest.mark.parametrize("name", ["q4.gguf", "q4.GGUF", "q.ggml", "n.tflite", "n.mlmodel", "n.ckpt", "n.npz"])
def test_models_of_other_frameworks_are_models(name):
    assert (framework_of(name), file_type_of(name)) == ("other", "model")
    assert choose_primary(["config.json", "a/readme.md", name], []) == name
