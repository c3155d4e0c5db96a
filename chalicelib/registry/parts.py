"""The parts of an upload: URLs to send them to, and which have arrived."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice, pairwise

from msgspec import structs

from chalicelib.errors import InvalidRequest, NotFound
from chalicelib.paths import forms
from chalicelib.registry import clock, next_tokens
from chalicelib.registry.arriving import object_key
from chalicelib.registry.callers import Caller
from chalicelib.registry.finishing import NotListed, expected_chunks
from chalicelib.registry.planning import part_length, parts_total
from chalicelib.registry.uploads import find, find_own, require_open
from chalicelib.schema.records import FILES_PER_ROW, ExpectedFile, Upload
from chalicelib.schema.requests import ArrivedQuery, FilePartRange, PartRange, PartsRequest
from chalicelib.schema.uploads import (
    ArrivedBundle,
    ArrivedFile,
    ArrivedPage,
    ArrivedPart,
    BundlePlan,
    FilePlan,
    PartUrl,
    UploadPlan,
)
from chalicelib.settings import settings
from chalicelib.store import multipart, objects, uploads
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.parallel import Pool
from chalicelib.store.table import ConditionFailed
from chalicelib.store.uploads import ExpectedChunk, Standing

URLS = 1_000
"""URLs in one answer."""
FILES = 2_000
"""Files in one answer: with the longest names it stays below 5 MB."""
PARTS = 50_000
"""Arrived parts in one answer: some 2 MB."""

Wanted = tuple[str, int, int]
"""A file's path, none for the bundle, and the first and last of its parts that are wanted."""


def more(caller: Caller, upload_id: str, request: PartsRequest) -> UploadPlan:
    """Fresh URLs for the parts named; `InvalidRequest` for a file or part that the upload does not expect."""
    standing = find_own(caller, upload_id)
    require_open(standing)
    chunks = _listed(standing)
    by_path = {file.path: file for chunk in chunks for file in chunk.files}
    wanted: list[Wanted] = []
    if not request.files and request.bundle is None:
        raise InvalidRequest(
            "files: name the files, or with `bundle` the parts of the bundle, to have URLs for"
        )
    if request.bundle is not None:
        if "" not in by_path:
            raise InvalidRequest("bundle: the upload has no bundle; name its files in `files`")
        wanted.append(_wanted(standing.upload, by_path[""], request.bundle, "bundle"))
    for position, range_ in enumerate(request.files):
        file = next((by_path[form] for form in forms(range_.filename) if form in by_path), None)
        if file is None:
            raise InvalidRequest(
                f"files[{position}].filename: the upload expects no file {range_.filename[:80]!r}"
            )
        wanted.append(_wanted(standing.upload, file, range_, f"files[{position}]"))
    _check_apart(request.files, wanted[-len(request.files) :])
    paths = dict.fromkeys(path for path, _, _ in wanted if path)
    named = [by_path[path] for path in paths]
    return issue(standing, chunks, named, wanted, bundle=by_path[""] if request.bundle else None)


def _listed(standing: Standing) -> list[ExpectedChunk]:
    """The whole list of what an open upload expects; `Conflict` when its end has begun meanwhile."""
    try:
        return expected_chunks(standing.upload)
    except NotListed:
        # The list of its files goes first.
        require_open(find(standing.upload.upload_id))
        raise


def _wanted(upload: Upload, file: ExpectedFile, range_: PartRange, field: str) -> Wanted:
    if not file.travels:
        return file.path, 1, 0
    total = parts_total(file.size, upload.part_size)
    last = total if range_.last_part is None else range_.last_part
    if not 1 <= range_.first_part <= last <= total:
        raise InvalidRequest(
            f"{field}: parts {range_.first_part} to {last} of {file.name!r}: it has parts 1 to {total}"
        )
    return file.path, range_.first_part, last


def _check_apart(ranges: Sequence[FilePartRange], wanted: Sequence[Wanted]) -> None:
    """Raises `InvalidRequest` when two ranges of one file overlap, which names both by their place."""
    places = sorted(range(len(ranges)), key=lambda place: wanted[place][:2])
    for before, place in pairwise(places):
        (path, _, last), (other, first, _) = wanted[before], wanted[place]
        if path == other and first <= last:
            earlier, later = sorted((before, place))
            raise InvalidRequest(
                f"files[{later}]: its parts of {path[:80]!r} overlap those of files[{earlier}]; name each part once"
            )


