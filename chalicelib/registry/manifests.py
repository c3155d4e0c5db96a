"""Manifests: the bucket's own account of every version, from which the table can be made again.

The manifest holds the version's record; a list of more than 10 files, which never changes, lies beside it.
"""

from collections.abc import Iterator, Sequence

from msgspec import json

from chalicelib.schema.records import INLINE_FILES, FileRecord, VersionRecord
from chalicelib.store import keys, objects

JSON = "application/json"


def write_files(record: VersionRecord, files: Sequence[FileRecord]) -> None:
    """Writes the list of files, where the manifest itself does not hold it."""
    if len(files) > INLINE_FILES:
        lines = json.Encoder().encode_lines(files)
        objects.put(keys.manifest_files_key(*record.id), lines, content_type="application/jsonl")


def write(record: VersionRecord, *, over: str | None = None) -> str:
    """Writes the manifest and gives its ETag.

    With `over`, only over the manifest with that ETag: `ObjectChanged` or `ObjectMissing` otherwise.
    """
    return objects.put(keys.manifest_key(*record.id), json.encode(record), content_type=JSON, if_match=over)


def read(user_id: str, model_id: str, version: str) -> VersionRecord:
    """The record in a manifest, with the manifest's ETag; `ObjectMissing`."""
    data, etag = objects.get_with_etag(keys.manifest_key(user_id, model_id, version))
    record = json.decode(data, type=VersionRecord)
    record.manifest_etag = etag
    return record


def read_files(record: VersionRecord) -> list[FileRecord]:
    """All files of a version, as its manifest has them."""
    if record.document.files_total <= INLINE_FILES:
        return record.files
    lines = objects.get(keys.manifest_files_key(*record.id))
    return json.Decoder(FileRecord).decode_lines(lines)


def remove(*versions: tuple[str, str, str]) -> None:
    """Removes the manifests and lists of files of these versions."""
    objects.delete(
        key
        for version in versions
        for key in (keys.manifest_key(*version), keys.manifest_files_key(*version))
    )


def names() -> Iterator[tuple[str, str, str]]:
    """`user_id`, `model_id` and `version` of every manifest in the bucket."""
    for key in objects.list_keys(keys.MANIFESTS):
        parts = key.removeprefix(keys.MANIFESTS).removesuffix(".json").split("/")
        # What somebody else has put there is not ours to read.
        if key.endswith(".json") and len(parts) == 3:
            yield parts[0], parts[1], parts[2]
