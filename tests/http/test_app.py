"""The wiring: functions that AWS calls, and what a cold start loads."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

import app


@pytest.fixture
def handled(monkeypatch) -> list[tuple[str, float]]:
    calls: list[tuple[str, float]] = []
    tasks = ModuleType("chalicelib.registry.tasks")
    tasks.handle = lambda key, remaining_seconds: calls.append((key, remaining_seconds()))
    monkeypatch.setitem(sys.modules, "chalicelib.registry.tasks", tasks)
    monkeypatch.setattr("chalicelib.registry.tasks", tasks, raising=False)
    return calls


CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 1500)


def record(key: str) -> dict:
    return {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": key}}}


def test_every_object_of_an_event_is_handled_under_its_real_key(handled):
    app.on_object_created({"Records": [record("uploads/a+b.zip"), record("uploads/%C3%A4%2B%25")]}, CONTEXT)
    assert handled == [("uploads/a b.zip", 1.5), ("uploads/ä+%", 1.5)]


def test_the_test_event_that_s3_sends_first_is_nothing_to_handle(handled):
    app.on_object_created({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, CONTEXT)
    assert handled == []


def test_the_functions_have_the_names_that_the_template_gives_them():
    assert [function.name for function in app.app.pure_lambda_functions] == ["on_object_created", "sweep"]


def test_a_cold_start_loads_nothing_that_not_every_request_needs():
    heavy = ["boto3", "multipart", "chalicelib.http.openapi", "chalicelib.http.page"]
    code = f"import app, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
