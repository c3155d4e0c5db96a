"""The table made again from the manifests in the bucket, and objects that belong to nothing removed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.registry import clock, manifests, readers
from chalicelib.store import api_tokens, keys, multipart, objects, table, versions

THREADS = 8
Version = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild found and did."""

    versions: int
    files: int
    removed_objects: int

    def __str__(self) -> str:
        """What the person who asked for it is told."""
        return (
            f"The index is whole again: {self.versions} versions with {self.files} files;"
            f" {self.removed_objects} objects that belonged to none were removed."
        )


def rebuild() -> RebuildReport:
    """Writes the rows of every version that has a manifest; the table may be new, or one to be mended.

    Objects and parts that belong neither to a version nor to an open upload are removed.
    """
    published = list(manifests.names())
    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(_restore, published))
    # Listed before the table is read: whatever an upload brings meanwhile, its row was there first.
    found = Known(set(published), set())
    strays = [key for key in objects.list_keys("") if key not in found]
    parts = [(key, multipart_id) for key, multipart_id in multipart.in_progress("") if key not in found]
    known = _known()
    for key, multipart_id in parts:
        if key not in known:
            multipart.abort(key, multipart_id)
    removed = objects.delete(key for key in strays if key not in known)
    removed += _restore_access()
    removed += _restore_tokens()
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


def _restore_access() -> int:
    """Writes the rows of models that are shared; how many objects were removed that are about none of today's."""
    names = [key for key in objects.list_keys(keys.ACCESS) if keys.model_of_access_key(key)]
    with ThreadPoolExecutor(THREADS) as pool:
        return len(names) - sum(pool.map(readers.restore, names))


def _restore_tokens() -> int:
    """Writes the rows of API tokens; how many objects were removed of those that have expired."""
    now = clock.now()
    copies = list(api_tokens.copies())
    alive = (api_tokens.read_copy(key) for key, expires_at in copies if expires_at > now)
    table.write_many(row for record in alive for row in api_tokens.rows(record))
    return objects.delete([key for key, expires_at in copies if expires_at <= now])


@dataclass(frozen=True, slots=True)
class Known:
    """Versions and uploads; `key in known` says whether an object belongs to one of them."""

    versions: set[Version]
    uploads: set[str]

    def __contains__(self, key: str) -> bool:
        """Whether the object belongs to a version or upload, or is none of ours."""
        top, _, rest = key.partition("/")
        names = rest.split("/")
        if f"{top}/" in (keys.MODELS, keys.ZIPS):
            return tuple(names[:3]) in self.versions
        if f"{top}/" == keys.UPLOADS:
            return names[0] in self.uploads
        if f"{top}/" == keys.TASKS:
            return tuple(names[1:4]) in self.versions or not self.uploads.isdisjoint(names[1:2])
        if f"{top}/" == keys.MANIFESTS and key.endswith(keys.FILES_SUFFIX):
            return tuple(rest.removesuffix(keys.FILES_SUFFIX).split("/")) in self.versions
        return True


def _known() -> Known:
    """The versions that the table has a row of, in whatever state, and the uploads that are still on their way."""
    known = Known(set(), set())
    for row in table.scan("model#", "version#"):
        user_id, model_id = row.pk.removeprefix("model#").split("/")
        known.versions.add((user_id, model_id, keys.split_created_key(row.created_key)[2]))
        if row.state == versions.UPLOADING:
            known.uploads.add(row.upload_id)
    return known
