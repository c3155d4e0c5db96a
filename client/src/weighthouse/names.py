"""Names of models and versions as people write them: ``user/model`` and ``user/model:version``."""

from __future__ import annotations

import re
from typing import NamedTuple

from weighthouse.errors import InvalidInput

# As docs/api.md has them, under "Names".
USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

NEXT = "next"
"""The version that is numbered after the highest when it is made."""

LATEST = "latest"
"""The word, in any case, for the highest active version."""

PART = ".weighthouse-part"
"""How the name of a file ends that a pull has not yet fetched whole; no file of a version may be called so."""


class Name(NamedTuple):
    """What ``user/model:version`` names; without a version, `version` is None."""

    user_id: str
    model_id: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.user_id}/{self.model_id}" + (f":{self.version}" if self.version else "")


def check_name(user_id: str, model_id: str, version: str | None = None) -> None:
    """Raises `InvalidInput` for what can't be a name, before it gets into an address."""
    for field, value, pattern in (
        ("user", user_id, USER),
        ("model", model_id, MODEL),
        ("version", version, VERSION),
    ):
        if value is not None and not pattern.fullmatch(value):
            raise InvalidInput(f"{field} is {value!r}; it must match {pattern.pattern}")


def new_version(version: str) -> str:
    """The name of a version to be made, `next` in any case as `NEXT`; raises `InvalidInput` for `latest`."""
    if version.lower() == LATEST:
        raise InvalidInput(
            f"version is {version!r}, the word for the highest there is; name another, or `next` for the one after it"
        )
    return NEXT if version.lower() == NEXT else version


def parse_name(text: str) -> Name:
    """The name in ``user/model`` or ``user/model:version``; raises `InvalidInput`.

    ``user/model:latest``, in any case, is ``user/model``: the latest version.
    """
    user_id, slash, rest = text.partition("/")
    model_id, colon, version = rest.partition(":")
    if not slash or (colon and not version):
        raise InvalidInput(f"{text!r} is no name of a model: write user/model or user/model:version")
    check_name(user_id, model_id, version or None)
    return Name(user_id, model_id, None if version.lower() in ("", LATEST) else version)
