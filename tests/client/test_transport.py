"""What the client makes of a service and a store that fail, break off, or answer what they were not asked."""

from itertools import count

import pytest
from each import each
from pretender import CUT, LOST, TRUE, Pretender, Say, once, refusal
from urllib3 import HTTPResponse

from weighthouse import (
    Client,
    ContentMismatch,
    InvalidAnswer,
    InvalidInput,
    NotFound,
    ServiceError,
    StoreRefused,
    Unavailable,
    Unreachable,
    __version__,
)
from weighthouse.errors import of_status
from weighthouse.patience import Patience, Transient
from weighthouse.pull.source import Source
from weighthouse.transport import Transport

FILES = {"a": b"0123456789", "b": b"b" * 5, "c": b"c"}


@pytest.fixture
def pretended():
    with Pretender(FILES) as pretender:
        yield pretender


@pytest.fixture
def client(pretended, clock):
    with Client(pretended.url) as made:
        yield made


def ranged(start, stop, total, data):
    return Say(206, data, (("Content-Range", f"bytes {start}-{stop - 1}/{total}"),))


def received(client, pretended, start, stop):
    """A range of a file of ten bytes."""
    blocks = []
    source = Source(client.transport, "a", 10, pretended._url("a"), pytest.fail)
    source.read(start, stop, blocks.append, Patience())
    return b"".join(blocks)


@pytest.mark.parametrize(
    "other",
    [
        ranged(0, 4, 10, b"0123"),
        ranged(2, 5, 10, b"234"),
        ranged(2, 7, 10, b"23456"),
        ranged(3, 6, 10, b"345"),
        Say(206, b"2345"),
        Say(206, b"2345", (("Content-Range", "bytes 2-5/*"),)),
        Say(206, b"2345", (("Content-Range", "items 2-5/10"),)),
        Say(206, b"2345678", (("Content-Range", "bytes 2-5/10"),)),
        Say(200, b"0123456789"),
        Say(200, b"a\r\n0123456789\r\n0\r\n\r\n", (("Transfer-Encoding", "chunked"),)),
    ],
)
def test_other_bytes_than_were_asked_for_are_not_used(client, pretended, clock, other):
    pretended.script("GET", "^/store/", other, TRUE, then=other)
    assert received(client, pretended, 2, 6) == b"2345"
    began = clock.now
    with pytest.raises(InvalidAnswer, match=r"was asked for bytes 2-5 of 10, and answered with"):
        received(client, pretended, 2, 6)
    assert clock.now - began == 10


@pytest.mark.parametrize(
    "other", [ranged(0, 10, 11, b"0123456789"), Say(200, b"0123456789+"), ranged(0, 9, 9, b"012345678")]
)
def test_an_object_of_another_size_is_another_object(client, pretended, clock, other):
    pretended.script("GET", "^/store/", then=other)
    with pytest.raises(StoreRefused, match=r"has (9|11) bytes and not 10") as refused:
        client.transport.get(pretended._url("a"), 0, 10, 10)
    assert refused.value.status == 416
    with pytest.raises(ContentMismatch, match="'a' was replaced"):
        received(client, pretended, 0, 10)
    assert clock.waits == []


def test_a_store_that_knows_no_ranges_does_for_the_beginning_alone(client, pretended):
    pretended.script("GET", "^/store/", then=Say(200, FILES["a"]))
    assert received(client, pretended, 0, 10) == FILES["a"]
    assert received(client, pretended, 0, 4) == b"0123"


def test_a_whole_object_of_unknown_length_is_not_used(client, pretended):
    chunks = Say(200, b"a\r\n0123456789\r\n0\r\n\r\n", (("Transfer-Encoding", "chunked"),))
    pretended.script("GET", "^/store/", then=chunks)
    with pytest.raises(InvalidAnswer, match="was asked for bytes 0-9 of 10"):
        received(client, pretended, 0, 10)


def test_bytes_are_used_as_they_are_stored(client, pretended):
    known = ("Content-Range", "bytes 2-5/10"), ("Content-Encoding", "gzip")
    pretended.script("GET", "^/store/", then=Say(206, b"2345", known))
    assert received(client, pretended, 2, 6) == b"2345"