def issue(
    standing: Standing,
    chunks: Iterable[ExpectedChunk],
    files: Sequence[ExpectedFile],
    wanted: Sequence[Wanted],
    *,
    bundle: ExpectedFile | None = None,
) -> UploadPlan:
    """The plan of these files and the bundle, with URLs for the first 1,000 of the wanted parts.

    `chunks` is the whole list of what the upload expects.
    """
    upload = standing.upload
    numbers: dict[str, list[int]] = {}
    room = URLS
    for path, first, last in wanted:
        some = range(first, min(last, first + room - 1) + 1)
        numbers.setdefault(path, []).extend(some)
        room -= len(some)
        if room == 0:
            break
    listed = [file for file in files[:FILES] if file.path in numbers or not file.travels]
    sent = [file for file in [*listed, *([bundle] if bundle else [])] if file.travels]
    begun = _begin(standing, chunks, {file.path for file in sent})
    return UploadPlan(
        upload_id=upload.upload_id,
        user_id=upload.metadata.user_id,
        model_id=upload.metadata.model_id,
        version=upload.metadata.version,
        expires_at=clock.timestamp(upload.expires_at),
        urls_expire_at=clock.timestamp(clock.now() + settings().part_url_ttl),
        part_size=upload.part_size,
        files=[_file_plan(upload, begun.get(file.path, file), numbers.get(file.path, [])) for file in listed],
        files_total=upload.files_total or 1,
        bundle=_bundle_plan(upload, begun.get("", bundle), numbers[""]) if bundle else None,
    )


def _file_plan(upload: Upload, file: ExpectedFile, numbers: list[int]) -> FilePlan:
    if not file.travels:
        return FilePlan(
            filename=file.path,
            file_size=file.size,
            already_stored=file.bundle_offset is None,
            bundle_offset=file.bundle_offset,
            parts=[],
            parts_total=0,
        )
    return FilePlan(
        filename=file.path,
        file_size=file.size,
        parts=_urls(upload, file, numbers),
        parts_total=parts_total(file.size, upload.part_size),
    )


def _bundle_plan(upload: Upload, bundle: ExpectedFile, numbers: list[int]) -> BundlePlan:
    return BundlePlan(
        size=bundle.size,
        parts=_urls(upload, bundle, numbers),
        parts_total=parts_total(bundle.size, upload.part_size),
    )


def _urls(upload: Upload, file: ExpectedFile, numbers: list[int]) -> list[PartUrl]:
    key = object_key(upload, file)
    sized = [(number, part_length(file.size, upload.part_size, number)) for number in numbers]
    return [
        PartUrl(
            part_number=number,
            url=multipart.presign_part(key, file.multipart_id or "", number, size),
            size=size,
        )
        for number, size in sized
    ]


def _begin(standing: Standing, chunks: Iterable[ExpectedChunk], paths: set[str]) -> dict[str, ExpectedFile]:
    """Begins the multipart uploads of these files that are not begun yet; returns the files as they are then."""
    begun: dict[str, ExpectedFile] = {}
    if paths:
        for chunk in chunks:
            if not paths.isdisjoint(file.path for file in chunk.files):
                begun |= _begin_chunk(standing, chunk, paths)
    return begun


def _begin_chunk(standing: Standing, chunk: ExpectedChunk, paths: set[str]) -> dict[str, ExpectedFile]:
    upload = standing.upload
    files = [file for file in chunk.files if file.path in paths]
    new = [file for file in files if file.multipart_id is None]
    if not new:
        return {file.path: file for file in files}

    def begin(file: ExpectedFile) -> ExpectedFile:
        multipart_id = multipart.create(object_key(upload, file), file.content_type)
        return structs.replace(file, multipart_id=multipart_id)

    with Pool(16) as pool:
        made = {file.path: file for file in pool.map(begin, new)}
    changed = [made.get(file.path, file) for file in chunk.files]
    try:
        uploads.save_expected(ExpectedChunk(chunk.upload_id, chunk.number, changed, chunk.revision))
    except ConditionFailed:
        # Another request began them first, or the upload ended: its parts count, not these.
        for file in made.values():
            multipart.abort(object_key(upload, file), file.multipart_id or "")
        now = next(uploads.expected(chunk.upload_id, chunk.number, size=1), None)
        require_open(find(upload.upload_id))
        if now is None or now.number != chunk.number:
            raise NotListed(upload) from None
        return _begin_chunk(standing, now, paths)
    return {file.path: file for file in changed if file.path in paths}


