"""Whether all that an upload expects has arrived, and what is missing, by name."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import chain, islice
from threading import Lock

from chalicelib.errors import InvalidRequest
from chalicelib.registry.planning import part_length, parts_total
from chalicelib.schema.records import ExpectedFile, Upload
from chalicelib.store import keys, multipart, uploads
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.multipart import Part
from chalicelib.store.parallel import for_each
from chalicelib.store.uploads import Standing

NAMED = 20
"""Missing parts or files that an error names; the rest is counted."""
THREADS = 32
LOOK = 2 * THREADS
"""ListParts that are made before it is decided whether to look further."""


class PartsMissing(InvalidRequest):
    """The upload can't be completed yet: parts have not arrived, or not in full."""


def object_key(upload: Upload, file: ExpectedFile) -> str:
    """Where a file's bytes go: a ZIP or a bundle under `uploads/`, anything else to its place in the version."""
    if upload.kind == "folder":
        return keys.archive_key(upload.upload_id)
    if not file.path:
        return keys.bundle_key(upload.upload_id)
    return keys.file_key(*upload.id, file.path)


def pages(upload: Upload, files: Sequence[ExpectedFile]) -> int:
    """How many ListParts it takes to look at these files."""
    return sum(multipart.pages(parts_total(file.size, upload.part_size)) for file in files if file.travels)


class Missing:
    """What is missing: the first 20 parts by name, the others counted. Files may be added by many threads."""

    def __init__(self, part_size: int) -> None:
        self._part_size = part_size
        self._named: list[tuple[str, int, str]] = []
        self._lock = Lock()
        self.count = 0

    def add(self, file: ExpectedFile, parts: Sequence[Part]) -> bool:
        """Notes what is missing of a file of which these parts have arrived, and tells whether anything is."""
        total = parts_total(file.size, self._part_size)
        whole = sum(part.size == self._length(file, part.number) for part in parts if part.number <= total)
        if whole == total:
            return False
        with self._lock:
            self.count += total - whole
            if len(self._named) == NAMED and (file.path,) > self._named[-1]:
                return True
            self._named = nsmallest(NAMED, chain(self._named, islice(self._names(file, parts), NAMED)))
        return True

    def _length(self, file: ExpectedFile, number: int) -> int:
        return part_length(file.size, self._part_size, number)

    def _names(self, file: ExpectedFile, parts: Sequence[Part]) -> Iterator[tuple[str, int, str]]:
        arrived = {part.number: part.size for part in parts}
        for number in range(1, parts_total(file.size, self._part_size) + 1):
            found, wanted = arrived.get(number), self._length(file, number)
            if found is None:
                yield file.path, number, f"{file.name} part {number}"
            elif found != wanted:
                yield file.path, number, f"{file.name} part {number} ({found} bytes instead of {wanted})"

    def refuse(self, *, all_counted: bool = True) -> None:
        """Raises `PartsMissing`, which names them, when there are any; unless all are counted there may be more."""
        if self.count:
            rest = self.count - len(self._named)
            raise PartsMissing(
                f"{'' if all_counted else 'At least '}{self.count} parts have not arrived:"
                f" {', '.join(name for _, _, name in self._named)}{f' and {rest} more' if rest else ''}."
                " Send them (`parts` gives fresh URLs), then complete the upload again"
            )


def check_begun(upload: Upload, files: Sequence[ExpectedFile]) -> None:
    """Raises `PartsMissing` when no URL was ever asked for of a file; it takes no call to know that."""
    missing = Missing(upload.part_size)
    for file in files:
        if file.travels and file.multipart_id is None:
            missing.add(file, [])
    missing.refuse()


def check_arrived(
    standing: Standing,
    files: Sequence[ExpectedFile],
    made: Container[str] = (),
    check: Callable[[], object] = bool,
) -> None:
    """Raises `PartsMissing` unless every part of every file is there in full, but for those that are `made` already.

    One ListParts for 999 parts. It looks in the order of the list, and no further once 20 parts are missing. What it
    has seen is noted: the next time it looks for what was missing, and looks further only when that is there.
    `check` is called before each file and may stop it by raising.
    """
    upload = standing.upload
    missing, lacking = Missing(upload.part_size), set[int]()

    def look(place: int) -> None:
        check()
        file = files[place]
        parts: list[Part] = []
        if file.multipart_id is not None:
            total = parts_total(file.size, upload.part_size)
            try:
                parts = multipart.list_parts(object_key(upload, file), file.multipart_id, total)
            except ObjectMissing:
                return  # Put together by an earlier, interrupted run: `put_together` looks for the object.
        if missing.add(file, parts):
            lacking.add(place)

    def wanted(places: Iterable[int]) -> list[int]:
        return [place for place in places if files[place].travels and files[place].path not in made]

    looked_to = standing.looked_to
    for_each(wanted(sorted(standing.lacking)), look, THREADS)
    if not missing.count:
        for places in _stretches(upload, files, wanted(range(looked_to, len(files)))):
            for_each(places, look, THREADS)
            looked_to = places[-1] + 1
            if missing.count >= NAMED:
                break
        else:
            looked_to = len(files)
    if missing.count:
        uploads.note_looked(upload.upload_id, looked_to, lacking)
        missing.refuse(all_counted=looked_to == len(files))


def _stretches(upload: Upload, files: Sequence[ExpectedFile], places: Iterable[int]) -> Iterator[list[int]]:
    """The places of files in lists that take some 64 ListParts each to look for."""
    some: list[int] = []
    room = LOOK
    for place in places:
        some.append(place)
        room -= multipart.pages(parts_total(files[place].size, upload.part_size))
        if room <= 0:
            yield some
            some, room = [], LOOK
    if some:
        yield some
