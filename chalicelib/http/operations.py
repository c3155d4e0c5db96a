"""Operations: a route function together with everything that is said of it on the wire.

    @operation("GET", "/ai-models/{user_id}/{model_id}", scope=READ, query=Named, answers={200: VersionDocument})
    def get_version(caller: Caller, user_id: str, model_id: str, query: Named) -> VersionDocument:
        \"\"\"The version document; without `version` the latest.\"\"\"

Serving, form parsing and `/openapi.json` all read the same `Operation`. The function stays as it is
and can be called in a test.
"""

import re
from collections.abc import Callable, Iterable, Mapping, MutableSequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from msgspec import Struct

from chalicelib.http.answers import Content, Redirect
from chalicelib.registry.callers import Scope

Handler = TypeVar("Handler", bound=Callable[..., Any])

JSON = "application/json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    handler: Callable[..., Any]
    scope: Scope | None
    """What a caller must have been given; None where anyone at all is answered."""
    query: type[Struct] | None
    json: type[Struct] | None
    form: type[Struct] | None
    file_field: str | None
    answers: Mapping[int, Any]
    errors: tuple[int, ...]
    head: Callable[..., Any] | None = None
    """Answers HEAD in place of the handler of GET, where that does more than to read."""

    def for_head(self) -> "Operation":
        """The operation that answers HEAD where this one answers GET."""
        return replace(self, method="HEAD", handler=self.head or self.handler)

    @property
    def name(self) -> str:
        """The function's name, unique among all operations."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """What the operation is about: the name of the function's module."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def path_names(self) -> list[str]:
        """The names in the path, in order."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def media_types(self) -> list[str]:
        """The media types that the body may have; empty where no body is read."""
        return [JSON] * bool(self.json) + [FORM] * bool(self.form)


OPERATIONS: list[Operation] = []
"""Every operation of the service, in the order in which the route modules define them."""


def operation(
    method: str,
    path: str,
    *,
    scope: Scope | None,
    query: type[Struct] | None = None,
    json: type[Struct] | None = None,
    form: type[Struct] | None = None,
    file_field: str | None = None,
    answers: Mapping[int, type[Struct] | Content | Redirect | Any],
    errors: Iterable[int] = (),
    head: Callable[..., Any] | None = None,
    into: MutableSequence[Operation] = OPERATIONS,
) -> Callable[[Handler], Handler]:
    """Declares a route function; it is given, by parameter name:

    - each name of the path, as `str`, percent-decoded once;
    - `query`: the query struct, where one is declared (without one, any query parameter is refused);
    - `body`: the JSON struct, or for a form a `FormUpload` of the form struct with the file of `file_field`;
    - `caller`: who asks, and `accept`: the Accept header or None; each if it asks for it.

    It is called only for callers who have the `scope`. It returns a struct (200) or an `Answer`. `answers` says
    what each success status carries: a struct or a union of structs, `Content` for text or bytes, `Redirect` for
    a Location, None for nothing. `head` is a function of the same parameters that answers HEAD where GET has side
    effects. The docstring's first paragraph becomes the summary, the rest the description.

    Raises `TypeError` when the function's parameters are not these.
    """

    def declare(handler: Handler) -> Handler:
        declared = Operation(
            method, path, handler, scope, query, json, form, file_field, dict(answers), tuple(errors), head
        )
        _check_parameters(declared)
        into.append(declared)
        return handler

    return declare


def _check_parameters(declared: Operation) -> None:
    expected = set(declared.path_names)
    expected |= {"query"} if declared.query else set()
    expected |= {"body"} if declared.media_types else set()
    found = set(declared.handler.__annotations__) - {"return", "accept", "caller"}
    if found != expected:
        raise TypeError(f"{declared.name} must take {sorted(expected)}, and takes {sorted(found)}")
