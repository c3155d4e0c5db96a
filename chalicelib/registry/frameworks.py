"""What a file's name says about it: framework, type, content type, and which file a loader opens first."""

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidRequest

if TYPE_CHECKING:
    from chalicelib.schema.fields import Framework, ModelType

FRAMEWORKS: "tuple[Framework, ...]" = (
    "pytorch",
    "tensorflow",
    "sklearn",
    "onnx",
    "keras",
    "huggingface",
    "other",
)
"""Every value of `framework`."""
MODEL_TYPES: "tuple[ModelType, ...]" = (
    "classification",
    "regression",
    "clustering",
    "nlp",
    "computer_vision",
    "recommendation",
    "time_series",
    "reinforcement_learning",
    "other",
)
"""Every value of `model_type`."""

_FRAMEWORK_BY_EXTENSION: "dict[str, Framework]" = {
    ".pkl": "sklearn",
    ".joblib": "sklearn",
    ".onnx": "onnx",
    ".h5": "keras",
    ".hdf5": "keras",
    ".keras": "keras",
    ".pb": "tensorflow",
    ".pth": "pytorch",
    ".pt": "pytorch",
    ".bin": "huggingface",
    ".safetensors": "huggingface",
}
# The contract has no framework for them: they are models of the framework `other`.
_OTHER_MODELS = frozenset({".ckpt", ".ggml", ".gguf", ".mlmodel", ".npz", ".tflite"})
_COMPANION_BY_EXTENSION = {
    ".json": "configuration",
    ".yaml": "configuration",
    ".yml": "configuration",
    ".txt": "text",
    ".md": "documentation",
}
# A table of our own: Python's `mimetypes` differs between versions and machines, and knows types that run.
_CONTENT_TYPE_BY_EXTENSION = {
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/plain",
    ".tar": "application/x-tar",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
# The names that libraries save a model under, the most telling first.
_PRIMARY_STEMS = ("model", "saved_model", "pytorch_model", "tf_model", "adapter_model")


def framework_of(filename: str) -> "Framework":
    """Give the framework that the extension stands for, in any case; `other` for one that is not known."""
    return _FRAMEWORK_BY_EXTENSION.get(_extension(filename), "other")


def file_type_of(filename: str) -> str:
    """Give `model`, `configuration`, `text`, `documentation` or `other`, by the extension in any case."""
    if _is_model(filename):
        return "model"
    return _COMPANION_BY_EXTENSION.get(_extension(filename), "other")


def content_type_of(filename: str) -> str:
    """Give the media type by the extension in any case; `application/octet-stream` for one not known.

    None of them is a type whose scripts a browser would run (HTML, SVG, XML, JavaScript): files come from
    users, and a page among them would act in the name of the store's origin.
    """
    return _CONTENT_TYPE_BY_EXTENSION.get(_extension(filename), "application/octet-stream")


def choose_primary(paths: Sequence[str], named: Sequence[str]) -> str | None:
    """Give the file of a version that a loader opens first; None when no file stands out.

    `paths` are all files, `named` those that the client marked with `is_primary`. The one named comes
    first, then the only file there is, then the files with a model's extension: of them the least deep,
    then the one with a usual name (model.*, saved_model.pb, pytorch_model.bin …), then the first by path.
    A file whose name begins with `._`, as macOS names what it keeps of another file, is never chosen. The order of
    `paths` makes no difference. Raises `InvalidRequest` when two are named.
    """
    if len(named) > 1:
        raise InvalidRequest(
            f"is_primary is true for {named[0]!r} and {named[1]!r}: a version has one primary file, mark one"
        )
    if named:
        return named[0]
    able = [path for path in paths if not posixpath.basename(path).startswith("._")]
    if len(able) == 1:
        return able[0]
    return min(filter(_is_model, able), key=_primary_rank, default=None)


def _extension(filename: str) -> str:
    return posixpath.splitext(filename)[1].lower()


def _is_model(filename: str) -> bool:
    return _extension(filename) in _FRAMEWORK_BY_EXTENSION or _extension(filename) in _OTHER_MODELS


def _primary_rank(path: str) -> tuple[int, int, str]:
    stem = posixpath.splitext(posixpath.basename(path))[0].lower()
    usual = _PRIMARY_STEMS.index(stem) if stem in _PRIMARY_STEMS else len(_PRIMARY_STEMS)
    return path.count("/"), usual, path
