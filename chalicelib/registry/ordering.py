"""The natural order of versions, as a string that a database sorts by, and the version after the highest."""

import re

from chalicelib.errors import InvalidRequest

MAX_VERSION_CHARS = 64
"""Characters of a version's name."""

_DIGITS = re.compile("[0-9]+")
_LAST_NUMBER = re.compile(r"([0-9]+)[^0-9]*\Z")


def natural_key(version: str) -> str:
    """Give the string whose byte order is the natural order of versions: v2 < v10, v1.9 < v1.10.

    `version` must have passed `naming.check_version`. The key is ASCII, at most 193 bytes (32 digits
    between 32 letters), differs between any two versions and depends on nothing but the version.

    - A run of digits counts as one number of any length; between other characters it sorts as a digit
      does in ASCII: `-` < `.` < numbers < `_` < letters.
    - Letters compare without their case.
    - A version sorts before all that only add to it: v1 < v1.1, and so 1.0 < 1.0-rc1 too. Natural order
      knows nothing of pre-releases: who wants them first says 1.0-rc1 and 1.1, or marks them not active.
    - Versions equal by all this (v1, v01, V1) sort by their ASCII characters.
    """
    # `!` sorts below every character of a version, so a key that ends here comes before all longer ones.
    return _DIGITS.sub(_sortable_number, version.lower()) + "!" + version


def next_version(highest: str | None) -> str:
    """Give the version after `highest`, the model's highest by `natural_key`; "v1" when it has none.

    The last number grows by one, keeps its width and loses what follows it: v10 → v11, v1.9 → v1.10,
    v009 → v010, v2-beta → v3. Without a number, one is added: beta → beta-2. The answer sorts after
    `highest`. Raises `InvalidRequest` when it would be longer than 64 characters.
    """
    if highest is None:
        return "v1"
    number = _LAST_NUMBER.search(highest)
    if number is None:
        following = f"{highest}-2"
    else:
        digits = number[1]
        following = highest[: number.start()] + str(int(digits) + 1).zfill(len(digits))
    if len(following) > MAX_VERSION_CHARS:
        raise InvalidRequest(
            f"version is 'next', but what follows {highest!r} has more than {MAX_VERSION_CHARS} characters:"
            " name the version yourself"
        )
    return following


def _sortable_number(run: re.Match[str]) -> str:
    # The number of digits goes first: of two numbers without leading zeros, the longer is the greater.
    digits = run[0].lstrip("0")
    return f"{len(digits):02}{digits}"
