"""What clients send: query parameters and bodies. Unknown keys are refused."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from chalicelib.schema.fields import (
    ContentType,
    Count,
    CustomMetadata,
    Dependencies,
    Description,
    FileDescription,
    FileHash,
    FilePath,
    FileSize,
    Framework,
    ModelId,
    ModelType,
    Name,
    NewUploadId,
    Shape,
    Tags,
    Text,
    UserId,
    VersionName,
)


class Metadata(Struct, kw_only=True, forbid_unknown_fields=True):
    """The metadata fields of every upload."""

    user_id: UserId
    model_id: ModelId
    name: Name
    description: Description | None = None
    version: Annotated[
        VersionName, Meta(description="The version's name; `next` takes the number after the highest.")
    ] = "v1"
    framework: Framework | None = None
    model_type: ModelType = "other"
    algorithm: Text | None = None
    input_shape: Shape | None = None
    output_shape: Shape | None = None
    num_parameters: Count | None = None
    training_dataset: Text | None = None
    training_accuracy: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    training_loss: float | None = None
    python_version: Text | None = None
    dependencies: Dependencies = field(default_factory=list)
    hardware_requirements: Text | None = None
    tags: Tags = field(default_factory=list)
    custom_metadata: CustomMetadata = field(default_factory=dict)
    is_active: bool = True
    is_production_ready: bool = False


class SingleForm(Metadata, kw_only=True, forbid_unknown_fields=True):
    """The fields of a form upload of one file, beside the field `file` itself."""

    file_hash: FileHash | None = None
    is_primary: bool = True


class FolderForm(Metadata, kw_only=True, forbid_unknown_fields=True):
    """The fields of a form upload of a ZIP, beside the field `zip_file` itself."""

    preserve_structure: Annotated[
        bool, Meta(description="Whether files keep their folders; false keeps base names only.")
    ] = True


class SinglePlan(SingleForm, kw_only=True, forbid_unknown_fields=True):
    """Asks for a plan to upload one file of any size."""

    filename: FilePath
    file_size: FileSize
    content_type: ContentType | None = None
    upload_id: NewUploadId | None = None


class FolderPlan(FolderForm, kw_only=True, forbid_unknown_fields=True):
    """Asks for a plan to upload a ZIP of any size whose members become the version's files."""

    file_size: Annotated[int, Meta(description="Bytes of the ZIP.", examples=[1_048_576], ge=1)]
    upload_id: NewUploadId | None = None


class PlannedFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """A file that is going to be uploaded."""

    filename: FilePath
    file_size: FileSize
    file_hash: FileHash | None = None
    content_type: ContentType | None = None
    description: FileDescription | None = None
    is_primary: bool = False


class FilesPlan(Metadata, kw_only=True, forbid_unknown_fields=True):
    """Asks for a plan to upload many files as one version."""

    files: Annotated[list[PlannedFile], Meta(min_length=1, max_length=100_000)]
    bundle: Annotated[
        bool, Meta(description="Send all files of at most 1 MiB together, as the parts of one bundle.")
    ] = False
    upload_id: NewUploadId | None = None


class PartRange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Parts from `first_part` up to and with `last_part`."""

    first_part: Annotated[int, Meta(ge=1, le=10_000)] = 1
    last_part: Annotated[int | None, Meta(description="The last part there is when not given.")] = None


class FilePartRange(PartRange, kw_only=True, forbid_unknown_fields=True):
    """Parts of one file."""

    filename: FilePath


class PartsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for fresh URLs; at most 1,000 come in one answer."""

    files: Annotated[list[FilePartRange], Meta(max_length=1_000)] = field(default_factory=list)
    bundle: Annotated[PartRange | None, Meta(description="Parts of the bundle.")] = None


class MetadataChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes of a version's metadata: fields not named stay, null clears."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    framework: Framework | UnsetType | None = UNSET
    model_type: ModelType | UnsetType | None = UNSET
    algorithm: Text | UnsetType | None = UNSET
    primary_file_path: FilePath | UnsetType | None = UNSET
    input_shape: Shape | UnsetType | None = UNSET
    output_shape: Shape | UnsetType | None = UNSET
    num_parameters: Count | UnsetType | None = UNSET
    training_dataset: Text | UnsetType | None = UNSET
    training_accuracy: float | UnsetType | None = UNSET
    validation_accuracy: float | UnsetType | None = UNSET
    test_accuracy: float | UnsetType | None = UNSET
    training_loss: float | UnsetType | None = UNSET
    python_version: Text | UnsetType | None = UNSET
    dependencies: Dependencies | UnsetType | None = UNSET
    hardware_requirements: Text | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    custom_metadata: CustomMetadata | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET
    is_production_ready: bool | UnsetType = UNSET


Version = Annotated[
    VersionName | None, Meta(description="The version; the latest when not given, or when it is `latest`.")
]
Limit = Annotated[int, Meta(ge=1, le=1_000)]
Skip = Annotated[int, Meta(ge=0, le=1_000_000)]
NextToken = Annotated[
    str | None,
    Meta(description="Resumes where the page that returned it ended; `skip` is then not counted again."),
]


class NoQuery(Struct, forbid_unknown_fields=True):
    """A route that takes no query parameters."""


class VersionQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names a version, or none for the latest."""

    version: Version = None


class DeleteQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names the version to delete, or all of them."""

    version: Annotated[VersionName | None, Meta(description="The version to delete, by its own name.")] = None
    all_versions: Annotated[bool, Meta(description="Delete every version of the model.")] = False


class DownloadQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names what to download: one file, or without `filename` everything as a ZIP."""

    version: Version = None
    filename: Annotated[
        str | None, Meta(description="A file of the version; all as one ZIP when not given.")
    ] = None


class ListQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """A page of versions; filters are combined with AND."""

    framework: Framework | None = None
    model_type: ModelType | None = None
    tags: Annotated[str | None, Meta(description="Separated by commas; all must match.")] = None
    skip: Skip = 0
    limit: Limit = 100
    next_token: NextToken = None


class SearchQuery(ListQuery, kw_only=True, forbid_unknown_fields=True):
    """A page of the versions that match a query, best match first."""

    query: Annotated[
        str | None,
        Meta(
            description="Words that must all occur, as a word or the beginning of one, in name, model id, "
            "description, algorithm, tags or training dataset. Case and accents don't matter."
        ),
    ] = None


class PageQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """A page of a model's versions."""

    limit: Limit = 100
    next_token: NextToken = None


class FilesQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """A page of a version's files."""

    version: Version = None
    urls: Annotated[
        bool, Meta(description="Give a presigned URL for each file; it counts as a download.")
    ] = False


class ArrivedQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which files' arrived parts to list."""

    filename: Annotated[str | None, Meta(description="One file only.")] = None
    limit: Annotated[int, Meta(ge=1, le=1_000, description="Files a page.")] = 100
    next_token: NextToken = None
