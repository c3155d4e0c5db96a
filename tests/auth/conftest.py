import pytest
from issuing import AUDIENCE, ISSUER, Issuer

from chalicelib.auth import keys, secret
from chalicelib.registry import clock
from chalicelib.settings import settings


def _forget():
    settings.cache_clear()
    keys._kept.cache_clear()
    secret._kept.cache_clear()


@pytest.fixture
def configure(monkeypatch):
    """Sets settings, by the names of their fields; what was kept from elsewhere is forgotten."""

    def set_them(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"WEIGHTHOUSE_{name.upper()}", value)
        _forget()

    yield set_them
    monkeypatch.undo()
    _forget()


@pytest.fixture
def issuer(configure):
    """An issuer that the settings name."""
    made = Issuer()
    configure(auth="jwt", jwt_issuer=ISSUER, jwt_audience=AUDIENCE, jwt_jwks_url=made.url)
    yield made
    made.close()


@pytest.fixture
def later(monkeypatch):
    """Lets seconds pass on the clock that says how old keys and secrets are."""
    passed = [0]
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + passed[0])

    def pass_seconds(seconds):
        passed[0] += seconds

    return pass_seconds
