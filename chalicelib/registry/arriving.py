"""Whether all that an upload expects has arrived, and what is missing, by name."""

from collections.abc import Callable, Iterator, Sequence
from heapq import nsmallest
from itertools import chain, islice
from threading import Lock

from chalicelib.errors import InvalidRequest
from chalicelib.registry.planning import part_length, parts_total
from chalicelib.schema.records import ExpectedFile, Upload
from chalicelib.store import keys, multipart
from chalicelib.store.bucket import ObjectMissing
from chalicelib.store.multipart import Part
from chalicelib.store.parallel import for_each

NAMED = 20
"""Missing parts or files that an error names; the rest is counted."""
THREADS = 32


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
        self._count = 0
        self._lock = Lock()

    def add(self, file: ExpectedFile, parts: Sequence[Part]) -> None:
        """Notes what is missing of a file of which these parts have arrived."""
        total = parts_total(file.size, self._part_size)
        whole = sum(part.size == self._length(file, part.number) for part in parts if part.number <= total)
        if whole == total:
            return
        with self._lock:
            self._count += total - whole
            self._named = nsmallest(NAMED, chain(self._named, islice(self._names(file, parts), NAMED)))

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

    def refuse(self) -> None:
        """Raises `PartsMissing`, which names them, when there are any."""
        if self._count:
            rest = self._count - len(self._named)
            raise PartsMissing(
                f"{self._count} parts have not arrived: {', '.join(name for _, _, name in self._named)}"
                f"{f' and {rest} more' if rest else ''}."
                " Send them (`parts` gives fresh URLs), then complete the upload again"
            )


def check_begun(upload: Upload, files: Sequence[ExpectedFile]) -> None:
    """Raises `PartsMissing` when no URL was ever asked for of a file; it takes no call to know that."""
    missing = Missing(upload.part_size)
    for file in files:
        if file.travels and file.multipart_id is None:
            missing.add(file, [])
    missing.refuse()


def check_arrived(upload: Upload, files: Sequence[ExpectedFile], check: Callable[[], object] = bool) -> None:
    """Raises `PartsMissing` unless every part of every file is there in full. One ListParts for 999 parts.

    `check` is called before each file and may stop it by raising.
    """
    missing = Missing(upload.part_size)

    def look(file: ExpectedFile) -> None:
        check()
        parts: list[Part] = []
        if file.multipart_id is not None:
            total = parts_total(file.size, upload.part_size)
            try:
                parts = multipart.list_parts(object_key(upload, file), file.multipart_id, total)
            except ObjectMissing:
                return  # Put together by an earlier, interrupted run: `put_together` looks for the object.
        missing.add(file, parts)

    for_each((file for file in files if file.travels), look, THREADS)
    missing.refuse()
