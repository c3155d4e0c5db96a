"""The gateway under its real HTTP server, before a small app that says what it was given."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from chalice.app import Chalice, Response

from devserver.gateway import Gateway
from devserver.options import listen
from devserver.server import http_server

LIMIT = 300_000
FORM = "multipart/form-data; boundary=x"
CONTENT = bytes(range(256))
HOSTS = frozenset({"models.example.org", "models.lan:8443"})

app = Chalice("fake")
app.api.binary_types = ["multipart/form-data", "application/octet-stream"]


@app.route("/echo/{name}", methods=["GET"])
def echo(name: str) -> dict[str, Any]:
    request = app.current_request
    return {"name": name, "query": dict(request.query_params or {}), "ip": request.context["identity"]}


@app.route("/echo/{name}", methods=["POST"], content_types=["multipart/form-data"])
def length(name: str) -> dict[str, int]:
    return {"length": len(app.current_request.raw_body)}


@app.route("/echo/{name}", methods=["DELETE"])
def remove(name: str) -> dict[str, str]:
    return {"removed": name}


@app.route("/echo/{name}", methods=["PUT"])
def json_length(name: str) -> dict[str, int]:
    return {"length": len(app.current_request.raw_body)}


@app.route("/content")
def content() -> Response:
    return Response(CONTENT, headers={"Content-Type": "application/octet-stream", "X-Many": ["1", "2"]})


@app.route("/nothing")
def nothing() -> Response:
    return Response("", status_code=204)


class Crashing:
    """An app that breaks as Lambda's own machinery may."""

    def __init__(self) -> None:
        self.routes = {"/crash": {"GET": None}}
        self.api = app.api

    def __call__(self, event: Any, context: Any) -> Any:
        raise RuntimeError("a secret of the inside")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    yield from _serving(app)


@pytest.fixture
def crashing() -> Iterator[str]:
    yield from _serving(Crashing())


def _serving(served: Any) -> Iterator[str]:
    listener = listen(0)
    server: uvicorn.Server = http_server(Gateway(served, LIMIT, HOSTS))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def send_raw(url: str, request: bytes) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(request)
    return connection


def test_a_request_reaches_the_app(url: str) -> None:
    answer = requests.get(f"{url}/echo/me?a=1&a=2&b=x+y")
    assert answer.json() == {
        "name": "me",
        "query": {"a": "2", "b": "x y"},
        "ip": {"sourceIp": "127.0.0.1", "userAgent": requests.utils.default_user_agent()},
    }


def test_a_binary_body_arrives_whole(url: str) -> None:
    answer = requests.post(f"{url}/echo/me", data=CONTENT * 1000, headers={"Content-Type": FORM})
    assert answer.json() == {"length": 256_000}


def test_a_body_in_chunks_arrives_whole(url: str) -> None:
    answer = requests.post(f"{url}/echo/me", data=iter([CONTENT] * 1000), headers={"Content-Type": FORM})
    assert answer.json() == {"length": 256_000}


def test_a_text_body_that_is_no_utf8_is_refused(url: str) -> None:
    answer = requests.put(f"{url}/echo/me", data=b'"\xff"', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The body is not valid UTF-8 at byte 1"}


def test_bytes_come_back_as_bytes_where_accept_asks_for_them(url: str) -> None:
    answer = requests.get(f"{url}/content", headers={"Accept": "application/octet-stream"})
    assert answer.content == CONTENT
    assert answer.headers["X-Many"] == "1, 2"


def test_the_status_without_a_body(url: str) -> None:
    answer = requests.get(f"{url}/nothing")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers


def test_an_unknown_path_is_404(url: str) -> None:
    answer = requests.get(f"{url}/no/such")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"detail": "There is no such address as /no/such; /docs shows all there are"}


def test_an_unknown_method_is_405_and_names_the_others(url: str) -> None:
    answer = requests.patch(f"{url}/echo/me")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    assert answer.json()["detail"].startswith("PATCH is not possible here")


def test_head_is_get_without_its_body(url: str) -> None:
    answer = requests.head(f"{url}/echo/me")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(requests.get(f"{url}/echo/me").content)


