"""Every URL we sign is the one that botocore would have signed."""

from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store import signing
from chalicelib.store.signing import Signer

KEYS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1), min_size=1
).map(lambda names: "/".join(name.replace("/", "_") for name in names))


def stores():
    for token in (None, "tok/en+=="):
        for endpoint in (None, "http://127.0.0.1:4566"):
            yield token, endpoint


@pytest.fixture(params=stores(), ids=str, scope="module")
def store(request):
    token, endpoint = request.param
    session = boto3.session.Session(
        aws_access_key_id="AK",
        aws_secret_access_key="secret",
        aws_session_token=token,
        region_name="eu-north-1",
    )
    style = {"addressing_style": "path" if endpoint else "auto"}
    client = session.client("s3", endpoint_url=endpoint, config=Config(signature_version="s3v4", s3=style))
    sample = client.generate_presigned_url("get_object", Params={"Bucket": "shelf", "Key": "k"})
    credentials = session.get_credentials().get_frozen_credentials
    return Signer(sample, "k", credentials), client, credentials()


def same(ours, theirs):
    left, right = urlsplit(ours), urlsplit(theirs)
    assert left[:3] == right[:3]
    assert sorted(parse_qsl(left.query)) == sorted(parse_qsl(right.query))


@given(
    key=KEYS, number=st.integers(1, 10_000), multipart_id=st.text(st.characters(codec="ascii"), min_size=1)
)
def test_part_urls(store, key, number, multipart_id):
    signer, client, _ = store
    ours = signer.url("PUT", key, {"uploadId": multipart_id, "partNumber": str(number)}, expires=77)
    parameters = {"Bucket": "shelf", "Key": key, "UploadId": multipart_id, "PartNumber": number}
    same(at_our_second(client, ours, "upload_part", parameters), ours)


@given(key=KEYS, disposition=st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1))
def test_download_urls(store, key, disposition):
    signer, client, _ = store
    ours = signer.url("GET", key, {"response-content-disposition": disposition}, expires=77)
    parameters = {"Bucket": "shelf", "Key": key, "ResponseContentDisposition": disposition}
    same(at_our_second(client, ours, "get_object", parameters), ours)


def test_headers_are_signed(store, monkeypatch):
    signer, _, credentials = store
    headers = {"content-type": "text/csv", "x-amz-checksum-crc32": "AAAAAA=="}
    ours = signer.url("PUT", "a b", {}, expires=60, headers=headers)
    bare = urlsplit(ours)._replace(query="").geturl()
    request = AWSRequest("PUT", bare, headers=headers)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: second_of(ours))
    S3SigV4QueryAuth(credentials, "s3", "eu-north-1", expires=60).add_auth(request)
    same(ours, request.url)


def test_a_new_second_and_new_credentials_are_noticed(store, monkeypatch):
    signer, _, _ = store
    urls = set()
    for now in (1_000_000_000, 1_000_000_001, 1_000_086_400):
        monkeypatch.setattr(signing.time, "time", lambda now=now: now)
        urls.add(signer.url("GET", "k", {}, expires=60))
    assert len(urls) == 3


def second_of(url):
    from datetime import UTC, datetime

    moment = dict(parse_qsl(urlsplit(url).query))["X-Amz-Date"]
    return datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def at_our_second(client, url, operation, parameters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: second_of(url))
        return client.generate_presigned_url(operation, Params=parameters, ExpiresIn=77)
