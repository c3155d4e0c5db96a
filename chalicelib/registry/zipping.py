"""The whole-version ZIP: laid out from the records alone, put together inside the store, kept for a while."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from chalicelib.archive.layout import FORMAT, Entry, Layout, Literal, Piece, plan_archive
from chalicelib.archive.parts import CopyPart, Part, plan_parts
from chalicelib.registry import clock, documents
from chalicelib.registry.leases import LEASE, Lease, LeaseLost, OutOfTime, Remaining, for_seconds, new_owner
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.settings import MIB
from chalicelib.store import builds, keys, multipart, objects, versions
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.builds import Begun
from chalicelib.store.memory import PARTS
from chalicelib.store.parallel import for_each
from chalicelib.store.table import ConditionFailed

WAIT = 20.0
"""Seconds that a request waits for a ZIP in the making."""
RETRY_AFTER = 5
"""Seconds after which a client is told to ask again."""
QUICK_BYTES, QUICK_FILES = 64 * MIB, 500
"""A version up to this size is zipped within the request; a larger one by the worker function."""
THREADS = 16


def key_of(record: VersionRecord) -> str:
    """Where the ZIP of this version's content lies."""
    return keys.zip_key(*record.id, record.content_id, FORMAT)


def provide(record: VersionRecord) -> int | None:
    """The size in bytes of the version's ZIP, made now if need be; None when it takes over 20 seconds.

    However many ask at once, one build runs. One HEAD when it is there.
    """
    key = key_of(record)
    until = time.monotonic() + WAIT
    asked = False
    while True:
        with suppress(ObjectMissing):
            return objects.head(key).size
        now = clock.now()
        if not asked and builds.ask(key, now=now, lease_until=now + LEASE):
            asked = True
            if _is_quick(record):
                with suppress(OutOfTime):
                    return build(record, for_seconds(WAIT))
            objects.call_worker("zip", "/".join((*record.id, record.content_id)))
        if time.monotonic() > until:
            return None
        time.sleep(0.3)


def size_of(record: VersionRecord) -> int:
    """The size in bytes that the version's ZIP has or would have; `ObjectMissing` when the version is gone."""
    return _layout(_files(record)).size


def _files(record: VersionRecord) -> dict[str, FileRecord]:
    files = {file.path: file for file in versions.files_from(record)}
    if documents.content_id([*files.values()]) != record.content_id:
        # Deleted meanwhile, of which the list goes early, and perhaps uploaded anew with another.
        raise ObjectMissing(key_of(record))
    return files


def _layout(files: dict[str, FileRecord]) -> Layout:
    return plan_archive(Entry(file.path, file.size, file.crc32 or 0) for file in files.values())


def _is_quick(record: VersionRecord) -> bool:
    document = record.document
    return document.model_size_mb * MIB <= QUICK_BYTES and document.files_total <= QUICK_FILES


def run(name: str, remaining: Remaining) -> None:
    """What the worker function does: makes the ZIP `user/model/version/content id`, if the version still has that."""
    user_id, model_id, version, content_id = name.split("/")
    key = keys.zip_key(user_id, model_id, version, content_id, FORMAT)
    row = versions.find(user_id, model_id, version)
    record = row.read(VersionRecord) if row and row.state == versions.READY else None
    if record is None or record.content_id != content_id:
        builds.forget(key)
    elif not objects.exists(key):
        try:
            build(record, remaining)
        except OutOfTime:
            objects.call_worker("zip", name)
            return
        except (ConditionFailed, LeaseLost):
            return
    objects.delete([keys.task_key("zip", name)])


def build(record: VersionRecord, remaining: Remaining) -> int:
    """Makes the ZIP, or goes on with it, and gives its size.

    No part of it is left when that fails, but for `OutOfTime` and `LeaseLost`: others go on with it then. Raises
    `ConditionFailed` while another makes it, `ObjectMissing` or `ObjectChanged` when the version is deleted meanwhile.
    """
    key, owner, now = key_of(record), new_owner(), clock.now()
    until = now + LEASE
    begun = builds.claim(key, owner, now=now, lease_until=until)
    try:
        with Lease(builds.key(key), owner, remaining, until=until) as lease:
            size = _put_together(record, key, begun, lease)
    except OutOfTime:
        builds.leave(key, owner, lease_until=clock.now() + LEASE)
        raise
    except LeaseLost:
        raise
    except BaseException:
        builds.release(key, owner)
        raise
    builds.release(key, owner)
    _remove_if_version_gone(record, key)
    return size


def give_up_dead() -> None:
    """Gives up the parts of ZIPs that nobody makes: a maker died, or the answer that named an upload was lost."""
    for key, multipart_id in multipart.in_progress(keys.ZIPS):
        if not builds.is_held(key, now=clock.now()):
            multipart.abort(key, multipart_id)


def _put_together(record: VersionRecord, key: str, begun: Begun | None, lease: Lease) -> int:
    files = _files(record)
    layout = _layout(files)
    plan = plan_parts(layout)
    multipart_id, made = _begin(key, plan, begun, lease)

    def make(part: Part) -> None:
        lease.check()
        made[part.number] = _make_part(record, files, key, multipart_id, part)

    try:
        for_each([part for part in plan if part.number not in made], make, THREADS)
        multipart.complete(key, multipart_id, [made[part.number] for part in plan])
    except (OutOfTime, LeaseLost):
        raise
    except BaseException:
        multipart.abort(key, multipart_id)
        raise
    return layout.size


def _begin(
    key: str, plan: Sequence[Part], begun: Begun | None, lease: Lease
) -> tuple[str, dict[int, multipart.Part]]:
    """The multipart upload, and the parts of it that an earlier run has made by this very plan."""
    name = hashlib.sha256(repr([part.size for part in plan]).encode()).hexdigest()
    if begun is not None and begun.plan == name:
        with suppress(ObjectMissing):
            arrived = multipart.list_parts(key, begun.multipart_id, len(plan))
            return begun.multipart_id, {part.number: part for part in arrived}
    if begun is not None:
        multipart.abort(key, begun.multipart_id)
    multipart_id = multipart.create(key, "application/zip", checksum=False)
    try:
        builds.note(key, lease.owner, Begun(multipart_id, name))
    except ConditionFailed as error:
        multipart.abort(key, multipart_id)
        raise LeaseLost(key) from error
    return multipart_id, {}


def _make_part(
    record: VersionRecord, files: dict[str, FileRecord], key: str, multipart_id: str, part: Part
) -> multipart.Part:
    if isinstance(part, CopyPart):
        content = part.content
        source, etag = keys.file_key(*record.id, content.path), files[content.path].etag
        return multipart.copy_part(
            key, multipart_id, part.number, source, etag, content.offset, content.length
        )
    with PARTS.taken(part.size):
        pieces = [data for piece in part.pieces for data in _bytes(record, files, piece)]
        return multipart.upload_part(key, multipart_id, part.number, pieces, part.size, checksum=False)


def _bytes(record: VersionRecord, files: dict[str, FileRecord], piece: Piece) -> Iterable[bytes]:
    if isinstance(piece, Literal):
        return [piece.data]
    return objects.stream(
        keys.file_key(*record.id, piece.path),
        offset=piece.offset,
        length=piece.length,
        etag=files[piece.path].etag,
    )


def _remove_if_version_gone(record: VersionRecord, key: str) -> None:
    # A deletion that ran meanwhile has looked for ZIPs already.
    row = versions.find(*record.id)
    if row is None or row.state != versions.READY or row.upload_id != record.upload_id:
        objects.delete([key])
