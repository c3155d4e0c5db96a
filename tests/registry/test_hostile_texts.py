"""The lean requests take what users have stored for content, whatever it looks like; so does a rebuild."""

import pytest
from each import each
from guarding import READ, WRITE, bearer, guard
from wired import use_lean_requests

from benchmarks._hostile import TEXTS, contents, metadata
from chalicelib.registry import api_tokens
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import table

BINARY = "application/octet-stream"


@pytest.fixture
def ana(api, monkeypatch, tmp_path):
    guard(monkeypatch, tmp_path)
    use_lean_requests(monkeypatch)
    api.token = bearer("ana", READ, WRITE)
    return api


def test_versions_labels_and_readers_survive_the_table(ana, monkeypatch):
    files = {name: data for name, data in contents().items() if len(data) < 1_000_000}
    listed = [{"filename": name, "file_size": len(data)} for name, data in files.items()]
    request = {"user_id": "ana", "model_id": "net", "files": listed, **metadata(0)}
    plan = ana.post("/ai-models/upload/files", request).json
    ana.send(plan, files)
    assert ana.post(f"/ai-models/uploads/{plan['upload_id']}/complete").status == 200
    assert ana.put("/ai-models/ana/net", metadata(1)).status == 200
    assert ana.put("/ai-models/ana/net/access", {"users": ["bob"]}).status == 200
    made = [
        ana.post("/tokens", {"label": text[:100], "scopes": [READ]}).json
        for text in TEXTS
        if text.isprintable()
    ]
    document, labels = ana.get("/ai-models/ana/net").json, ana.get("/tokens").json

    table.delete_table()
    table.create_table()
    rebuild()

    monkeypatch.setattr(api_tokens, "_known", {})
    assert ana.get("/tokens").json == labels
    ana.token = made[0]["token"]
    assert ana.get("/ai-models/ana/net").json == document
    for name, data in each(files.items()):
        found = ana.request("GET", "/ai-models/ana/net/download", accept=BINARY, filename=name)
        assert (found.status, found.content) == (200, data)
    assert ana.request("GET", "/ai-models/ana/net/download", accept=BINARY).status == 200
    ana.token = bearer("bob", READ)
    assert ana.get("/ai-models/ana/net").json == document
