"""The running service keeps to its own /openapi.json, whatever it is sent."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from callers import token
from doors import Client, Door
from each import each
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import app  # noqa: F401 - it declares the operations
from chalicelib.http.operations import OPERATIONS
from devserver.process import LocalService

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 20
"""Requests an operation: half of them as the contract wants them, half not."""
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    # Requests take as long as they take, and names that exist are drawn afterwards.
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def contract(guarded_service: LocalService) -> Any:
    """The service's own document, less the `default` answers: with them every status would be documented.

    Also less what it says of tokens: every request has a good one.
    """
    document = requests.get(f"{guarded_service.url}/openapi.json", timeout=10).json()
    del document["components"]["securitySchemes"]
    for methods in each(document["paths"].values()):
        for operation in each(methods.values()):
            operation.pop("security", None)
            assert operation["responses"].pop("default")
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=guarded_service.url)
    return schema


class Planted:
    """What is there for requests to meet: random names alone would only ever find nothing."""

    user = "planted"

    def __init__(self, service: LocalService) -> None:
        self.headers = {"Authorization": f"Bearer {token(self.user, 'models:admin')}"}
        client = Client(Door(service), self.user, self.headers)
        for model in ("kept", *(f"doomed-{number}" for number in range(8))):
            client.upload(model, "m.bin", tags="planted", version="v1")
            client.upload(model, "m.bin", version="v2")
        empty = {"filename": "m.bin", "file_size": 0}
        open_ = [
            client.plan("single", f"open-{number}", filename="m.bin", file_size=9) for number in range(3)
        ]
        ready = [client.plan("single", f"ready-{number}", **empty) for number in range(3)]
        doomed = [client.plan("single", f"given-up-{number}", **empty) for number in range(8)]
        self.kept = [plan["upload_id"] for plan in open_ + ready]
        self.doomed = [plan["upload_id"] for plan in doomed]
        wanted = {"label": "planted", "scopes": ["models:read"]}
        made = [
            requests.post(f"{service.url}/tokens", json=wanted, headers=self.headers, timeout=60)
            for _ in range(8)
        ]
        self.tokens = [answer.json()["token_id"] for answer in made]

    def values(self, method: str, name: str) -> list[str]:
        """What the path or query of a request may name."""
        doomed = method == "DELETE"
        return {
            "user_id": [self.user],
            "model_id": [f"doomed-{number}" for number in range(8)] if doomed else ["kept"],
            "upload_id": self.doomed if doomed else self.kept,
            "token_id": self.tokens,
            "version": ["v1", "v2"],
            "filename": ["m.bin"],
        }[name]

    def body(self, path: str, media_type: str | None) -> dict[str, Any]:
        """What the body of a request may say, of what a random one would hardly hit upon."""
        if path.endswith("/parts"):
            return {"files": [{"filename": "m.bin"}]}
        if path.endswith("/access"):
            return {"users": ["ben"]}
        if not path.startswith("/ai-models/upload/"):
            return {}
        body: dict[str, Any] = {"user_id": self.user, "model_id": "made", "version": "next"}
        if path.endswith("/files"):
            body["files"] = [{"filename": "m.bin", "file_size": 9}]
        elif media_type == "application/json":
            body["file_size"] = 9
        return body


@pytest.fixture(scope="module")
def planted(guarded_service: LocalService) -> Planted:
    return Planted(guarded_service)


def requests_of(operation: Any, planted: Planted) -> st.SearchStrategy[Case[Any]]:
    """Requests that the contract allows or forbids; most of them name what is there."""
    modes = [GenerationMode.POSITIVE]
    if operation.path_parameters or operation.query or operation.body:
        modes.append(GenerationMode.NEGATIVE)

    @st.composite
    def made(draw: Callable[[Any], Any]) -> Case[Any]:
        case: Case[Any] = draw(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]))
        if draw(st.sampled_from([True, True, False])):
            for name in case.path_parameters or {}:
                case.path_parameters[name] = draw(st.sampled_from(planted.values(case.method, name)))
            for name in {"version", "filename"} & set(case.query or {}):
                case.query[name] = draw(st.sampled_from(planted.values(case.method, name)))
            if isinstance(case.body, dict):
                case.body = {**case.body, **planted.body(case.path, case.media_type)}
        return case

    return made()


@pytest.mark.parametrize(("method", "path"), [(each.method, each.path) for each in OPERATIONS])
def test_the_service_keeps_to_its_contract(method: str, path: str, contract: Any, planted: Planted) -> None:
    operation = contract[path][method]
    statuses: Counter[int] = Counter()
    with requests.Session() as session:
        session.headers.update(planted.headers)

        @SETTINGS
        @given(case=requests_of(operation, planted))
        def keeps(case: Case[Any]) -> None:
            answer = case.call_and_validate(checks=CHECKS, session=session, allow_redirects=False, timeout=30)
            statuses[answer.status_code] += 1

        keeps()
    assert any(status < 400 for status in statuses), statuses
