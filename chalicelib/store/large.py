"""Objects of any size: written as their bytes come, or copied inside the store, a few parts at a time."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from chalicelib.settings import MIB
from chalicelib.store import multipart, objects
from chalicelib.store.memory import PARTS
from chalicelib.store.parallel import Pool, for_each

PART = 8 * MIB
"""Bytes of a written part, at least."""
MOST_PARTS = 10_000
COPY_PART = 128 * MIB
"""Bytes of one UploadPartCopy, at least. S3 takes 5 GiB; smaller ones run side by side
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)."""
AT_ONCE = 3
"""Parts of one object that are on their way at a time."""


class _Writer:
    """The parts of one object that is being written, whose memory was taken from the budget."""

    def __init__(self, key: str, content_type: str, part: int, pool: Pool) -> None:
        self._key = key
        self._part = part
        self._pool = pool
        self._multipart_id = multipart.create(key, content_type)
        self._parts: list[multipart.Part] = []
        self._on_their_way: deque[Future[multipart.Part]] = deque()

    def send(self, pieces: list[bytes]) -> None:
        """Sends a part, when no more than two others are on their way."""
        if len(self._on_their_way) == AT_ONCE:
            self._parts.append(self._on_their_way.popleft().result())
        number = len(self._parts) + len(self._on_their_way) + 1
        self._on_their_way.append(self._pool.submit(self._send, number, pieces))

    def _send(self, number: int, pieces: list[bytes]) -> multipart.Part:
        try:
            return multipart.upload_part(self._key, self._multipart_id, number, pieces, sum(map(len, pieces)))
        finally:
            pieces.clear()
            PARTS.give(self._part)

    def complete(self) -> str:
        """Makes the object and gives its ETag."""
        self._parts += [part.result() for part in self._on_their_way]
        return multipart.complete(self._key, self._multipart_id, self._parts)

    def abort(self) -> None:
        """Leaves no part, once those on their way have ended."""
        self._pool.shutdown()
        multipart.abort(self._key, self._multipart_id)


def write_stream(key: str, chunks: Iterable[bytes], size: int, content_type: str) -> str:
    """Writes an object of `size` bytes as they come and gives its ETag.

    When `chunks` raises, no object and no part is left.
    """
    if size <= PART:
        with PARTS.taken(size):
            return objects.put(key, b"".join(chunks), content_type=content_type)
    part = max(PART, -(-size // MOST_PARTS))
    left = iter(chunks)
    with Pool(AT_ONCE) as pool:
        writer = _Writer(key, content_type, part, pool)
        try:
            while _write_part(writer, left, part):
                pass
            return writer.complete()
        except BaseException:
            writer.abort()
            raise


def _write_part(writer: _Writer, chunks: Iterator[bytes], part: int) -> bool:
    """Has a part filled and sent; False when there is no more. Its memory is taken before it is filled."""
    PARTS.take(part)
    pieces: list[bytes] = []
    try:
        filled = 0
        for chunk in chunks:
            pieces.append(chunk)
            filled += len(chunk)
            if filled >= part:
                break
        if pieces:
            writer.send(pieces)
            return True
    except BaseException:
        PARTS.give(part)
        raise
    PARTS.give(part)
    return False


def copy(source: str, etag: str, size: int, key: str, content_type: str) -> str:
    """Copies an object of any size inside the store and gives its ETag; `ObjectMissing`, `ObjectChanged`."""
    if size > COPY_PART:
        return copy_range(source, etag, 0, size, key, content_type)
    return objects.copy(source, etag, key, content_type)


def copy_range(
    source: str, etag: str, offset: int, length: int, key: str, content_type: str, *, checksum: bool = False
) -> str:
    """Makes an object of a range of another, inside the store, and gives its ETag; errors as `copy`.

    `checksum` is that of `multipart.create`.
    """
    multipart_id = multipart.create(key, content_type, checksum=checksum)
    # All parts of about one size: none is below what the store takes.
    count = min(MOST_PARTS, -(-length // COPY_PART))

    parts: dict[int, multipart.Part] = {}

    def make(number: int) -> None:
        start, end = length * (number - 1) // count, length * number // count
        size = end - start
        parts[number] = multipart.copy_part(key, multipart_id, number, source, etag, offset + start, size)

    try:
        for_each(range(1, count + 1), make, AT_ONCE)
        return multipart.complete(key, multipart_id, [parts[number] for number in sorted(parts)])
    except BaseException:
        multipart.abort(key, multipart_id)
        raise
