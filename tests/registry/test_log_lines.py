"""What the functions log on Lambda: one JSON line each time, with metrics in it, and nothing secret."""

import json
import logging
import re
from contextvars import copy_context
from datetime import datetime

import pytest
import requests
from api import Context
from emf import metrics
from guarding import READ, WRITE, bearer, guard
from uploading import zipped

import app as service
from chalicelib import telemetry
from chalicelib.registry import versions
from chalicelib.registry.sweeping import journal
from chalicelib.store import wire
from chalicelib.telemetry import functions

WORKER, API = (("function", "on_object_created"),), (("function", "app"),)


@pytest.fixture
def lines(monkeypatch):
    """All that is written, each line parsed."""
    written = []
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(functions, "_write", None)
    monkeypatch.setattr(Context, "function_name", "app")
    telemetry.start(lambda text: written.append(json.loads(text)))
    return written


def deliver(api, monkeypatch, *keys):
    with monkeypatch.context() as patch:
        patch.setattr(Context, "function_name", "on_object_created")
        api.deliver(*keys)


def planned(api, lines, data=b"weights", **fields):
    body = {"user_id": "ana", "model_id": "iris", "name": "I", "filename": "m.pt", "file_size": len(data)}
    plan = api.post("/ai-models/upload/single", body | fields).json
    api.send(plan, {"m.pt": data})
    return plan["upload_id"]


def test_a_request_is_one_line_that_names_what_it_was_about(api, lines):
    api.upload(b"weights", version="v7")
    [line] = lines
    assert list(line)[:5] == ["timestamp", "level", "function", "request_id", "user"]
    assert datetime.fromisoformat(line["timestamp"]).utcoffset().total_seconds() == 0
    named = {
        name: line.get(name) for name in ("level", "function", "request_id", "method", "route", "status")
    }
    assert named == {
        "level": "INFO",
        "function": "app",
        "request_id": "test",
        "method": "POST",
        "route": "/ai-models/upload/single",
        "status": 200,
    }
    assert (line["user"], line["user_id"], line["model_id"], line["version"]) == ("ana", "ana", "iris", "v7")
    assert re.fullmatch("[0-9a-f]{32}", line["upload_id"])
    assert line["bytes_in"] > 7
    assert line["bytes_out"] > 100
    assert metrics(line) == {("latency", API): line["latency"]}


def test_a_line_has_the_address_that_connected_and_none_that_was_made_up(api, lines, monkeypatch):
    def forged(event, context, answer=service.app.__call__):
        event["headers"]["x-forwarded-for"] = event["headers"]["forwarded"] = "for=203.0.113.9"
        event["requestContext"]["identity"]["sourceIp"] = "198.51.100.7"
        return answer(event, context)

    monkeypatch.setattr("api.service.app", Forged(forged, service.app.routes))
    assert api.get("/ai-models/ana").status == 200
    [line] = lines
    assert line["address"] == "198.51.100.7"
    assert "203.0.113.9" not in json.dumps(line)


class Forged:
    """The app behind something that changes what it is called with."""

    def __init__(self, call, routes):
        self.call, self.routes = call, routes

    def __call__(self, event, context):
        return self.call(event, context)


def test_calls_to_aws_are_counted_as_they_are_made(api, lines, calls):
    api.upload(b"weights", description="alpha beta gamma")
    for path in (
        "/ai-models/ana/iris",
        "/ai-models/ana/iris?version=v1",
        "/ai-models/search/ana?query=alpha beta gamma",
        "/ai-models/ana/iris/download?version=v1",
        "/ai-models/-ana",
    ):
        lines.clear()
        with calls.counting() as counted:
            api.get(path)
        [line] = lines
        assert {name: of["calls"] for name, of in line["aws"].items()} == counted
        assert line["aws_calls"] == counted.total()
        assert line["aws_ms"] == pytest.approx(sum(of["ms"] for of in line["aws"].values()), abs=0.3)
        assert line["route"].count("{user_id}") == 1


def test_the_version_is_known_where_the_query_has_one_and_nothing_else_of_it(api, lines):
    api.get("/ai-models/ana/iris?version=v1")
    api.get("/ai-models/ana/iris?version=..%2Fsecret")
    api.get("/ai-models/search/ana?query=private words&tags=private")
    assert lines[0]["version"] == "v1"
    assert "version" not in lines[1]
    assert "secret" not in json.dumps(lines)
    assert "private" not in json.dumps(lines)


