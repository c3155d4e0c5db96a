"""Every URL we sign is the one that botocore would have signed."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
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
    key=KEYS,
    number=st.integers(1, 10_000),
    multipart_id=st.text(st.characters(codec="ascii"), min_size=1),
    size=st.integers(0, 5 * 2**30),
)
def test_part_urls(store, key, number, multipart_id, size):
    signer, client, _ = store
    query = {"uploadId": multipart_id, "partNumber": str(number)}
    ours = signer.url("PUT", key, query, expires=77, size=size)
    parameters = {"Bucket": "shelf", "Key": key, "UploadId": multipart_id, "PartNumber": number}
    parameters["ContentLength"] = size
    same(at_our_second(client, ours, "upload_part", parameters), ours)


@given(key=KEYS, disposition=st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1))
def test_download_urls(store, key, disposition):
    signer, client, _ = store
    ours = signer.url("GET", key, {"response-content-disposition": disposition}, expires=77)
    parameters = {"Bucket": "shelf", "Key": key, "ResponseContentDisposition": disposition}
    same(at_our_second(client, ours, "get_object", parameters), ours)


@given(key=KEYS, multipart_id=st.text(st.characters(codec="ascii"), min_size=1), checksum=st.booleans())
def test_requests_of_our_own(store, key, multipart_id, checksum):
    signer, _, credentials = store
    own = {"x-amz-checksum-crc32": "AAAAAA=="} if checksum else {}
    query = {"uploadId": multipart_id, "partNumber": "7"}
    url, sent = signer.request("PUT", key, query, {"if-match": "e", **own})
    request = AWSRequest("PUT", url, headers=own)
    request.context["payload_signing_enabled"] = False
    with pytest.MonkeyPatch.context() as patch:
        moment = datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
        patch.setattr(S3SigV4Auth, "payload", lambda self, request: "UNSIGNED-PAYLOAD")
        S3SigV4Auth(credentials, "s3", "eu-north-1").add_auth(request)
    signature = request.headers["Authorization"]
    assert sent["authorization"] == signature
    assert sent.get("x-amz-security-token") == credentials.token


def test_a_new_second_and_new_credentials_are_noticed(store, monkeypatch):
    signer, _, _ = store
    urls = set()
    for now in (1_000_000_000, 1_000_000_001, 1_000_086_400):
        monkeypatch.setattr(signing.time, "time", lambda now=now: now)
        urls.add(signer.url("GET", "k", {}, expires=60))
    assert len(urls) == 3


def second_of(url):
    moment = dict(parse_qsl(urlsplit(url).query))["X-Amz-Date"]
    return datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def at_our_second(client, url, operation, parameters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: second_of(url))
        return client.generate_presigned_url(operation, Params=parameters, ExpiresIn=77)
