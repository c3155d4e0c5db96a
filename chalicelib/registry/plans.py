"""Upload plans: what is going to be uploaded is checked, the version reserved, and URLs given for the parts."""

import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from msgspec import structs

from chalicelib import telemetry
from chalicelib.errors import StoreBusy
from chalicelib.registry import access, clock, metadata, reserving
from chalicelib.registry.bundles import bundled
from chalicelib.registry.callers import Caller
from chalicelib.registry.frameworks import choose_primary, content_type_of
from chalicelib.registry.leases import LeaseLost, new_owner
from chalicelib.registry.naming import check_path, check_paths
from chalicelib.registry.parts import issue
from chalicelib.registry.planning import check_file_size, part_size, parts_total
from chalicelib.registry.uploads import check_new_id, give_up
from chalicelib.schema.records import ExpectedFile, Kind, StoredContent, Upload
from chalicelib.schema.requests import FilesPlan, FolderPlan, SinglePlan
from chalicelib.schema.uploads import UploadPlan
from chalicelib.settings import settings
from chalicelib.store import contents, uploads
from chalicelib.store.contents import Content
from chalicelib.store.parallel import Pool
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import FileList, Standing

ARCHIVE = "archive.zip"
"""What a folder's plan calls the ZIP."""
LOOKING_SECONDS = 12.0
"""Seconds after which a plan stops looking for contents that the user has already: what it has not looked for
by then is sent. It is time for more than 10,000 files."""


def plan_single(caller: Caller, request: SinglePlan) -> UploadPlan:
    """A plan for one file; `Conflict` when the version exists or is being uploaded, `Forbidden`."""
    file = ExpectedFile(
        path=request.filename,
        size=request.file_size,
        sha256=metadata.clean_hash(request.file_hash, "file_hash"),
        content_type=request.content_type or content_type_of(request.filename),
    )
    check_path(file.path)
    check_file_size(file.size)
    primary = file.path if request.is_primary else None
    return _plan(caller, "single", request, [file], primary=primary, choose_primary=False)


def plan_files(caller: Caller, request: FilesPlan) -> UploadPlan:
    """A plan for many files; `Conflict` as `plan_single`."""
    files = []
    for position, planned in enumerate(request.files):
        check_path(planned.filename, f"files[{position}].filename")
        check_file_size(planned.file_size, f"files[{position}].file_size")
        files.append(
            ExpectedFile(
                path=planned.filename,
                size=planned.file_size,
                sha256=metadata.clean_hash(planned.file_hash, f"files[{position}].file_hash"),
                content_type=planned.content_type or content_type_of(planned.filename),
                description=planned.description,
            )
        )
    check_paths([file.path for file in files])
    named = [file.filename for file in request.files if file.is_primary]
    primary = choose_primary([file.path for file in files], named)
    files.sort(key=lambda file: file.path)
    return _plan(
        caller, "files", request, files, primary=primary, choose_primary=False, bundle=request.bundle
    )


def plan_folder(caller: Caller, request: FolderPlan) -> UploadPlan:
    """A plan for a ZIP whose members become the version's files; `Conflict` as `plan_single`."""
    check_file_size(request.file_size)
    archive = ExpectedFile(path=ARCHIVE, size=request.file_size, content_type="application/zip")
    return _plan(caller, "folder", request, [archive], preserve_structure=request.preserve_structure)


def _plan(
    caller: Caller,
    kind: Kind,
    request: SinglePlan | FolderPlan | FilesPlan,
    files: Sequence[ExpectedFile],
    *,
    primary: str | None = None,
    choose_primary: bool = True,
    preserve_structure: bool = True,
    bundle: bool = False,
) -> UploadPlan:
    access.check_upload(caller, request.user_id)
    now = clock.now()
    upload_id = check_new_id(request.upload_id) or uuid4().hex
    checked = metadata.checked(request)
    files, together = sent_once(_already_stored(checked.user_id, files)), None
    if bundle:
        files, together = bundled(files)
    sent = [*([together] if together else []), *files]
    upload = Upload(
        upload_id=upload_id,
        kind=kind,
        metadata=checked,
        actor=caller.actor,
        created_at=clock.timestamp(),
        expires_at=now + settings().upload_ttl,
        part_size=part_size(max(file.size for file in sent)),
        files_total=0 if kind == "folder" else len(files),
        bytes_total=0 if kind == "folder" else sum(file.size for file in files),
        primary=primary,
        choose_primary=choose_primary,
        preserve_structure=preserve_structure,
        has_bundle=together is not None,
    )
    wanted = [(file.path, 1, parts_total(file.size, upload.part_size)) for file in sent if file.travels]
    listed = uploads.file_list(files, together)
    owner = new_owner() if len(listed) > 1 else None
    standing = reserving.reserve(
        upload, uploads.PLANNING if owner else uploads.UPLOADING, listed, owner=owner
    )
    telemetry.add(planned_bytes=sum(file.size for file in files))
    try:
        if owner:
            standing = _list_all(standing, listed, owner)
        return issue(standing, uploads.chunks(upload_id, listed), files, wanted, bundle=together)
    except Exception:
        # The client was told of no upload, so it could neither resume this one nor give it up. If it can't be undone
        # now either, it is once the lease has lapsed.
        with suppress(Exception):
            give_up(standing, held_by=owner or "")
        raise


def _list_all(planned: Standing, listed: FileList, owner: str) -> Standing:
    """Writes the rest of an upload's list of files, and opens the upload; `StoreBusy` when that took too long."""

    def check() -> None:
        if clock.now() >= planned.lease_until:
            raise LeaseLost(planned.upload.upload_id)

    try:
        uploads.write_list(planned.upload, listed, check)
        return uploads.move(
            planned, uploads.UPLOADING, due_at=planned.upload.expires_at, now=clock.now(), held_by=owner
        )
    except (LeaseLost, ConditionFailed):
        raise StoreBusy(
            "The service was held up for too long, and no upload was begun; ask for the plan again"
        ) from None


def sent_once(files: Sequence[ExpectedFile]) -> list[ExpectedFile]:
    """These files, and of those with one declared content all but the first as copies of it.

    Only where the content will be read: a hash that nobody compares could stand for two contents.
    """
    first: dict[tuple[str, int], str] = {}
    found: list[ExpectedFile] = []
    for file in files:
        path = file.path
        if file.travels and file.sha256 is not None and file.size <= settings().verify_limit:
            path = first.setdefault((file.sha256, file.size), path)
        found.append(file if path == file.path else structs.replace(file, same_as=path))
    return found


def _already_stored(user_id: str, files: Sequence[ExpectedFile]) -> list[ExpectedFile]:
    until = time.monotonic() + LOOKING_SECONDS
    hashes = {file.sha256 for file in files if file.sha256 is not None and file.size}
    known, unknown = contents.find_many(user_id, hashes)

    def look(sha256: str) -> Content | None:
        return contents.find(user_id, sha256) if time.monotonic() < until else None

    with Pool(16) as pool:
        found = known | dict(zip(unknown, pool.map(look, unknown), strict=True))

    def copied(file: ExpectedFile) -> ExpectedFile:
        content = found.get(file.sha256 or "")
        if content is None or not file.size or content.file.size != file.size:
            return file
        source = StoredContent(
            model_id=content.model_id,
            version=content.version,
            path=content.file.path,
            etag=content.file.etag,
            crc32=content.file.crc32,
        )
        return structs.replace(file, copy_of=source)

    return [copied(file) for file in files]
