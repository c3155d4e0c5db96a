"""The documents of an upload: its plan, its state, and the parts that have arrived."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.schema.documents import Timestamp

State = Literal["uploading", "verifying", "unpacking", "ready", "failed", "expired"]


class PartUrl(Struct, kw_only=True):
    """Where the bytes of one part go: a plain PUT, no header needed (`curl -T part "$URL"`)."""

    part_number: int
    url: str
    size: Annotated[int, Meta(description="Bytes of this part.")]


class FilePlan(Struct, kw_only=True):
    """How one file travels."""

    filename: str
    file_size: int
    already_stored: Annotated[
        bool, Meta(description="The service has this content and copies it itself: send nothing.")
    ] = False
    bundle_offset: Annotated[
        int | None,
        Meta(description="Where in the bundle its bytes lie: it has no parts of its own."),
    ] = None
    parts: list[PartUrl]
    parts_total: Annotated[
        int, Meta(description="Parts the file has; ask `parts` for the URLs not given here.")
    ]


class BundlePlan(Struct, kw_only=True):
    """How the files travel that have a `bundle_offset`: their contents one after the other, cut into parts."""

    size: Annotated[int, Meta(description="Bytes of these files together.")]
    parts: list[PartUrl]
    parts_total: int


class UploadPlan(Struct, kw_only=True):
    """URLs for the parts of an upload: at most 1,000; ask for more through `parts`."""

    upload_id: str
    user_id: str
    model_id: str
    version: str
    expires_at: Annotated[Timestamp, Meta(description="When the upload expires if it isn't completed.")]
    urls_expire_at: Annotated[Timestamp, Meta(description="When the URLs expire; `parts` gives fresh ones.")]
    part_size: Annotated[int, Meta(description="Bytes of each part but a file's last.")]
    files: list[FilePlan]
    files_total: int
    bundle: Annotated[
        BundlePlan | None, Meta(description="Null where there is none, or none of its parts was asked for.")
    ] = None


class UploadState(Struct, kw_only=True):
    """Where an upload stands."""

    upload_id: str
    state: State
    user_id: str
    model_id: str
    version: str
    expires_at: Timestamp
    files_done: int = 0
    files_total: Annotated[int | None, Meta(description="Null while it isn't known yet.")] = None
    bytes_done: int = 0
    bytes_total: int | None = None
    detail: Annotated[
        str | None,
        Meta(description="Why it failed; of an upload that goes on, what `complete` found missing."),
    ] = None
    url: Annotated[str | None, Meta(description="The version's address, once it is ready.")] = None


class ArrivedPart(Struct, kw_only=True):
    """A part that the store has."""

    part_number: int
    size: int


class ArrivedFile(Struct, kw_only=True):
    """The parts of one file that the store has."""

    filename: str
    file_size: int
    already_stored: bool
    bundle_offset: int | None
    parts: list[ArrivedPart]
    parts_total: int


class ArrivedBundle(Struct, kw_only=True):
    """The parts of the bundle that the store has."""

    size: int
    parts: list[ArrivedPart]
    parts_total: int


class ArrivedPage(Struct, kw_only=True):
    """Which parts have arrived, file by file; only a null `next_token` means the end."""

    upload_id: str
    part_size: int
    files: list[ArrivedFile]
    bundle: Annotated[
        ArrivedBundle | None, Meta(description="On the first page; null where there is none.")
    ] = None
    next_token: str | None