def page(of, count, token, **more):
    return Say(200, {of: [{}] * count, "next_token": token, **more})


def listed(client, of, **options):
    return client.transport.pages("/list", of, query={}, **options)


@pytest.mark.parametrize("of", ["files", "models"])
def test_a_list_that_names_a_page_again_is_ended(client, pretended, of):
    pretended.script("GET", "^/list", page(of, 1, "a"), page(of, 1, "b"), then=page(of, 1, "a"))
    asked = listed(client, of)
    assert len([next(asked), next(asked)]) == 2
    with pytest.raises(InvalidAnswer, match=r"/list without end, at 'a': tell its operator"):
        next(asked)
    assert [request.path for request in pretended.asked] == [
        "/list?limit=1000", "/list?limit=1000&next_token=a", "/list?limit=1000&next_token=b",
    ]  # fmt: skip


def test_a_page_without_files_is_the_last_or_a_fault(client, pretended):
    pretended.script("GET", "^/list", page("files", 0, None), then=page("files", 0, "a"))
    assert len(list(listed(client, "files"))) == 1
    with pytest.raises(InvalidAnswer, match="without end"):
        next(listed(client, "files"))
    pretended.script("GET", "^/other", page("files", 1, "a"), page("files", 0, "b"))
    asked = client.transport.pages("/other", "files", query={})
    assert len(next(asked)["files"]) == 1
    with pytest.raises(InvalidAnswer, match="without end, at 'b'"):
        next(asked)


def test_a_list_has_no_more_files_than_it_says(client, pretended):
    tokens = map(str, count())
    pretended.script("GET", "^/list", then=lambda _: page("files", 1, next(tokens), files_total=3))
    pretended.script("GET", "^/other", then=lambda _: page("files", 1, next(tokens)))
    asked = listed(client, "files")
    assert len([next(asked), next(asked), next(asked)]) == 3
    with pytest.raises(InvalidAnswer, match="without end"):
        next(asked)
    asked = client.transport.pages("/other", "files", query={}, most=2)
    assert len([next(asked), next(asked)]) == 2
    with pytest.raises(InvalidAnswer, match="without end"):
        next(asked)


def test_a_filter_may_leave_pages_empty_but_not_for_ever(client, pretended, monkeypatch):
    monkeypatch.setattr("weighthouse.transport._EMPTY", 20)
    tokens = map(str, count())
    some = [page("models", 0, next(tokens)) for _ in range(9)]
    pretended.script("GET", "^/list", *some, page("models", 1, "x"), page("models", 0, None))
    pretended.script("GET", "^/list", then=lambda _: page("models", 0, next(tokens)))
    assert len(list(listed(client, "models", first=7))) == 11
    assert [request.path[:15] for request in pretended.asked[:2]] == ["/list?limit=7", "/list?limit=100"]
    with pytest.raises(InvalidAnswer, match="without end"):
        list(listed(client, "models"))
    assert len(pretended.asked) == 11 + 21


SHORT = Say(200, b'{"model_id": "oth', (("Content-Length", "99"),))
GARBLED = Say(200, b"zz\r\n", (("Transfer-Encoding", "chunked"),))
PASSING = [CUT, LOST, SHORT, GARBLED, *(Say(status) for status in (408, 429, 500, 502, 503, 504))]


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_asked_for_again(client, pretended, clock, fault):
    pretended.script("GET", "/u/m", fault, fault, fault)
    assert client.get("u", "m").model_id == "m"
    assert clock.waits == [0.2, 0.4, 0.8]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 418])
def test_what_will_not_pass_is_not_asked_for_again(client, pretended, clock, status):
    said = {"detail": "what to do"}
    pretended.script("GET", "/u/m", Say(status, said, (("X-Request-Id", "it"), ("Retry-After", "1"))))
    with pytest.raises(ServiceError, match=r"^what to do$") as refused:
        client.get("u", "m")
    assert (refused.value.status, refused.value.request_id) == (status, "it")
    assert type(refused.value) is type(of_status(status, ""))
    assert clock.waits == []


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"detail": "busy"}, "busy"),
        ({"message": "Endpoint request timed out"}, "Endpoint request timed out"),
        (b"<html>", "The service answered 503 Service Unavailable"),
        (["busy"], "The service answered 503 Service Unavailable"),
        ({"error": "busy"}, "The service answered 503 Service Unavailable"),
    ],
)
def test_what_does_not_pass_is_told_in_the_end(client, pretended, clock, said, detail):
    pretended.script("GET", "/u/m", then=Say(503, said))
    with pytest.raises(Unavailable, match=rf"^{detail} \(tried 13 times\)$"):
        client.get("u", "m")
    assert sum(clock.waits) == pytest.approx(120)


