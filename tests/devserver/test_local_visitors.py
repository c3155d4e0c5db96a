import pytest

from devserver.visitors import LOOPBACK, by_name, is_host, refusal

HOSTS = LOOPBACK | {"models.example.org", "models.lan:8443"}
FOLLOWED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def refused(method: str = "GET", host: str = "localhost:8000", **headers: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(method, {"host": host, **named}, HOSTS) is not None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "LocalHost:9000",
        "127.0.0.1:8000",
        "[::1]:8000",
        "models.example.org",
        "Models.Example.org:80",
        "models.lan:8443",
    ],
)
def test_it_answers_for_its_own_names(host: str) -> None:
    assert not refused(host=host)
    assert not refused("POST", host=host, origin=f"http://{host}", sec_fetch_site="same-origin")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "evil.example/localhost",
        "localhost@evil.example",
        "evil.example,localhost",
        "localhost,evil.example",
        "localhost.",
        "localhost:8000:8000",
        "localhost:x",
        " localhost",
        "127.0.0.1.nip.io",
        "0.0.0.0:8000",
        "127.1",
        "[::1",
        "models.lan",
        "models.lan:80",
        "sub.models.example.org",
    ],
)
def test_it_answers_for_no_other(host: str) -> None:
    assert refused(host=host)
    assert refused("POST", host=host, origin=f"http://{host}", sec_fetch_site="same-origin")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost",
        "http://localhost:8001",
        "http://127.0.0.1:8000",
        "http://localhost:8000.evil.example",
        "http://evil.example, http://localhost:8000",
        "http://localhost:8000,http://evil.example",
        "file://localhost:8000",
        "chrome-extension://localhost:8000",
        "chrome-extension://models.example.org",
        "localhost:8000",
        "http://models.lan",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_pages_of_other_origins_are_refused(method: str, origin: str) -> None:
    assert refused(method, origin=origin)
    assert refused(method, origin=origin, sec_fetch_site="same-origin")
    assert refused(method, origin=origin, **{name.replace("-", "_"): text for name, text in FOLLOWED.items()})


@pytest.mark.parametrize(
    "origin", ["https://models.example.org", "https://models.lan:8443", "HTTP://LOCALHOST:8000"]
)
def test_pages_of_names_that_are_allowed_are_not(origin: str) -> None:
    assert not refused("DELETE", origin=origin, sec_fetch_site="same-origin")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "what comes next"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_another_page_loads_is_refused_also_where_no_origin_is_told(method: str, site: str) -> None:
    for mode, dest in [
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("navigate", "iframe"),
        ("cors", "empty"),
    ]:
        assert refused(method, sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
    assert refused(method, sec_fetch_site=site)


def test_a_link_may_be_followed_from_anywhere() -> None:
    assert refusal("GET", {"host": "localhost:8000", **FOLLOWED}) is None
    assert refusal("POST", {"host": "localhost:8000", **FOLLOWED}) is not None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_programs_and_the_address_bar_name_no_page(method: str) -> None:
    assert not refused(method)
    assert not refused(method, sec_fetch_site="none")


def test_headers_that_came_twice_are_no_single_value() -> None:
    twice = by_name([("Host", "localhost"), ("HOST", "evil.example")])
    assert twice == {"host": "localhost,evil.example"}


def test_a_host_is_a_name_or_an_address_and_maybe_a_port() -> None:
    assert all(is_host(host) for host in ["a", "a.b-c.d:1", "10.0.0.1", "[fe80::1]:80"])
    assert not any(map(is_host, ["", "*", "http://a", "a/", "a:", "a b", "a,b", "ü.de"]))
