"""The version document and its files, exactly as every endpoint answers with them."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from chalicelib.schema.fields import Framework, ModelType

Timestamp = Annotated[str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})]


class FileDocument(Struct, kw_only=True):
    """One file of a version."""

    filename: Annotated[str, Meta(description="The path inside the version.")]
    file_path: Annotated[str, Meta(description="The object's key in the bucket.")]
    file_size: Annotated[int, Meta(description="Bytes.")]
    file_type: Annotated[
        str, Meta(description="`model`, `configuration`, `text`, `documentation` or `other`.")
    ]
    file_hash: Annotated[str | None, Meta(description="SHA-256 of the content, in hex.")]
    hash_verified: Annotated[
        bool, Meta(description="Whether the service itself computed or checked the SHA-256.")
    ]
    crc32: Annotated[
        str | None,
        Meta(description="CRC-32 of the content, in 8 lower-case hex digits.", examples=["cbf43926"]),
    ]
    content_type: str
    is_primary: Annotated[bool, Meta(description="Whether a loader opens this file first.")] = False
    description: str | None = None
    url: Annotated[
        str | None,
        Meta(description="A presigned URL that serves the content, where files are listed with `urls=true`."),
    ] = None


class VersionDocument(Struct, kw_only=True):
    """One version of a model: its metadata and its first files in path order."""

    model_id: str
    user_id: str
    name: str
    description: str | None = None
    version: str
    framework: Framework
    model_type: ModelType
    algorithm: str | None = None
    files: Annotated[
        list[FileDocument],
        Meta(description="The first files in path order: up to 1,000, in lists up to 10."),
    ] = field(default_factory=list)
    files_total: Annotated[int, Meta(description="How many files the version has.")] = 0
    primary_file_path: Annotated[
        str | None, Meta(description="The path inside the version of the file that a loader opens first.")
    ] = None
    input_shape: list[int] | None = None
    output_shape: list[int] | None = None
    num_parameters: int | None = None
    model_size_mb: Annotated[float, Meta(description="The sum of file sizes / 1,048,576.")] = 0.0
    training_dataset: str | None = None
    training_accuracy: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    training_loss: float | None = None
    python_version: str | None = None
    dependencies: list[str] = field(default_factory=list)
    hardware_requirements: str | None = None
    tags: list[str] = field(default_factory=list)
    custom_metadata: dict[str, Any] = field(default_factory=dict)
    created_at: Timestamp
    updated_at: Timestamp
    is_active: bool = True
    is_production_ready: bool = False


class VersionPage(Struct, kw_only=True):
    """A page of versions; only a null `next_token` means the end."""

    models: list[VersionDocument]
    skip: int
    limit: int
    next_token: str | None
    truncated: Annotated[
        bool,
        Meta(
            description="Whether a search has more matches than one ranking sees: the best of those at hand come "
            "first, and all the others on the pages that follow. Lists rank nothing: false."
        ),
    ] = False


class FilePage(Struct, kw_only=True):
    """A page of a version's files in path order; only a null `next_token` means the end."""

    files: list[FileDocument]
    files_total: int
    limit: int
    next_token: str | None


class DownloadCount(Struct, kw_only=True):
    """How often a version was downloaded."""

    model_id: str
    user_id: str
    version: str
    downloads: Annotated[
        int, Meta(description="Files, ZIPs and lists of files with URLs that were handed out, about.")
    ]


class Deletion(Struct, kw_only=True):
    """What a deletion removed."""

    model_id: str
    user_id: str
    versions: Annotated[list[str], Meta(description="The versions that are gone.")]


class ErrorDocument(Struct, kw_only=True):
    """Every answer that is not a success."""

    detail: str


class Health(Struct, kw_only=True):
    """The service and its two stores, one line each."""

    service: str
    bucket: str
    table: str
    detail: Annotated[str | None, Meta(description="What is wrong, with 503.")] = None
