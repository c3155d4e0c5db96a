"""Whether what is pushed is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weighthouse.documents import Version
from weighthouse.errors import Conflict, NotFound
from weighthouse.push.journal import PushedFile
from weighthouse.transport import Transport


def existing(transport: Transport, fields: Mapping[str, Any], files: Sequence[PushedFile]) -> Version | None:
    """The version that is there, when it has just these files; else None.

    Raises `Conflict` when only its metadata are not those that are pushed.
    """
    address = f"/ai-models/{fields['user_id']}/{fields['model_id']}"
    try:
        document = transport.ask("GET", address, query={"version": fields["version"]})
    except NotFound:
        return None
    if document["files_total"] != len(files) or not _same(transport, address, document["version"], files):
        return None
    different = [name for name, value in fields.items() if document.get(name) != value]
    if different:
        raise Conflict(
            f"Version {document['version']} exists with these files, and with another {' and '.join(different)}; "
            "change its metadata with `weighthouse set`, or push another version",
            409,
        )
    return Version.of(document)


def _same(transport: Transport, address: str, version: str, files: Sequence[PushedFile]) -> bool:
    expected = iter(files)
    for page in transport.pages(f"{address}/files", query={"version": version}):
        for file in page["files"]:
            if (file["filename"], file["file_size"], file["file_hash"]) != next(expected, None):
                return False
    return next(expected, None) is None
