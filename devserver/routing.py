"""Routes as API Gateway finds them: segment by segment, a fixed segment before a variable one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Match:
    """A route and what its variables stand for, percent-encoded as in the request."""

    resource: str
    methods: tuple[str, ...]
    parameters: dict[str, str]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    variable: tuple[str, "_Node"] | None = None
    resource: str | None = None


class Router:
    """Finds the route of a path among those of `app.routes` (path to methods)."""

    def __init__(self, routes: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises `ValueError` when two routes name one variable segment differently; API Gateway refuses that."""
        self._methods = {path: tuple(sorted(methods)) for path, methods in routes.items()}
        self._root = _Node()
        for path in routes:
            self._add(path)

    def _add(self, path: str) -> None:
        node = self._root
        for segment in _segments(path):
            if not segment.startswith("{"):
                node = node.fixed.setdefault(segment, _Node())
                continue
            name = segment.strip("{}")
            node.variable = node.variable or (name, _Node())
            if node.variable[0] != name:
                raise ValueError(f"{path}: the segment {segment} is {{{node.variable[0]}}} in another route")
            node = node.variable[1]
        node.resource = path

    def match(self, path: str) -> Match | None:
        """The route of a path as it came in the request line, without query; None when there is none.

        An encoded slash does not part segments. A slash at the end is left out.
        """
        # A request line may also name a whole server (`OPTIONS *`): https://www.rfc-editor.org/rfc/rfc9112#section-3.2
        found = _find(self._root, _segments(path.removesuffix("/")), {}) if path.startswith("/") else None
        if found is None:
            return None
        resource, parameters = found
        return Match(resource, self._methods[resource], parameters)


def _segments(path: str) -> list[str]:
    return path.split("/")[1:] if path.strip("/") else []


def _find(node: _Node, segments: list[str], parameters: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    if not segments:
        return (node.resource, parameters) if node.resource else None
    first, rest = segments[0], segments[1:]
    inner = node.fixed.get(unquote(first))
    found = _find(inner, rest, parameters) if inner else None
    if found is None and first and node.variable:
        name, inner = node.variable
        found = _find(inner, rest, {**parameters, name: first})
    return found


def allowed(methods: Iterable[str]) -> str:
    """The value of an Allow header for a route with these methods, with those that the gateway adds."""
    names = {*methods, "OPTIONS"}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))
