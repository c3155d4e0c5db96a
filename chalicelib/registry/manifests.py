"""Manifests: the bucket's own account of every version, from which the table can be made again.

The manifest holds the version's record; a list of more than 10 files, which never changes, lies beside it.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import MsgspecError, json

from chalicelib.errors import StoreBusy
from chalicelib.schema.records import INLINE_FILES, FileRecord, VersionRecord
from chalicelib.store import keys, objects, versions
from chalicelib.store.bucket import ObjectChanged, ObjectMissing

JSON, JSON_LINES = "application/json", "application/jsonl"
TRIES = 10


class Unreadable(Exception):
    """An object in a manifest's place is no manifest of that version."""

    def __init__(self, reason: str, etag: str) -> None:
        """`etag` is that of the object."""
        super().__init__(reason)
        self.etag = etag


def write_files(record: VersionRecord, files: Sequence[FileRecord], check: Callable[[], object]) -> None:
    """Writes the list of files, where the manifest itself does not hold it; `check` as `write_first`."""
    if len(files) > INLINE_FILES:
        lines = json.Encoder().encode_lines(files)
        _write_first(keys.manifest_files_key(*record.id), lines, JSON_LINES, check)


def write_first(record: VersionRecord, check: Callable[[], object]) -> str:
    """Writes the manifest of a version that is about to appear, and returns its ETag.

    What an earlier run, or a version of that name that is gone, has left in its place is replaced. Before that,
    `check` must raise unless the name is still reserved for this version: what was left is then no newer one's.
    """
    return _write_first(keys.manifest_key(*record.id), json.encode(record), JSON, check)


def _write_first(key: str, data: bytes, content_type: str, check: Callable[[], object]) -> str:
    over: str | None = None
    for _ in range(TRIES):
        try:
            return objects.put_over(key, data, over, content_type=content_type)
        except (ObjectChanged, ObjectMissing):
            try:
                over = objects.head(key).etag
            except ObjectMissing:
                over = None
            check()
    raise StoreBusy("Others are writing this version's manifest; try again in a moment")


def write(record: VersionRecord, *, over: str | None) -> str:
    """Writes the manifest over the one with this ETag, with None where there is none; its new ETag.

    Raises `ObjectChanged` or `ObjectMissing` where something else is found.
    """
    return objects.put_over(keys.manifest_key(*record.id), json.encode(record), over, content_type=JSON)


def take_back(record: VersionRecord) -> None:
    """Removes the manifest that was just written of a record which the table did not take.

    It stays while its version is there or in the making, and where it has been replaced.
    """
    row = versions.find(*record.id)
    if row is None or row.upload_id != record.upload_id or row.state == versions.DELETING:
        assert record.manifest_etag is not None  # it was written
        objects.delete_one(keys.manifest_key(*record.id), record.manifest_etag)


def read(user_id: str, model_id: str, version: str) -> VersionRecord:
    """The record in a manifest, with the manifest's ETag; `ObjectMissing`, `Unreadable`."""
    data, etag = objects.get_with_etag(keys.manifest_key(user_id, model_id, version))
    try:
        record = json.decode(data, type=VersionRecord)
    except (MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(str(error), etag) from error
    if record.id != (user_id, model_id, version):
        raise Unreadable("it is the manifest of {}/{}/{}".format(*record.id), etag)
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
