"""The Chalice application whose every answer, errors included, is ours."""

from collections.abc import Iterable
from typing import Any

from chalice.app import Chalice

from chalicelib import telemetry
from chalicelib.errors import MethodNotAllowed, NotFound
from chalicelib.http.answers import Answer, proxy_answer
from chalicelib.http.failures import error_answer, failure
from chalicelib.http.negotiation import BINARY_TYPES
from chalicelib.http.operations import FORM, JSON, OPERATIONS, Operation
from chalicelib.http.requests import Request
from chalicelib.http.serving import serve


class Weighthouse(Chalice):
    """Serves operations. Chalice keeps what it is best at: the route table that `chalice package` deploys.

    Its own request handler is not used: its errors have another shape, it takes no JSON beside forms on
    one route, and it keeps the current request on the app, where threads would share it. Hence Chalice's
    HTTP middleware, CORS and `current_request` are not available here.
    """

    def __init__(self, app_name: str) -> None:
        super().__init__(app_name=app_name)
        self.api.binary_types = list(BINARY_TYPES)
        self._operations: dict[str | None, dict[str, Operation]] = {}

    def register(self, operations: Iterable[Operation] = OPERATIONS) -> None:
        """Makes each operation a route. Raises `ValueError` for a method and path that are taken."""
        for operation in operations:
            # Chalice's packager refuses binary and text types side by side; `serve` checks what may come.
            types = [FORM if operation.form else JSON]
            served = [operation] + [operation.for_head()] * (operation.method == "GET")
            methods = [one.method for one in served]
            route = self.route(operation.path, methods=methods, content_types=types, name=operation.name)
            route(operation.handler)
            self._operations.setdefault(operation.path, {}).update({one.method: one for one in served})

    @telemetry.answering
    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answers a proxy event of API Gateway (format 1.0); never raises what a client can cause."""
        request = Request(event)
        bodiless = request.method == "HEAD"
        try:
            return proxy_answer(self._answer(request), request.id, bodiless=bodiless)
        except Exception as error:
            return proxy_answer(failure(error, request.id), request.id, bodiless=bodiless)

    def _answer(self, request: Request) -> Answer:
        methods = self._operations.get(request.resource)
        if methods is None:
            raise NotFound("There is no such address; /docs shows all there are")
        if request.method not in methods:
            return _not_allowed(request.method, sorted(methods))
        return serve(methods[request.method], request)


def _not_allowed(method: str, methods: list[str]) -> Answer:
    allowed = ", ".join(methods)
    answer = error_answer(MethodNotAllowed(f"{method} is not possible here; {allowed} is"))
    return Answer(answer.status, answer.body, {"Allow": allowed})