def test_a_service_that_says_when_to_come_again_is_heeded(client, pretended, clock):
    answers = [Say(503, None, (("Retry-After", after),)) for after in ("7", "600", "soon", "-5")]
    pretended.script("GET", "/u/m", *answers)
    client.get("u", "m")
    assert clock.waits == [pytest.approx(wait) for wait in (7.2, 60.4, 0.8, 1.6)]


def test_an_address_where_nothing_answers_is_tried_for_seconds_and_one_that_did_for_minutes(
    client, pretended, clock
):
    pretended.script("GET", "/u/m", CUT, TRUE, then=CUT)
    client.get("u", "m")
    del clock.waits[:]
    with pytest.raises(
        Unreachable, match=rf"^{pretended.url} can't be reached: Remote end .* \(tried 13 times\)$"
    ):
        client.get("u", "m")
    assert sum(clock.waits) == pytest.approx(120)
    del clock.waits[:]
    with Client(pretended.url) as other, pytest.raises(Unreachable, match=r"\(tried 7 times\)"):
        other.get("u", "m")
    assert sum(clock.waits) == pytest.approx(10)


def test_a_service_that_is_busy_at_first_is_not_taken_for_a_wrong_address(client, pretended, clock):
    pretended.script("GET", "/u/m", Say(503, None, (("Retry-After", "30"),)), CUT)
    assert client.get("u", "m").model_id == "m"


def test_a_deletion_whose_answer_was_lost_is_one(client, pretended):
    gone = Say(404, {"detail": "no such version"})
    pretended.script("DELETE", "/u/m", LOST, gone, gone, Say(200, {"versions": ["v1", "v2"]}))
    assert client.delete("u", "m", "v1") == ["v1"]
    with pytest.raises(NotFound):
        client.delete("u", "m", "v1")
    assert client.delete("u", "m", all_versions=True) == ["v1", "v2"]
    pretended.script("GET", "/u/m", Say(503), gone)
    with pytest.raises(NotFound):
        client.get("u", "m")


def test_a_link_to_what_is_not_ready_is_waited_for(client, pretended, clock):
    being_made = Say(202, {"detail": "is being made"}, (("Retry-After", "5"),))
    pretended.script("GET", "/download", being_made, Say(503), being_made)
    assert client.download_url("u", "m", "a") == pretended._url("a")
    assert clock.waits == [pytest.approx(wait) for wait in (5.2, 0.4, 5.8)]
    pretended.script("GET", "/download", then=being_made)
    with pytest.raises(Unreachable, match="/u/m/download is still being made: try again later"):
        client.download_url("u", "m", "a")


def test_an_answer_that_is_no_json_is_not_weighthouse(client, pretended, clock):
    pretended.script("GET", "/u/m", Say(200, b"<html>"))
    with pytest.raises(Unreachable, match=r"http://.* does not answer as Weighthouse does"):
        client.get("u", "m")
    assert clock.waits == []


def test_requests_say_who_asks_and_what_they_hold(pretended):
    with Client(f"{pretended.url}/", "secret") as client:
        pretended.script("PUT", "/u/m", Say(200, client.transport.ask("GET", "/ai-models/u/m")))
        client.update("u", "m", "v1", name="ü")
        list(received(client, pretended, 0, 4))
    get, put, store = pretended.asked
    agent = f"weighthouse/{__version__}"
    assert (get.path, put.path) == ("/ai-models/u/m", "/ai-models/u/m?version=v1")
    for asked in (get, put):
        said = [asked.headers.get(name) for name in ("Authorization", "Accept", "User-Agent")]
        assert said == ["Bearer secret", "application/json", agent]
    assert (put.headers["Content-Type"], put.size) == ("application/json", len('{"name":"\\u00fc"}'))
    assert "Content-Type" not in get.headers
    assert "Authorization" not in store.headers
    assert store.headers["User-Agent"] == agent


