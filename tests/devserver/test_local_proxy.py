import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devserver.proxy import BadAnswer, Call, Context, http_answer, media_type, proxy_event
from devserver.routing import Match

BINARY = {"multipart/form-data", "application/octet-stream"}
MATCH = Match("/a/{x}", ("GET", "POST"), {"x": "1%202"})


def call(body: bytes = b"", query: str = "", **headers: str) -> Call:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Call("POST", "/a/1%202", query, pairs, body, "127.0.0.1")


def test_the_event_says_where_the_request_went() -> None:
    event = proxy_event(call(host="localhost:8000", user_agent="curl"), MATCH, BINARY, "id-1")
    assert event["resource"] == "/a/{x}"
    assert event["path"] == "/a/1%202"
    assert event["pathParameters"] == {"x": "1%202"}
    context = event["requestContext"]
    assert context["resourcePath"] == "/a/{x}"
    assert context["httpMethod"] == event["httpMethod"] == "POST"
    assert context["requestId"] == "id-1"
    assert context["domainName"] == "localhost:8000"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "curl"}


def test_what_was_not_sent_is_null() -> None:
    event = proxy_event(call(), Match("/a", ("GET",), {}), BINARY, "")
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body"):
        assert event[name] is None
    assert event["isBase64Encoded"] is False


def test_query_parameters_are_decoded_and_the_last_one_counts() -> None:
    event = proxy_event(call(query="a=1&a=2+3&b=%C3%A9&c="), MATCH, BINARY, "")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2 3"], "b": ["é"], "c": [""]}
    assert event["queryStringParameters"] == {"a": "2 3", "b": "é", "c": ""}


def test_a_query_that_is_no_utf8_stays_recognizable() -> None:
    event = proxy_event(call(query="a=%FF"), MATCH, BINARY, "")
    assert event["queryStringParameters"] == {"a": "\udcff"}


def test_headers_that_came_twice_are_all_there() -> None:
    twice = Call("GET", "/", "", [("x-a", "1"), ("x-a", "2")], b"", "")
    event = proxy_event(twice, MATCH, BINARY, "")
    assert event["multiValueHeaders"] == {"x-a": ["1", "2"]}
    assert event["headers"] == {"x-a": "2"}


@given(st.binary(min_size=1))
def test_a_binary_body_travels_as_base64(body: bytes) -> None:
    event = proxy_event(call(body, content_type="Multipart/Form-Data; boundary=x"), MATCH, BINARY, "")
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


@given(st.text(min_size=1))
def test_a_text_body_travels_as_text(text: str) -> None:
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    event = proxy_event(call(body, content_type="application/json"), MATCH, BINARY, "")
    assert (event["body"], event["isBase64Encoded"]) == (text, False)


def test_a_text_body_must_be_utf8() -> None:
    with pytest.raises(UnicodeDecodeError):
        proxy_event(call(b"\xff"), MATCH, BINARY, "")


def test_the_first_media_type_counts() -> None:
    assert media_type("Application/ZIP;q=1, */*") == "application/zip"
    assert media_type("") == ""


ENCODED = {"statusCode": 200, "body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True}


def test_base64_is_decoded_for_a_binary_accept_only() -> None:
    assert http_answer(ENCODED, "application/octet-stream, */*", BINARY)[2] == b"\xff"
    assert http_answer(ENCODED, "*/*, application/octet-stream", BINARY)[2] == b"/w=="
    assert http_answer(ENCODED, "", BINARY)[2] == b"/w=="


def test_headers_of_both_kinds_are_sent() -> None:
    answer = {"statusCode": 201, "headers": {"a": "1", "b": "2"}, "multiValueHeaders": {"b": ["3", "4"]}}
    assert http_answer(answer, "", BINARY) == (201, [("a", "1"), ("b", "3"), ("b", "4")], b"")


@pytest.mark.parametrize("answer", [None, {}, {"statusCode": "x"}, {"statusCode": 200, "body": 1}, []])
def test_what_is_no_answer_is_refused(answer: object) -> None:
    with pytest.raises(BadAnswer):
        http_answer(answer, "", BINARY)


def test_a_run_is_told_its_time() -> None:
    remaining = Context("f", 29).get_remaining_time_in_millis()
    assert 28_000 < remaining <= 29_000
    assert Context("f", 0).get_remaining_time_in_millis() == 0
