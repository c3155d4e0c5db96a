"""GET /health says which store fails, also by its status."""

from events import call

from app import app
from chalicelib.store import bucket, table


def test_both_stores_answer(monkeypatch):
    monkeypatch.setattr(bucket, "ping", lambda: None)
    monkeypatch.setattr(table, "ping", lambda: None)
    reply = call(app, "GET", "/health")
    assert reply.status == 200
    assert reply.json() == {"service": "ok", "bucket": "ok", "table": "ok", "detail": None}
    assert "Retry-After" not in reply.headers


def test_a_store_that_fails_is_named_without_its_address(monkeypatch):
    def fail() -> None:
        raise OSError("http://10.0.0.7:4566 refused")

    monkeypatch.setattr(bucket, "ping", lambda: None)
    monkeypatch.setattr(table, "ping", fail)
    reply = call(app, "GET", "/health")
    assert reply.status == 503
    assert reply.headers["Retry-After"] == "2"
    assert reply.json()["detail"] == "bucket: ok; table: unreachable (OSError)"
