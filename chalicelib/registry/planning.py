"""How a file is cut into the parts of an S3 multipart upload: numbers in, numbers out.

Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from chalicelib.errors import InvalidRequest, TooLarge

MIB = 1024 * 1024
GIB = 1024 * MIB

MIN_PART = 5 * MIB
"""Bytes that S3 wants in every part but the last."""
SMALLEST_PART = 8 * MIB
"""Bytes of our parts while a file needs no larger ones: fewer requests than at S3's minimum, and still
little to send again when a part fails."""
MAX_PART = 5 * GIB
"""Bytes that S3 takes in a part."""
MAX_PARTS = 10_000
"""Parts that S3 takes for an object."""
MAX_OBJECT = MAX_PARTS * MAX_PART
"""Bytes of the largest object that parts can make: 48.8 TiB."""


def check_file_size(size: int, field: str = "file_size") -> None:
    """Raise `InvalidRequest` for a negative size in bytes and `TooLarge` for one above `MAX_OBJECT`."""
    if size < 0:
        raise InvalidRequest(f"{field} is {size}: it must be a number of bytes from 0 to {MAX_OBJECT}")
    if size > MAX_OBJECT:
        raise TooLarge(
            f"{field} is {size}: an object in S3 holds at most {MAX_OBJECT} bytes (48.8 TiB);"
            " upload the file in several pieces, each a file of the version"
        )


def part_size(file_size: int) -> int:
    """Give the bytes of a part for a file of 0..`MAX_OBJECT` bytes: whole MiB, from 8 MiB to 5 GiB.

    It is the smallest with which `MAX_PARTS` parts hold the file. A plan with many files takes the part
    size of its largest; it then serves the smaller ones too.
    """
    mebibytes = -(-file_size // (MAX_PARTS * MIB))
    return max(SMALLEST_PART, mebibytes * MIB)


def parts_total(file_size: int, part_size: int) -> int:
    """Give the number of parts of `part_size` bytes that a file has; an empty file needs none."""
    return -(-file_size // part_size)


def part_length(file_size: int, part_size: int, number: int) -> int:
    """Give the bytes of part `number`, counted from 1; all are `part_size` but the last, which has the rest.

    Raises `InvalidRequest` when the file has no such part.
    """
    total = parts_total(file_size, part_size)
    if not 1 <= number <= total:
        allowed = f"its parts are 1 to {total}" if total else "an empty file has no parts"
        raise InvalidRequest(f"part_number is {number}, but the file has {file_size} bytes: {allowed}")
    return min(part_size, file_size - (number - 1) * part_size)
