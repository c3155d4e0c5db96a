"""Signatures as botocore makes them hold, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.signing import Signer
from devserver.signatures import Keys, NotSigned, Request, claim
from devserver.visitors import by_name

KEYS = Keys("WHKEY", "a secret")
OWN = Credentials(KEYS.id, KEYS.secret)
HOST = "127.0.0.1:4566"
URL = f"http://{HOST}/weighthouse/models/me/m/v1/%C3%BC%20%2B~.bin"
NOW = datetime.now(UTC)


def received(method: str, url: str, headers: Any) -> Request:
    parts = urlsplit(url)
    named = by_name([("Host", HOST), *headers])
    return Request(method, parts.path, parts.query, named)


def signed(method: str = "GET", url: str = URL, credentials: Any = OWN, data: bytes = b"") -> Request:
    request = AWSRequest(method, url, headers={"x-amz-meta-a": " two  words "}, data=data)
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    return received(method, url, request.headers.items())


def presigned(
    method: str = "PUT", url: str = f"{URL}?partNumber=1&uploadId=x%2B%2F", expires: int = 60
) -> Request:
    request = AWSRequest(method, url)
    S3SigV4QueryAuth(OWN, "s3", "us-east-1", expires).add_auth(request)
    return received(method, request.url, [])


def check(request: Request, now: datetime = NOW, payload: str = "") -> None:
    claimed = claim(request)
    claimed.check(KEYS, now, claimed.payload or payload)


@pytest.mark.parametrize("query", ["", "?list-type=2&prefix=a%2Fb&delimiter=", "?uploads", "?b=2&a=1&a=0"])
def test_what_botocore_signs_holds(query: str) -> None:
    check(signed(url=URL + query))
    check(signed("PUT", URL + query, data=b"content"))
    check(presigned("GET", URL + query))


def test_what_the_service_signs_holds() -> None:
    request = AWSRequest("GET", f"http://{HOST}/weighthouse/key")
    S3SigV4QueryAuth(OWN, "s3", "us-east-1", 60).add_auth(request)
    signer = Signer(request.url, "key", OWN.get_frozen_credentials)
    query = {"partNumber": "1", "uploadId": "a+/ü"}
    check(received("PUT", signer.url("PUT", "models/ü +/x", query, expires=60), []))
    url, headers = signer.request("PUT", "models/ü +/x", query, {"x-amz-copy-source": "a/b", "if-match": "x"})
    check(received("PUT", url, headers.items()))


def test_a_body_that_its_signature_covers_alone_is_checked_by_its_hash() -> None:
    request = AWSRequest("POST", f"http://{HOST}/", headers={"X-Amz-Target": "DynamoDB.PutItem"}, data=b"{}")
    signer = SigV4Auth(OWN, "dynamodb", "us-east-1")
    signer.add_auth(request)
    held = received("POST", request.url, request.headers.items())
    assert claim(held).payload is None
    check(held, payload=signer.payload(request))
    with pytest.raises(NotSigned, match="another request"):
        check(held, payload="0" * 64)


@pytest.mark.parametrize("made", [signed, presigned])
def test_a_signature_is_for_one_request_only(made: Any) -> None:
    held = made()
    others = [
        replace(held, method="DELETE"),
        replace(held, method="HEAD"),
        replace(held, path=held.path + "x"),
        replace(held, path="/weighthouse/models/me/m/v2/x"),
        replace(held, path=held.path.replace("%20", "%2520")),
        replace(held, query=f"{held.query}&acl"),
        replace(held, query=f"{held.query}&partNumber=2"),
        replace(held, query=held.query.replace("partNumber=1", "partNumber=2") + "&a=b"),
        replace(held, headers={**held.headers, "host": "localhost:4566"}),
        replace(held, headers={**held.headers, "x-amz-copy-source": "/weighthouse/models/you/secret"}),
        replace(held, headers={**held.headers, "x-amz-target": "DynamoDB_20120810.Scan"}),
        replace(held, headers={**held.headers, "x-amz-date": "20200101T000000Z"}),
    ]
    for other in others:
        with pytest.raises(NotSigned):
            check(other)
    check(held)


def test_a_signed_header_is_as_it_was() -> None:
    held = signed()
    for value in ("two words", "three  words"):
        other = replace(held, headers={**held.headers, "x-amz-meta-a": value})
        if value == "two words":
            check(other)
        else:
            with pytest.raises(NotSigned):
                check(other)


@pytest.mark.parametrize("credentials", [Credentials("WHKEY", "another"), Credentials("ANOTHER", "a secret")])
def test_other_keys_are_refused(credentials: Credentials) -> None:
    with pytest.raises(NotSigned, match="keys"):
        check(signed(credentials=credentials))


def test_a_signature_has_its_time() -> None:
    minutes = [timedelta(minutes=count) for count in (14, 17)]
    now = datetime.now(UTC)
    for request in (signed(), presigned(expires=900)):
        check(request, now + minutes[0])
        check(request, now - minutes[0])
        for other in (now + minutes[1], now - minutes[1]):
            with pytest.raises(NotSigned, match="expired"):
                check(request, other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=60", "X-Amz-Expires="),
        ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("%2B", "+"),
        ("SignedHeaders=host", "SignedHeaders="),
        ("SignedHeaders=host", "SignedHeaders=date"),
        ("aws4_request", "aws4"),
        ("X-Amz-Date=2", "X-Amz-Date=x"),
        ("X-Amz-Signature", "x-amz-signature"),
    ],
)
def test_a_url_whose_words_were_changed_is_refused(name: str, value: str) -> None:
    held = presigned()
    assert name in held.query
    with pytest.raises(NotSigned):
        check(replace(held, query=held.query.replace(name, value)))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic dGVzdDp0ZXN0",
        "AWS4-HMAC-SHA256 Credential=WHKEY/20260101/us-east-1/s3/aws4_request",
        "AWS4-HMAC-SHA256 Credential=WHKEY, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS WHKEY:c2lnbmF0dXJl",
    ],
)
def test_a_header_that_is_no_signature_is_refused(authorization: str) -> None:
    with pytest.raises(NotSigned):
        check(Request("GET", "/weighthouse/x", "", {"host": HOST, "authorization": authorization}))


def test_a_url_is_for_seven_days_at_most() -> None:
    check(presigned(expires=604_800))
    with pytest.raises(NotSigned, match="how long"):
        check(presigned(expires=604_801))


def test_no_signature_and_two_of_them_are_refused() -> None:
    with pytest.raises(NotSigned, match="has no signature"):
        check(Request("GET", "/weighthouse/x", "", {"host": HOST}))
    held = presigned()
    with pytest.raises(NotSigned, match="cannot be read"):
        check(replace(held, headers={**held.headers, **signed("PUT").headers}))


HEADERS = st.dictionaries(
    st.sampled_from(["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-\udcff"]), st.text()
)


@given(st.text(), st.text(), HEADERS, st.sampled_from(["s3", "dynamodb"]), st.text())
def test_nothing_that_is_sent_is_more_than_refused(
    path: str, query: str, headers: dict[str, str], service: str, word: str
) -> None:
    scope = f"{KEYS.id}/{NOW:%Y%m%d}/us-east-1/{service}/aws4_request"
    named = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    timed = {"host": HOST, "authorization": named, "x-amz-date": f"{NOW:%Y%m%dT%H%M%SZ}"}
    signed_query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={NOW:%Y%m%dT%H%M%SZ}&X-Amz-Expires=60"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature={quote(word)}"
    )
    for request in (
        Request("GET", path, query, headers),
        Request("GET", path, query, {**headers, **timed}),
        Request("GET", path, query, timed),
        Request("GET", path, f"{query}&{signed_query}", {"host": HOST}),
    ):
        with pytest.raises(NotSigned):
            check(request)


def test_the_secret_is_not_shown() -> None:
    assert KEYS.secret not in repr(KEYS)