@pytest.mark.parametrize("url", ["ftp://host", "host:8000", "http://", "https:/host"])
def test_an_address_that_is_none_is_refused(url):
    for made in each((Client, lambda url: Transport(url, None))):
        with pytest.raises(InvalidInput, match="it must be like https://host/stage"):
            made(url)


def test_a_host_that_can_not_be_trusted_is_not_asked_again(pretended, clock):
    client = Client(pretended.url.replace("http:", "https:"))
    with pytest.raises(Unreachable, match="can't be trusted"):
        client.get("u", "m")
    assert clock.waits == []


@pytest.fixture
def proxied(monkeypatch):
    """A proxy that the environment names, and what it was asked for."""
    with Pretender(FILES) as proxy:
        for name in ("http_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        yield proxy


def test_requests_go_through_the_proxy_that_the_environment_names(proxied, clock):
    proxied.script("GET", "^http://models.test/ai-models/u/m", Say(200, proxied.document("u", "m")))
    with Client("http://models.test") as client:
        assert client.get("u", "m").model_id == "m"
    (asked,) = proxied.asked
    assert asked.path == "http://models.test/ai-models/u/m"
    with Client("https://models.test") as client, pytest.raises(Unreachable):
        client.get("u", "m")
    assert {(asked.method, asked.path) for asked in proxied.asked[1:]} == {("CONNECT", "models.test:443")}


def test_hosts_that_the_environment_excepts_are_asked_without_a_proxy(proxied, pretended, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Client(pretended.url) as client:
        client.get("u", "m")
    assert (len(pretended.asked), proxied.asked) == (1, [])


@pytest.mark.parametrize("fault", [0.1, 0.5, CUT, refusal(503, "SlowDown"), refusal(400, "RequestTimeout")])
def test_a_range_that_breaks_off_is_resumed(client, pretended, fault, clock):
    if isinstance(fault, float):
        pretended.faults = [once(fault)]
    else:
        pretended.script("GET", "^/store/", fault)
    assert received(client, pretended, 1, 9) == FILES["a"][1:9]
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    "answer", [refusal(400, "InvalidArgument"), refusal(404, "NoSuchKey"), Say(204), Say(302)]
)
def test_a_range_that_is_refused_is_an_error_that_names_the_file(client, pretended, answer, clock):
    pretended.script("GET", "^/store/", answer)
    with pytest.raises(
        StoreRefused, match=rf"^'a': The store at http://[0-9.:]+ answered {answer.status} \w+"
    ) as refused:
        received(client, pretended, 1, 9)
    assert refused.value.status == answer.status
    assert clock.waits == []


def test_a_connection_is_kept_for_the_next_request(client, pretended):
    client.get("u", "m")
    received(client, pretended, 0, 10)
    with pytest.raises(NotFound):
        client.transport.ask("POST", "/ai-models/uploads/x/complete")
    client.get("u", "m")
    assert len({asked.port for asked in pretended.asked}) == 1
    client.close()
    client.get("u", "m")
    assert len({asked.port for asked in pretended.asked}) == 2


def test_a_range_is_of_the_object_that_is_known(client, pretended):
    source = Source(client.transport, "a", 10, pretended._url("a"), pytest.fail)
    for start in (0, 5):
        source.read(start, start + 5, len, Patience())
    assert [headers.get("If-Match") for *_, headers in pretended.requests] == [None, '"one"']
    pretended.etags["a"] = '"two"'
    with pytest.raises(ContentMismatch, match="replaced"):
        source.read(0, 5, len, Patience())


def test_an_answer_that_should_be_a_redirect_is_one_and_no_other_is(client, pretended):
    pretended.script("GET", "/download", Say(200, {}), Say(300, None, (("Location", pretended._url("b")),)))
    with pytest.raises(InvalidAnswer, match="answered 200 where it should name a URL"):
        client.download_url("u", "m", "a")
    assert client.download_url("u", "m", "a") == pretended._url("b")
    pretended.script("GET", "/download", Say(299, {}, (("Location", pretended._url("b")),)))
    with pytest.raises(InvalidAnswer, match="answered 299 where it should name a URL"):
        client.download_url("u", "m", "a")
    pretended.script("GET", "/u/m", Say(299, pretended.document("u", "m")), Say(300, {}), Say(399, {}))
    assert client.get("u", "m").model_id == "m"
    for _ in each(range(2)):
        with pytest.raises(InvalidAnswer, match=r"redirects to nowhere"):
            client.get("u", "m")


def test_an_answer_larger_than_any_of_a_registry_is_not_read_to_its_end(client, pretended, monkeypatch):
    monkeypatch.setattr("weighthouse.transport.LARGEST", 50)
    pretended.script(
        "GET", "/health", Say(200, b'"' + b"a" * 48 + b'"'), then=Say(200, b'"' + b"a" * 49 + b'"')
    )
    assert client.transport.ask("GET", "/health") == "a" * 48
    with pytest.raises(InvalidAnswer, match="answers with more than 50 bytes"):
        client.transport.ask("GET", "/health")


def test_of_a_long_refusal_of_a_store_the_beginning_is_read(client, pretended):
    pretended.script(
        "GET", "^/store/", Say(400, b"<Error><Code>TooLong</Code>" + b" " * 10_000), Say(400, b"")
    )
    for said in ("400 TooLong", "400 Bad Request"):
        with pytest.raises(StoreRefused, match=rf"answered {said}$"):
            received(client, pretended, 0, 4)


@pytest.mark.parametrize(("end", "said"), [(4097, "400 Late"), (4098, "400 Bad Request")])
def test_of_a_refusal_of_a_store_some_4_kb_are_read(client, pretended, end, said):
    code = b"<Code>Late</Code>"
    pretended.script("GET", "^/store/", Say(400, code.rjust(end)))
    with pytest.raises(StoreRefused, match=rf"answered {said}$"):
        received(client, pretended, 0, 4)


def test_of_a_long_detail_the_beginning_is_passed_on(client, pretended):
    pretended.script("GET", "/u/m", Say(400, {"detail": "x" * 1999 + "yz"}))
    with pytest.raises(ServiceError, match=r"^x{1999}y$"):
        client.get("u", "m")


def test_a_range_that_ends_early_is_said_to(client, pretended):
    known = ("Content-Range", "bytes 2-5/10"), ("Transfer-Encoding", "chunked")
    for sent, said in each(((b"2\r\n23\r\n0\r\n\r\n", "before the end"), (b"2\r\n23\r\nzz\r\n", ": "))):
        pretended.script("GET", "^/store/", Say(206, sent, known))
        coming = client.transport.get(pretended._url("a"), 2, 6, 10)
        with pytest.raises(Transient, match=rf"^http://127\.0\.0\.1:\d+ broke off ?{said}"):
            list(coming)


def test_what_is_not_read_to_its_end_is_closed(client, pretended, monkeypatch):
    closed, close = [], HTTPResponse.close
    monkeypatch.setattr(HTTPResponse, "close", lambda answer: (closed.append(answer), close(answer)))
    monkeypatch.setattr("weighthouse.transport.BLOCK", 2)
    monkeypatch.setattr("weighthouse.transport.LARGEST", 2)
    # Python closes what nothing refers to any more, though not everywhere at once.
    coming = client.transport.get(pretended._url("a"), 2, 6, 10)
    blocks = iter(coming)
    next(blocks)
    assert closed == []
    blocks.close()
    assert len(closed) == 1
    with pytest.raises(StoreRefused) as other:
        client.transport.get(pretended._url("a"), 2, 6, 11)
    assert len(closed) == 2
    with pytest.raises(InvalidAnswer, match="answers with more than 2 bytes") as larger:
        client.get("u", "m")
    assert len(closed) == 3
    del coming, other, larger


def test_of_a_url_that_is_refused_the_beginning_is_said(client, pretended):
    url = "ftp://" + "x" * 74 + "secret"
    with pytest.raises(InvalidAnswer, match=rf"names the URL '{url[:80]}';"):
        client.transport.get(url, 0, 4, 10)
