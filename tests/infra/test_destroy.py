"""`make destroy DATA=delete` empties a bucket with versions, whatever lies in it."""

import boto3
import pytest
from moto import mock_aws

from infra.destroy import _empty


@pytest.fixture
def s3(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.mark.parametrize("versioned", [True, False])
def test_versions_delete_markers_and_parts_go_page_by_page(s3, versioned):
    s3.create_bucket(Bucket="models")
    if versioned:
        s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    for number in range(25):
        s3.put_object(Bucket="models", Key=f"models/{number}/<Error>+ %2F🦊", Body=b"x")
    for number in range(0, 25, 5):
        s3.put_object(Bucket="models", Key=f"models/{number}/<Error>+ %2F🦊", Body=b"y")
    listed = [{"Key": f"models/{number}/<Error>+ %2F🦊"} for number in range(0, 25, 2)]
    s3.delete_objects(Bucket="models", Delete={"Objects": listed})
    s3.create_multipart_upload(Bucket="models", Key="uploads/0/archive.zip")
    # Pages of 1,000 are made short.
    s3.meta.events.register(
        "before-parameter-build.s3.ListObjectVersions", lambda params, **_: params.update(MaxKeys=7)
    )
    _empty(s3, "models")
    found = s3.list_object_versions(Bucket="models")
    assert (found.get("Versions"), found.get("DeleteMarkers")) == (None, None)
    assert s3.list_multipart_uploads(Bucket="models").get("Uploads") is None
    s3.delete_bucket(Bucket="models")
