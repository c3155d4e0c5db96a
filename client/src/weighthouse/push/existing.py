"""Whether what is pushed is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weighthouse.answers import ONE_VERSION, VERSION_DOCUMENT, read
from weighthouse.documents import Version
from weighthouse.errors import Conflict, NotFound
from weighthouse.names import NEXT
from weighthouse.push.journal import PushedFile
from weighthouse.transport import Transport


def existing(transport: Transport, fields: Mapping[str, Any], files: Sequence[PushedFile]) -> Version | None:
    """The version that need not be made, since one with just these files is there; else None.

    It is the version that `fields` name, or for `next` the highest, when that has these metadata, too. Raises
    `Conflict` when the version that is named has these files, and other metadata.
    """
    address, named = f"/ai-models/{fields['user_id']}/{fields['model_id']}", fields["version"] != NEXT
    try:
        if named:
            document = transport.ask("GET", address, query={"version": fields["version"]})
        else:
            query = {"limit": 1}
            document = read(transport.ask("GET", f"{address}/versions", query=query), ONE_VERSION)["models"][
                0
            ]
    except NotFound:
        return None
    read(document, VERSION_DOCUMENT)
    different = [name for name, value in fields.items() if name != "version" and document.get(name) != value]
    if different and not named:
        return None
    if document["files_total"] != len(files) or not _same(transport, address, document["version"], files):
        return None
    if different:
        raise Conflict(
            f"Version {document['version']} exists with these files, and with another {' and '.join(different)}; "
            "change its metadata with `weighthouse set`, or push another version",
            409,
        )
    return Version.of(document)


def _same(transport: Transport, address: str, version: str, files: Sequence[PushedFile]) -> bool:
    expected = iter(files)
    for page in transport.pages(f"{address}/files", "files", query={"version": version}):
        for file in page["files"]:
            if (file.get("filename"), file.get("file_size"), file.get("file_hash")) != next(expected, None):
                return False
    return next(expected, None) is None