def test_an_upload_can_be_followed_from_its_plan_through_the_worker(api, lines, monkeypatch):
    packed = zipped({"a.pt": b"1" * 5000, "b.pt": b"2" * 50})
    body = {"user_id": "ana", "model_id": "net", "name": "N", "file_size": len(packed)}
    plan = api.post("/ai-models/upload/folder", body).json
    api.send(plan, {"archive.zip": packed})
    upload_id = plan["upload_id"]
    assert api.post(f"/ai-models/uploads/{upload_id}/complete").status == 202
    deliver(api, monkeypatch)
    assert [line["upload_id"] for line in lines] == [upload_id] * 3
    assert [(line["user"], line["model_id"], line["version"]) for line in lines] == [("ana", "net", "v1")] * 3
    plan_line, complete_line, worker_line = lines
    assert metrics(plan_line)["planned_bytes", API] == len(packed)
    assert complete_line["status"] == 202
    assert worker_line["task"] == f"uploads/{upload_id}/archive.zip"
    assert metrics(worker_line)["unpacked_bytes", WORKER] == 5050
    # What the threads of the run did is in it.
    assert worker_line["aws"]["PutObject"]["calls"] >= 2
    assert api.get("/ai-models/ana/net").status == 200


def test_an_upload_that_fails_is_counted_by_its_reason(api, lines, monkeypatch):
    upload_id = planned(api, lines, file_hash="0" * 64)
    assert api.post(f"/ai-models/uploads/{upload_id}/complete").status == 400
    packed = zipped({"a.pt": b"1" * 50}).replace(b"1" * 50, b"2" * 50)
    body = {"user_id": "ana", "model_id": "net", "name": "N", "file_size": len(packed)}
    plan = api.post("/ai-models/upload/folder", body).json
    api.send(plan, {"archive.zip": packed})
    api.post(f"/ai-models/uploads/{plan['upload_id']}/complete")
    deliver(api, monkeypatch)
    refused, unpacked = lines[1], lines[-1]
    assert metrics(refused)["failures", (*API, ("reason", "HashMismatch"))] == 1
    assert metrics(unpacked)["failures", (*WORKER, ("reason", "InvalidArchive"))] == 1
    assert "unpacked_bytes" not in unpacked
    # Whoever sent it is told; it is no fault of the service.
    assert {refused["level"], unpacked["level"]} == {"INFO"}


def test_what_a_client_does_wrong_names_the_error_and_is_no_failure(api, lines):
    api.get("/ai-models/ana/nope")
    [line] = lines
    assert (line["status"], line["error"]) == (404, "NotFound")
    assert not {"failures", "reason", "log", "trace"} & set(line)


def test_a_request_that_fails_has_the_trace_in_its_line(api, lines, monkeypatch):
    def broken(*args):
        raise RuntimeError("see http://store/b/k?X-Amz-Signature=abc&X-Amz-Security-Token=def")

    monkeypatch.setattr(versions, "get", broken)
    assert api.get("/ai-models/ana/iris").status == 500
    [line] = lines
    assert (line["level"], line["status"], line["error"]) == ("ERROR", 500, "RuntimeError")
    assert line["trace"].startswith("Traceback")
    assert line["trace"].endswith("RuntimeError: see http://store/b/k…\n")
    assert line["log"][0]["message"] == "Request test failed"
    assert metrics(line)["failures", (*API, ("reason", "RuntimeError"))] == 1


def test_a_busy_store_is_a_failure_by_that_name(api, lines, monkeypatch):
    def out_of_reach(*args):
        raise wire.OutOfReach("no route to host")

    monkeypatch.setattr(versions, "get", out_of_reach)
    assert api.get("/ai-models/ana/iris").status == 503
    [line] = lines
    assert (line["level"], line["reason"]) == ("WARNING", "StoreBusy")
    assert "no route to host" in line["trace"]


