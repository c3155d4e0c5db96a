"""The names that clients give: which are allowed, and which can't stand beside each other."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from chalicelib.errors import InvalidRequest
from chalicelib.paths import key_problem, path_key, path_problem

RESERVED_USERS = frozenset({"upload", "uploads", "search"})
"""Words that stand in a user's place in the API's paths."""
PATHS_OF_THE_SERVICE = frozenset(
    {"api", "mlflow", "v2", "docs", "health", "tokens", "usage", "assets", "ai-models"}
)
"""Words that begin the service's own paths: no new user has one as a name."""
NEXT_VERSION = "next"
"""The word, in any case, that asks for the version after the highest, and so names none."""
LATEST_VERSION = "latest"
"""The word, in any case, that means the highest active version, and so names none."""
MAX_TAG_CHARS = 128
"""Characters of a tag."""
MAX_TAGS = 50
"""Different tags of a version, and of a filter."""
MAX_SHOWN_CHARS = 80
"""Characters of a client's value that an error repeats."""

_USER_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_MODEL_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Control characters, lone surrogates (UTF-8 has none) and line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_user_id(value: str) -> None:
    """Raise `InvalidRequest` unless the value can name a user."""
    _check_pattern("user_id", value, _USER_ID, "letters, digits and . _ @ + -, at most 128 characters")
    if value in RESERVED_USERS:
        raise InvalidRequest(f"user_id is {value!r}: this word is reserved; choose another name")


def check_new_user_id(value: str) -> None:
    """Raise `InvalidRequest` unless the value can name a user who uploads; who is there already stays readable."""
    check_user_id(value)
    if value in PATHS_OF_THE_SERVICE:
        raise InvalidRequest(f"user_id is {value!r}: this is a path of the service; choose another name")


def check_model_id(value: str) -> None:
    """Raise `InvalidRequest` unless the value can name a model."""
    _check_pattern("model_id", value, _MODEL_ID, "letters, digits and . _ -, at most 128 characters")


def check_version(value: str) -> None:
    """Raise `InvalidRequest` unless a version may have this name; some have one that is reserved by now."""
    _check_pattern("version", value, VERSION, "letters, digits and . _ -, at most 64 characters")
    if value == NEXT_VERSION:
        raise InvalidRequest(
            f"version is {value!r}: on upload this word asks for the version after the highest; give a name"
        )


def check_new_version(value: str) -> None:
    """Raise `InvalidRequest` unless the value can name a version that is to be made, or asks for the next."""
    if means_next(value):
        return
    check_version(value)
    if means_latest(value):
        raise InvalidRequest(
            f"version is {value!r}: this word means the highest version there is; give another name, or `next`"
            " for the one after the highest"
        )


def means_next(version: str) -> bool:
    """Whether an upload asks for the version after the highest."""
    return version.lower() == NEXT_VERSION


def means_latest(version: str) -> bool:
    """Whether a request asks for the latest version, where no version of an older rule has this name."""
    return version.lower() == LATEST_VERSION


def check_tag(value: str) -> None:
    """Raise `InvalidRequest` unless the value can be a tag.

    A tag has 1 to 128 characters, none of them a comma (which separates tags in forms and queries) or a
    control character, and no white space at its ends.
    """
    if (
        not 1 <= len(value) <= MAX_TAG_CHARS
        or "," in value
        or value != value.strip()
        or any(unicodedata.category(char) in _UNPRINTABLE for char in value)
    ):
        raise InvalidRequest(
            f"tags has {shown(value)}: a tag has 1 to {MAX_TAG_CHARS} characters, without commas, control"
            " characters and white space at its ends"
        )


def check_path(path: str, field: str = "filename") -> None:
    """Raise `InvalidRequest` unless the value can be a file's path inside a version."""
    problem = path_problem(path)
    if problem is not None:
        raise InvalidRequest(f"{field} {shown(path)} {problem}")


def check_stored_path(path: str, field: str = "filename") -> None:
    """Raise `InvalidRequest` unless a version may have a file of this path; some have names of an older rule."""
    problem = key_problem(path)
    if problem is not None:
        raise InvalidRequest(f"{field} {shown(path)} {problem}")


def check_paths(paths: Iterable[str]) -> None:
    """Raise `InvalidRequest` when two of the paths, which passed `check_path`, can't share a version."""
    pair = collision(paths)
    if pair is not None:
        first, second = pair
        raise InvalidRequest(
            f"filename {shown(first)} and filename {shown(second)} can't be in one version: they are one path, or"
            " differ only in case, Unicode composition or characters that cannot be seen, or one is a folder of the"
            " other; rename one"
        )


def collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Give two paths that no ordinary file system could hold together, or None.

    They have one `paths.path_key`, or the first is a folder of the second.
    The paths must have passed `check_path`. Takes n log n time, however deep the folders are.
    """
    # With the separator below every other character, what is inside a folder follows it directly,
    # so that every collision shows between neighbours.
    entries = sorted(
        ((path_key(path).replace("/", "\0"), path) for path in paths), key=lambda entry: entry[0]
    )
    for (folded, path), (next_folded, next_path) in pairwise(entries):
        if next_folded == folded or next_folded.startswith(folded + "\0"):
            return path, next_path
    return None


def shown(value: str) -> str:
    """Give a client's value as an error repeats it: quoted, escaped, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"


def _check_pattern(field: str, value: str, pattern: re.Pattern[str], allowed: str) -> None:
    if pattern.fullmatch(value) is None:
        raise InvalidRequest(f"{field} is {shown(value)}: allowed are {allowed}, a letter or digit first")
