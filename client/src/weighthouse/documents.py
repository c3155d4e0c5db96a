"""What the service answers with, as dataclasses; fields that a newer service adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from weighthouse.answers import FILE, VERSION_DOCUMENT, read

D = TypeVar("D")


def _made(cls: type[D], answer: Mapping[str, Any]) -> D:
    known = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return cls(**{key: value for key, value in answer.items() if key in known})


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a version."""

    filename: str
    """The path inside the version."""
    file_path: str
    """The object's key in the bucket."""
    file_size: int
    """Bytes."""
    file_type: str
    file_hash: str | None
    """SHA-256 in hex."""
    hash_verified: bool
    content_type: str
    is_primary: bool
    description: str | None = None
    crc32: str | None = None
    """Eight lower-case hex digits."""
    url: str | None = field(default=None, repr=False)
    """A presigned URL, where one was asked for."""

    @classmethod
    def of(cls, answer: Any) -> File:
        """The file in an answer of the service; raises `InvalidAnswer`."""
        return _made(cls, read(answer, FILE))


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a model, as the version document of the API has it."""

    user_id: str
    model_id: str
    version: str
    name: str
    description: str | None
    framework: str
    model_type: str
    algorithm: str | None
    files: tuple[File, ...]
    """At most the first 1,000, and 10 in lists; `Client.files` has them all."""
    files_total: int
    primary_file_path: str | None
    input_shape: list[int] | None
    output_shape: list[int] | None
    num_parameters: int | None
    model_size_mb: float
    training_dataset: str | None
    training_accuracy: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    training_loss: float | None
    python_version: str | None
    dependencies: list[str]
    hardware_requirements: str | None
    tags: list[str]
    custom_metadata: dict[str, Any]
    created_at: str
    """RFC 3339, UTC."""
    updated_at: str
    is_active: bool
    is_production_ready: bool

    @classmethod
    def of(cls, answer: Any) -> Version:
        """The version in an answer of the service; raises `InvalidAnswer`."""
        document = read(answer, VERSION_DOCUMENT)
        return _made(cls, {**document, "files": tuple(_made(File, file) for file in document["files"])})