def test_a_run_that_is_to_be_tried_again_writes_its_line_all_the_same(api, lines, monkeypatch):
    monkeypatch.setattr("chalicelib.registry.tasks.handle", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        deliver(api, monkeypatch, "tasks/verify/x")
    [line] = lines
    assert (line["level"], line["error"], line["failures"]) == ("ERROR", "ZeroDivisionError", 1)
    assert line["trace"].endswith("ZeroDivisionError: division by zero\n")


def test_a_sweep_writes_only_when_there_was_something_to_do(api, lines, monkeypatch):
    service.sweep({}, Context())
    assert lines == []

    def broken(now):
        entry = journal.Entry(("journal", "key"), "upload", "x", None, None)
        monkeypatch.setattr("chalicelib.registry.sweeping._settle", lambda entry: 1 / 0)
        return [entry] * 30

    monkeypatch.setattr(journal, "due", broken)
    service.sweep({}, Context())
    [line] = lines
    assert (line["level"], line["failures"], line["reason"]) == ("ERROR", 30, "ZeroDivisionError")
    assert (len(line["log"]), line["log_left_out"]) == (20, 10)
    assert "trace" not in line["log"][0], "it is the line's own"
    assert line["log"][1]["trace"].startswith("Traceback")


def test_what_is_logged_outside_of_a_request_is_a_line_of_its_own(lines):
    logging.getLogger("elsewhere").warning("Token %s expires", "wh_0123456789abcdef")
    [line] = lines
    assert set(line) == {"timestamp", "level", "logger", "message"}
    assert line["message"] == "Token … expires"


def test_nothing_is_recorded_where_no_line_is_written(api, monkeypatch):
    seen = []
    monkeypatch.setattr(versions, "get", lambda *args: seen.append(copy_context()) or 1 / 0)
    assert api.get("/ai-models/ana/iris").status == 500
    assert not any(variable.name == "record" and value for variable, value in seen[0].items())


def test_a_line_is_written_at_once_and_whole(lines, capsys):
    telemetry.start()
    logging.getLogger("x").error("first\nsecond")
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert json.loads(out)["message"] == "first\nsecond"
    assert out.count("\n") == 1


def test_no_secret_is_in_the_log_of_all_that_can_be_done(api, lines, monkeypatch):
    sent = []

    class Watched(requests.Session):
        def send(self, request, **how):
            sent.append(request.url)
            return super().send(request, **how)

    monkeypatch.setattr(requests, "put", lambda url, **how: Watched().put(url, **how))
    upload_id = planned(api, lines, description="a private description", tags=["private-tag"])
    api.post(
        f"/ai-models/uploads/{upload_id}/parts", {"files": [{"filename": "m.pt", "first": 1, "last": 1}]}
    )
    api.get(f"/ai-models/uploads/{upload_id}/parts?limit=7")
    api.post(f"/ai-models/uploads/{upload_id}/complete")
    api.put("/ai-models/ana/iris?version=v1", {"custom_metadata": {"k": "private value"}})
    api.get("/ai-models/search/ana?query=private")
    file = api.get("/ai-models/ana/iris/download?filename=m.pt&version=v1")
    whole = api.get("/ai-models/ana/iris/download")
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/ai-models/{user_id}", "requestId": "test"},
        "pathParameters": {"user_id": "ana"},
        "headers": {"Authorization": "Bearer eyJhbGciOi.eyJzdWIi.c2ln", "Cookie": "private"},
        "body": None,
    }
    assert service.app(event, Context())["statusCode"] == 200
    api.delete("/ai-models/ana/iris", version="v1")
    assert (file.status, whole.status) == (307, 307)
    assert len(lines) == 10
    text = json.dumps(lines)
    links = [*sent, file.headers["location"], whole.headers["location"]]
    secrets = [part for link in links for part in link.partition("?")[2].split("&")]
    assert len(secrets) > 15
    assert not [secret for secret in secrets if secret in text]
    assert not re.search(r"X-Amz|Signature|private|Bearer|eyJ|limit=|filename|\?", text)


def test_the_caller_is_named_and_their_token_is_not(api, lines, monkeypatch, tmp_path):
    guard(monkeypatch, tmp_path)
    api.token = person = bearer("ana", WRITE)
    made = api.post("/tokens", {"label": "a private label", "scopes": [READ]}).json
    api.token = made["token"]
    assert api.get("/ai-models/ben").status == 200
    assert api.delete("/ai-models/ben/iris").status == 403
    api.token = person[:-4]
    assert api.get("/ai-models/ben").status == 401
    callers = [(line.get("user"), line["status"], line.get("error")) for line in lines]
    assert callers == [
        ("ana", 201, None),
        ("ana", 200, None),
        ("ana", 403, "InsufficientScope"),
        (None, 401, "InvalidToken"),
    ]
    log = json.dumps(lines)
    for secret in (made["token"], made["token"][15:], person, person.rpartition(".")[2], "a private label"):
        assert secret not in log
