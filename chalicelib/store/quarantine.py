"""Objects that seem to belong to nothing: put aside for 30 days, from where they can be put back."""

from collections.abc import Iterator

from chalicelib.store import keys, large, objects
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.store.objects import Listed

CONTENT_TYPE = "application/octet-stream"
KEPT = 30 * 86_400
"""Seconds for which they are kept. A lifecycle rule removes them then; a store that has none leaves it to a rebuild."""


def put_aside(found: Listed, run: str) -> bool:
    """Moves an object as it was listed below `quarantine/{run}/`; False when it is another or gone by now.

    Nothing is lost when it ends anywhere in between: the object is removed once its copy is there.
    """
    try:
        large.copy(found.key, found.etag, found.size, keys.quarantine_key(run, found.key), CONTENT_TYPE)
    except (ObjectChanged, ObjectMissing):
        return False
    objects.delete_one(found.key, found.etag)
    return True


def before(run: str) -> Iterator[str]:
    """The keys of what was put aside by rebuilds that ran before this one. One ListObjectsV2 for 1,000."""
    return (key for key in objects.list_keys(keys.QUARANTINE) if key < keys.quarantine_key(run, ""))
