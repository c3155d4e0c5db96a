"""What is kept in the table and in manifests: the documents plus what only the service needs."""

from typing import Literal

from msgspec import Struct, field

from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.history import Actor, HistoryEntry
from chalicelib.schema.requests import Metadata

INLINE_FILES = 10
"""Files that a version's own row holds; a longer list has rows of its own."""
FILES_PER_ROW = 50
"""Files in one row of a list: some 12 KB, and with the longest names and descriptions below DynamoDB's 400 KB:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""


class FileRecord(Struct, kw_only=True, omit_defaults=True):
    """A stored file of a version."""

    path: str
    size: int
    sha256: str | None
    verified: bool = True
    crc32: int | None = None
    etag: str
    content_type: str
    description: str | None = None


class VersionRecord(Struct, kw_only=True):
    """A version: the document (its `files` left empty), its first files, and what was done to it last."""

    document: VersionDocument
    files: list[FileRecord] = field(default_factory=list)
    upload_id: str
    revision: int = 1
    content_id: str = ""
    manifest_etag: str | None = None
    last_change: HistoryEntry | None = None

    @property
    def id(self) -> tuple[str, str, str]:
        """`user_id`, `model_id` and `version`: what keys are made of."""
        return self.document.user_id, self.document.model_id, self.document.version


class StoredContent(Struct, kw_only=True, omit_defaults=True):
    """Content that the user has in a published version already."""

    model_id: str
    version: str
    path: str
    etag: str
    crc32: int | None = None


class ExpectedFile(Struct, kw_only=True, omit_defaults=True):
    """A file that an upload is to bring, and how; without a path it is the bundle in which small ones travel."""

    path: str
    size: int
    sha256: str | None = None
    content_type: str
    description: str | None = None
    multipart_id: str | None = None
    copy_of: StoredContent | None = None
    same_as: str | None = None
    """The path of the upload's file that this one is to be a copy of, as it has the same content."""
    bundle_offset: int | None = None

    @property
    def travels(self) -> bool:
        """Whether the client has to send parts of it."""
        return not self.is_copied and self.bundle_offset is None and self.size > 0

    @property
    def is_copied(self) -> bool:
        """Whether it is copied inside the store, from a version or from another file of the upload."""
        return self.copy_of is not None or self.same_as is not None

    @property
    def name(self) -> str:
        """What it is called in what clients are told."""
        return self.path or "the bundle"


Kind = Literal["form", "single", "files", "folder"]


class Upload(Struct, kw_only=True):
    """An upload as it was planned; where it stands is kept beside it."""

    upload_id: str
    kind: Kind
    metadata: Metadata
    actor: Actor = field(default_factory=lambda: Actor(user_id=None))
    created_at: str
    expires_at: int
    part_size: int = 0
    files_total: int = 0
    bytes_total: int = 0
    primary: str | None = None
    choose_primary: bool = True
    preserve_structure: bool = True
    has_bundle: bool = False

    @property
    def id(self) -> tuple[str, str, str]:
        """`user_id`, `model_id` and `version`: what keys are made of."""
        return self.metadata.user_id, self.metadata.model_id, self.metadata.version

    @property
    def names(self) -> dict[str, str]:
        """The upload and its version, by the words for them."""
        user_id, model_id, version = self.id
        return {"upload_id": self.upload_id, "user_id": user_id, "model_id": model_id, "version": version}
