"""Who may read a model beside its owner, and who did what to it."""

from chalicelib.http.operations import operation
from chalicelib.registry import history, readers
from chalicelib.registry.callers import READ, WRITE, Caller
from chalicelib.schema.access import AccessChange, AccessDocument
from chalicelib.schema.history import HistoryPage
from chalicelib.schema.requests import PageQuery


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/access",
    scope=READ,
    answers={200: AccessDocument},
    errors=(400, 404),
)
def get_access(caller: Caller, user_id: str, model_id: str) -> AccessDocument:
    """Who may read all versions of a model beside its owner, who alone is told."""
    return readers.get(caller, user_id, model_id)


@operation(
    "PUT",
    "/ai-models/{user_id}/{model_id}/access",
    scope=WRITE,
    json=AccessChange,
    answers={200: AccessDocument},
    errors=(400, 404, 415),
)
def change_access(caller: Caller, user_id: str, model_id: str, body: AccessChange) -> AccessDocument:
    """Says from now on who may read all versions of a model beside its owner.

    Users by name, or everyone who is authenticated; what the body does not name is nobody. It ends with the
    model's last version.
    """
    return readers.share(caller, user_id, model_id, body)


@operation(
    "GET",
    "/ai-models/{user_id}/{model_id}/history",
    scope=READ,
    query=PageQuery,
    answers={200: HistoryPage},
    errors=(400, 404),
)
def get_history(caller: Caller, user_id: str, model_id: str, query: PageQuery) -> HistoryPage:
    """Who did what to which version, when, and from where, the newest first; for the owner alone.

    Creations, updates with the fields that changed, deletions, and sharing. Downloads are counted instead; earlier
    versions of the service noted them here.
    """
    return history.page(caller, user_id, model_id, query)
