"""GET /health says which store fails, also by its status."""

import pytest
from events import call

from app import app
from chalicelib.registry import health
from chalicelib.schema.documents import Health


@pytest.mark.parametrize(("service", "status"), [("ok", 200), ("degraded", 503)])
def test_the_status_says_whether_all_is_well(monkeypatch, service, status):
    monkeypatch.setattr(health, "check", lambda: Health(service=service, bucket="ok", table=service))
    reply = call(app, "GET", "/health")
    assert reply.status == status
    assert reply.json() == {"service": service, "bucket": "ok", "table": service}
    assert ("Retry-After" in reply.headers) is (status == 503)
