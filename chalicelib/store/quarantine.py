"""Objects that seem to belong to nothing: put aside for 30 days, from where they can be put back."""

from chalicelib.store import keys, large, objects
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.store.objects import Listed

CONTENT_TYPE = "application/octet-stream"


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