def arrived(caller: Caller, upload_id: str, query: ArrivedQuery) -> ArrivedPage:
    """Which parts have arrived, 1,000 files a page at most. One Query, and one ListParts a file that has parts."""
    standing = find_own(caller, upload_id)
    require_open(standing)
    scope = next_tokens.scope_of(caller, "parts", upload_id, query.filename)
    start = int(next_tokens.read(query.next_token, scope)) if query.next_token else 0
    total = standing.upload.files_total or 1
    if query.filename is None:
        files = _files_from(upload_id, start, min(query.limit, max(0, total - start)))
    else:
        named = forms(query.filename)
        files = [file for chunk in _listed(standing) for file in chunk.files if file.path in named]
        start, total = 0, len(files)
        if not files:
            raise NotFound(f"The upload expects no file {query.filename[:80]!r}")
    page = _page(files, standing.upload.part_size)
    with Pool(16) as pool:
        documents = list(pool.map(lambda file: _arrived_file(standing.upload, file), page))
    if start < total and not page:
        # Its end has begun meanwhile: the list of its files goes first.
        require_open(find(upload_id))
    end = start + len(page)
    return ArrivedPage(
        upload_id=upload_id,
        part_size=standing.upload.part_size,
        files=documents,
        bundle=_arrived_bundle(standing.upload) if query.filename is None and start == 0 else None,
        next_token=next_tokens.make(str(end), scope) if page and end < total else None,
    )


def _files_from(upload_id: str, start: int, count: int) -> list[ExpectedFile]:
    """So many of the expected files, from the one at this place on. One Query, of the rows that hold them."""
    first, before = divmod(start, FILES_PER_ROW)
    chunks = uploads.expected(upload_id, first, size=-(-(before + count) // FILES_PER_ROW))
    return list(islice(chain.from_iterable(chunk.files for chunk in chunks), before, before + count))


def _page(files: list[ExpectedFile], part_size: int) -> list[ExpectedFile]:
    """As many of the files as have 50,000 parts together, and at least one."""
    room = PARTS
    for count, file in enumerate(files):
        room -= parts_total(file.size, part_size)
        if room < 0 and count:
            return files[:count]
    return files


def _arrived_bundle(upload: Upload) -> ArrivedBundle | None:
    """What has arrived of the bundle. One Query and one ListParts, where there is one."""
    if not upload.has_bundle:
        return None
    chunks = -(-upload.files_total // FILES_PER_ROW)
    found = [file for chunk in uploads.expected(upload.upload_id, chunks) for file in chunk.files]
    if not found:
        # Its end has begun meanwhile: the list of its files goes first.
        return None
    total = parts_total(found[0].size, upload.part_size)
    return ArrivedBundle(size=found[0].size, parts=_arrived_parts(upload, found[0], total), parts_total=total)


def _arrived_file(upload: Upload, file: ExpectedFile) -> ArrivedFile:
    total = parts_total(file.size, upload.part_size) if file.travels else 0
    return ArrivedFile(
        filename=file.path,
        file_size=file.size,
        already_stored=not file.travels and file.bundle_offset is None,
        bundle_offset=file.bundle_offset,
        parts=_arrived_parts(upload, file, total),
        parts_total=total,
    )


def _arrived_parts(upload: Upload, file: ExpectedFile, total: int) -> list[ArrivedPart]:
    if file.multipart_id is None:
        return []
    key = object_key(upload, file)
    with suppress(ObjectMissing):
        parts = multipart.list_parts(key, file.multipart_id, total)
        return [ArrivedPart(part_number=part.number, size=part.size) for part in parts]
    with suppress(ObjectMissing):
        # Put together by a run that was interrupted, or found that parts of other files are missing.
        objects.head(key)
        lengths = (
            (number, part_length(file.size, upload.part_size, number)) for number in range(1, total + 1)
        )
        return [ArrivedPart(part_number=number, size=size) for number, size in lengths]
    return []
