"""The service itself: its health, its contract, and a page to try it in."""

from functools import cache

from chalicelib.errors import StoreBusy
from chalicelib.http.answers import Answer, Content
from chalicelib.http.operations import OPERATIONS, operation
from chalicelib.registry import health
from chalicelib.schema.documents import Health
from chalicelib.settings import Auth, settings


@operation("GET", "/health", scope=None, answers={200: Health, 503: Health})
def get_health() -> Answer:
    """Whether the service and its two stores work: 503 where one of them does not."""
    found = health.check()
    if found.service == "ok":
        return Answer(200, found)
    return Answer(503, found, {"Retry-After": str(StoreBusy.retry_after)})


@operation(
    "GET", "/openapi.json", scope=None, answers={200: Content(("application/json",), "This document.")}
)
def get_openapi() -> Answer:
    """The machine-readable contract (OpenAPI 3.1), made from the service's own schemas."""
    return Answer(200, _openapi(settings().auth))


@operation("GET", "/docs", scope=None, answers={200: Content(("text/html",), "The page.")})
def get_docs() -> Answer:
    """A page that shows every operation and lets you try it."""
    return _docs()


@cache
def _openapi(auth: Auth) -> str:
    import msgspec

    from chalicelib.http.openapi import document

    return msgspec.json.encode(document(OPERATIONS, auth)).decode()


@cache
def _docs() -> Answer:
    from chalicelib.http.page import page

    html, policy = page()
    return Answer(
        200,
        html,
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
        },
    )