def test_options_names_the_methods(url: str) -> None:
    answer = requests.options(f"{url}/content")
    assert answer.status_code == 204
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_the_largest_body_is_taken(url: str) -> None:
    answer = requests.post(f"{url}/echo/me", data=b"x" * LIMIT, headers={"Content-Type": FORM})
    assert answer.json() == {"length": LIMIT}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_with_the_way_that_takes_it(url: str, chunked: bool) -> None:
    body: Any = b"x" * (LIMIT + 1)
    answer = requests.post(
        f"{url}/echo/me", data=iter([body]) if chunked else body, headers={"Content-Type": FORM}
    )
    assert answer.status_code == 413
    assert "300,000" in answer.json()["detail"]
    assert "upload plan" in answer.json()["detail"]


def test_a_far_too_large_body_is_answered_and_not_reset(url: str) -> None:
    body = (b"x" * 1_000_000 for _ in range(50))
    answer = requests.post(f"{url}/echo/me", data=body, headers={"Content-Type": FORM})
    assert answer.status_code == 413


def test_a_client_that_asks_first_need_not_send_a_body_over_the_limit(url: str) -> None:
    request = (
        f"POST /echo/me HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {10**12}\r\nExpect: 100-continue\r\n\r\n"
    )
    with send_raw(url, request.encode()) as connection:
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert "1,000,000,000,000 bytes" in json.loads(body)["detail"]


def test_a_client_that_asks_first_may_send_another_body(url: str) -> None:
    request = (
        f"POST /echo/me HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
        "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )
    with send_raw(url, request.encode()) as connection:
        answers = connection.makefile("rb")
        assert answers.readline().startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert answers.read().endswith(b'{"length":3}')


def test_a_client_that_leaves_does_no_harm(url: str) -> None:
    request = (
        f"POST /echo/me HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\nabc"
    )
    send_raw(url, request.encode()).close()
    assert requests.get(f"{url}/echo/me").status_code == 200


def test_a_crash_shows_nothing_of_the_inside(crashing: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = requests.get(f"{crashing}/crash")
    assert answer.status_code == 500
    detail = answer.json()["detail"]
    assert detail.startswith("Internal error; request id ")
    assert "secret" not in answer.text
    assert detail.rpartition(" ")[2] in caplog.text
    assert "a secret of the inside" in caplog.text


ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Content-Type": FORM}),
        ("POST", {"Content-Type": "text/plain"}),
        ("PUT", {"Content-Type": "application/json"}),
        ("DELETE", {}),
        ("GET", {}),
        ("OPTIONS", {"Access-Control-Request-Method": "DELETE"}),
    ],
)
def test_a_page_of_another_site_is_refused_and_nothing_is_shown_to_it(
    url: str, method: str, headers: dict[str, str]
) -> None:
    answer = requests.request(method, f"{url}/echo/me", data=b"x", headers={**headers, **ELSEWHERE})
    assert answer.status_code == 403
    assert "'https://evil.example'" in answer.json()["detail"]
    assert "ALLOWED_HOSTS=" in answer.json()["detail"]
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_name_that_was_led_here_is_refused(url: str) -> None:
    answer = requests.delete(f"{url}/echo/me", headers={"Host": "evil.example:8000"})
    assert answer.status_code == 403
    assert "'evil.example:8000'" in answer.json()["detail"]


def test_a_page_of_a_name_that_is_allowed_may_send(url: str) -> None:
    for origin, host in [
        ("https://models.example.org", "models.example.org"),
        # Behind a proxy that names the service as it knows it.
        ("https://models.example.org", url.removeprefix("http://")),
        (url, url.removeprefix("http://")),
    ]:
        answer = requests.delete(f"{url}/echo/me", headers={"Origin": origin, "Host": host})
        assert answer.status_code == 200, answer.text


def test_a_refused_page_may_send_much(url: str) -> None:
    body = (b"x" * 1_000_000 for _ in range(50))
    answer = requests.post(f"{url}/echo/me", data=body, headers={"Content-Type": FORM, **ELSEWHERE})
    assert answer.status_code == 403


def test_a_request_is_logged_with_its_clients_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "devserver")
    requests.get(f"{url}/echo/me")
    # The line is written once the answer is sent.
    deadline = time.monotonic() + 10
    while not [line for line in caplog.messages if line.startswith("127.0.0.1 GET /echo/me 200 ")]:
        assert time.monotonic() < deadline, caplog.messages
        time.sleep(0.01)
