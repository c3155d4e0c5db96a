"""The whole service in this process, on moto's S3 and DynamoDB: quick, and every AWS call can be counted."""

import pytest
from api import Api, CallCounter
from moto import mock_aws


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("WEIGHTHOUSE_FORM_LIMIT", "20000000")
    from chalicelib.settings import settings
    from chalicelib.store import objects, table

    def forget():
        settings.cache_clear()
        objects.client.cache_clear()
        objects._presigner.cache_clear()
        table.Row._connection = None

    with mock_aws():
        forget()
        table.create_table()
        objects.create_bucket()
        yield
    forget()


@pytest.fixture
def api(aws):
    """A client of the service; it plays the bucket's notifications too."""
    return Api()


@pytest.fixture
def calls():
    """Counts AWS calls while it is entered."""
    return CallCounter()
