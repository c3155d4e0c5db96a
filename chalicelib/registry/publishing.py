"""Publishing: the one way in which a version comes to be.

Objects and long lists are written first; one transaction then makes the version appear with all that it is
found by. What a crash leaves before it is found again by the upload's row in the journal, and removed.
"""

from chalicelib.errors import Conflict
from chalicelib.registry import clock, documents, history, manifests
from chalicelib.registry.frameworks import choose_primary, framework_of
from chalicelib.registry.leases import Lease, LeaseLost
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import INLINE_FILES, FileRecord, VersionRecord
from chalicelib.settings import MIB
from chalicelib.store import keys, objects, table, uploads, versions
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes
from chalicelib.store.uploads import Standing

RESERVED_CHANGES = 5
"""Rows that every publication or update changes beside the index: version, active, upload, journal, history."""

CHUNK = 10_000
"""Files of which the rows are made at a time: some 30 MB of them."""


def new_record(standing: Standing, files: list[FileRecord]) -> VersionRecord:
    """The record of the version that this upload brings; `files` in path order."""
    upload, metadata = standing.upload, standing.upload.metadata
    primary = upload.primary
    if primary is None and upload.choose_primary:
        primary = choose_primary([file.path for file in files], [])
    document = VersionDocument(
        model_id=metadata.model_id,
        user_id=metadata.user_id,
        name=metadata.name,
        description=metadata.description,
        version=metadata.version,
        framework=metadata.framework or framework_of(primary or (files[0].path if len(files) == 1 else "")),
        model_type=metadata.model_type,
        algorithm=metadata.algorithm,
        files_total=len(files),
        primary_file_path=primary,
        input_shape=metadata.input_shape,
        output_shape=metadata.output_shape,
        num_parameters=metadata.num_parameters,
        model_size_mb=sum(file.size for file in files) / MIB,
        training_dataset=metadata.training_dataset,
        training_accuracy=metadata.training_accuracy,
        validation_accuracy=metadata.validation_accuracy,
        test_accuracy=metadata.test_accuracy,
        training_loss=metadata.training_loss,
        python_version=metadata.python_version,
        dependencies=metadata.dependencies,
        hardware_requirements=metadata.hardware_requirements,
        tags=metadata.tags,
        custom_metadata=metadata.custom_metadata,
        created_at=upload.created_at,
        updated_at=upload.created_at,
        is_active=metadata.is_active,
        is_production_ready=metadata.is_production_ready,
    )
    return VersionRecord(
        document=document,
        files=files[:INLINE_FILES],
        upload_id=upload.upload_id,
        content_id=documents.content_id(files),
        last_change=history.entry("create", upload.actor, metadata.version),
    )


def publish(standing: Standing, lease: Lease, files: list[FileRecord]) -> VersionDocument:
    """Makes the version of these files appear, whole, and gives its document.

    Raises `LeaseLost` when the upload is not this owner's any more, and `Conflict` when these are not all of the files
    that there were to make: nothing has appeared then.
    """
    lease.check()
    _check_whole(lease, files)
    files = sorted(files, key=lambda file: file.path)
    record = new_record(standing, files)

    def check() -> None:
        lease.check()
        _check_reserved(record)

    table.write_many(versions.file_rows(record, files))
    lease.check()
    manifests.write_files(record, files, check)

    index = list(versions.index_rows(record).values())
    contents: list[Row] = []
    if len(files) <= INLINE_FILES:
        contents += versions.content_rows(record, files).values()
    else:
        for start in range(0, len(files), CHUNK):
            lease.check()
            table.write_many(versions.content_rows(record, files[start : start + CHUNK]).values())
    room = table.TRANSACTION - RESERVED_CHANGES - len(contents)
    if len(index) > room:
        lease.check()
        table.write_many(index[room:])
    # Who was stopped for longer than the lease, a sleeping laptop say, must not bring a manifest back.
    lease.check()
    record.manifest_etag = manifests.write_first(record, check)

    ours = Row.upload_id == standing.upload.upload_id
    changes = Changes(puts=[(versions.version_row(record), ours & (Row.state == versions.UPLOADING))])
    changes.puts += [(row, None) for row in contents + index[:room]]
    changes.puts += [(row, None) for row in history.rows_of(record)]
    if record.document.is_active:
        changes.puts.append((versions.active_row(record), None))
    is_form = standing.upload.kind == "form"
    if is_form:
        # Nobody was told of this upload, and it needed nothing on its way: it ends without a trace.
        changes.deletes += [uploads.gone(standing, lease.owner), (standing.journal, None)]
    else:
        done = len(files), sum(file.size for file in files)
        until = clock.now() + uploads.KEPT
        changes.updates.append(uploads.ended(standing, lease.owner, uploads.READY, until=until, done=done))
    try:
        table.transact(changes)
    except table.ConditionFailed as error:
        manifests.take_back(record)
        raise LeaseLost(standing.upload.upload_id) from error
    if not is_form:
        tidy(standing)
    return documents.fitting(documents.document(record, files[: documents.DOCUMENT_FILES]))


def _check_whole(lease: Lease, files: list[FileRecord]) -> None:
    brought = len({file.path for file in files}), sum(file.size for file in files)
    if brought != lease.totals:
        raise Conflict(
            f"Of {lease.totals[0]} files with {lease.totals[1]} bytes,"
            f" {brought[0]} with {brought[1]} bytes were stored. Nothing was published; start a new upload"
        )


def _check_reserved(record: VersionRecord) -> None:
    """Raises `LeaseLost` unless the version's name is reserved for the upload that this record comes of."""
    row = versions.find(*record.id)
    if row is None or row.state != versions.UPLOADING or row.upload_id != record.upload_id:
        raise LeaseLost(record.upload_id)


def task_keys(standing: Standing) -> list[str]:
    """The objects by which the worker function is called for an upload."""
    upload_id = standing.upload.upload_id
    shares = [
        keys.task_key("share", keys.share_name(upload_id, number)) for number in range(1, standing.shares + 1)
    ]
    return [*(keys.task_key(kind, upload_id) for kind in ("verify", "unpack", "undo")), *shares]


def tidy(standing: Standing) -> None:
    """Removes what an upload needed on its way, and at last its place in the journal."""
    objects.delete_prefix(keys.upload_prefix(standing.upload.upload_id))
    objects.delete(task_keys(standing))
    uploads.remove_lists(standing)
    table.delete(standing.journal)
