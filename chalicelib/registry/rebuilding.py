"""The table made again from the manifests in the bucket, and objects that belong to nothing removed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.registry import manifests
from chalicelib.store import keys, objects, table, versions
from chalicelib.store.table import Row

THREADS = 8
Version = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild found and did."""

    versions: int
    files: int
    removed_objects: int


def rebuild() -> RebuildReport:
    """Writes the rows of every version that has a manifest; to be run on a table that is new or being mended.

    Objects and parts under `models/`, `uploads/`, `tasks/` and `zips/` that belong neither to a version nor to
    an open upload are removed.
    """
    published = list(manifests.names())
    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(_restore, published))
    open_uploads, reserved = _open()
    removed = _remove_orphans(set(published) | reserved, open_uploads)
    return RebuildReport(
        len(published), sum(files for files, _ in counts), removed + sum(n for _, n in counts)
    )


def _restore(version: Version) -> tuple[int, int]:
    """Writes a version's rows and removes what lies at its place without being its own; files, objects removed."""
    record = manifests.read(*version)
    files = manifests.read_files(record)
    rows = [*versions.file_rows(record, files), *versions.content_rows(record, files).values()]
    rows += [*versions.index_rows(record).values(), versions.version_row(record)]
    if record.document.is_active:
        rows.append(versions.active_row(record))
    table.write_many(rows)
    own = {file.path for file in files}
    prefix = keys.version_prefix(*version)
    strays = [key for key in objects.list_keys(prefix) if key.removeprefix(prefix) not in own]
    return len(files), objects.delete(strays)


def _open() -> tuple[set[str], set[Version]]:
    """The uploads that are open, and the versions that they have reserved or that are being deleted."""
    uploads: set[str] = set()
    reserved: set[Version] = set()
    for row in table.scan("model#", "version#"):
        if row.state != versions.READY:
            reserved.add(_version_of(row))
            uploads.add(row.upload_id)
    return uploads, reserved


def _version_of(row: Row) -> Version:
    user_id, model_id = row.pk.removeprefix("model#").split("/")
    return user_id, model_id, keys.split_created_key(row.created_key)[2]


def _remove_orphans(known: set[Version], open_uploads: set[str]) -> int:
    """Removes objects and parts that belong to nothing, and gives how many objects."""

    def is_orphan(key: str) -> bool:
        kind, _, rest = key.partition("/")
        if f"{kind}/" in (keys.MODELS, keys.ZIPS):
            return tuple(rest.split("/", 3)[:3]) not in known
        if f"{kind}/" == keys.UPLOADS:
            return rest.split("/")[0] not in open_uploads
        return f"{kind}/" == keys.TASKS and rest.split("/")[1] not in open_uploads

    def orphans() -> Iterator[str]:
        for prefix in (keys.MODELS, keys.ZIPS, keys.UPLOADS, keys.TASKS):
            yield from filter(is_orphan, objects.list_keys(prefix))

    for key, multipart_id in list(objects.list_multiparts("")):
        if is_orphan(key):
            objects.abort_multipart(key, multipart_id)
    return objects.delete(orphans())
