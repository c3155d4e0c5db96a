"""Every route for every kind of caller, held against the table in docs/authentication.md."""

import re
import time
from itertools import count
from pathlib import Path

import pytest
from each import each
from guarding import ADMIN, READ, WRITE, bearer, guard

from chalicelib.http.operations import OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs/authentication.md").read_text()
OPEN = ("get_health", "get_openapi", "get_docs")


@pytest.fixture
def guarded(api, monkeypatch, tmp_path):
    """A client of a service that knows its callers by JWT; it is ana's."""
    guard(monkeypatch, tmp_path)
    api.token = bearer("ana", WRITE)
    return api


PLAN = {"user_id": "ana", "name": "M"}
BODIES = {
    "upload_single": {**PLAN, "filename": "a.bin", "file_size": 0},
    "upload_folder": {**PLAN, "file_size": 100},
    "upload_files": {**PLAN, "files": [{"filename": "a.bin", "file_size": 0}]},
    "request_parts": {"files": [{"filename": "a.bin"}]},
    "update_version": {"description": "new"},
    "change_access": {"users": ["cleo"]},
    "create_token": {"label": "ci", "scopes": [READ]},
}


class World:
    """What each cell of the table finds: a model of ana's that is shared with cleo, an upload, an API token."""

    def __init__(self, api):
        self.api = api
        self.ana = api.token
        self.names = {"user_id": "ana"}
        self._numbers = count()

    def make(self, *names):
        """Makes these things, which no request has changed yet."""
        self.api.token = self.ana
        if "model_id" in names:
            model = self.names["model_id"] = f"m{next(self._numbers)}"
            assert self.api.upload(model_id=model).status == 200
            assert self.api.put(f"/ai-models/ana/{model}/access", BODIES["change_access"]).status == 200
        if "upload_id" in names:
            plan = {**BODIES["upload_single"], "model_id": f"u{next(self._numbers)}"}
            self.names["upload_id"] = self.api.post("/ai-models/upload/single", plan).json["upload_id"]
        if "token_id" in names:
            self.names["token_id"] = self.api.post("/tokens", BODIES["create_token"]).json["token_id"]

    def cell(self, operation, token):
        """What the table says of the operation for the caller with this token."""
        self.api.token = token
        body = BODIES.get(operation.name)
        if operation.name.startswith("upload_"):
            body = {**body, "model_id": f"u{next(self._numbers)}"}
        path = operation.path.format(**self.names)
        answer = self.api.request(operation.method, path, json_body=body)
        assert answer.status < 400 or answer.json["detail"]
        assert ("www-authenticate" in answer.headers) == (answer.status == 401 or "the scope" in answer.text)
        if answer.status < 300 and operation.method != "GET":
            self.make(*operation.path_names)
        empty = operation.name in ("list_models", "search_models") and not answer.json.get("models", [1])
        return f"{answer.status}, empty" if empty else str(answer.status)


def documented():
    """The table of the page: its columns, and the cells by operation and column."""
    lines = [
        line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (what|`\w+ /)", line)
    ]
    head = next(line for line in lines if line[0] == "what")[1:]
    cells = {
        line[0].strip("`"): dict(zip(head, line[1:], strict=True)) for line in lines if line[0] != "what"
    }
    return head, cells


def test_the_table_in_the_documentation_is_what_happens(guarded):
    revoked = guarded.post("/tokens", {"label": "old", "scopes": [WRITE]}).json
    used = guarded.post("/tokens", {"label": "ci", "scopes": [WRITE]}).json
    guarded.token = revoked["token"]
    assert guarded.get("/ai-models/ana").status == 200
    guarded.token = bearer("ana", WRITE)
    assert guarded.delete(f"/tokens/{revoked['token_id']}").status == 204
    callers = {
        "no token": None,
        "expired": bearer("ana", WRITE, exp=time.time() - 120),
        "wrong audience": bearer("ana", WRITE, aud="another"),
        "revoked API token": revoked["token"],
        "another user": bearer("ben", WRITE),
        "shared with": bearer("cleo", WRITE),
        "own, read": bearer("ana", READ),
        "own, write": bearer("ana", WRITE),
        "own, API token": used["token"],
        "admin": bearer("root", ADMIN),
    }
    world, found = World(guarded), {}
    world.make("model_id", "upload_id", "token_id")
    for operation in OPERATIONS:
        if operation.name not in OPEN:
            row = found[f"{operation.method} {operation.path}"] = {}
            for name, token in callers.items():
                row[name] = world.cell(operation, token)
    head, cells = documented()
    lines = [f"| `{route}` | {' | '.join(row.values())} |" for route, row in found.items()]
    assert (head, cells) == (list(callers), found), "\n" + "\n".join(lines)


def test_open_routes_are_open_to_all(guarded):
    guarded.token = None
    for operation in each(OPERATIONS):
        if operation.name in OPEN:
            assert operation.scope is None
            assert guarded.get(operation.path).status == 200
