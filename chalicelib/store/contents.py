"""Which contents a user has stored: found by SHA-256, so that they need not be sent again."""

from chalicelib.schema.records import FileRecord
from chalicelib.store import keys, table
from chalicelib.store.table import Range


def find(user_id: str, sha256: str, size: int) -> tuple[str, str, FileRecord] | None:
    """Model, version and file of the user's that hold this content; None when none does. One Query."""
    row = table.first(Range(keys.contents_pk(user_id), f"{sha256}#"))
    if row is None:
        return None
    file = row.read(FileRecord)
    _, model_id, version = row.sk.split("#")
    return (model_id, version, file) if file.size == size else None
