"""Proxies as people have them, and services behind a base path."""

from base64 import b64encode

import pytest
from pretender import Pretender, Say

from weighthouse import Client, InvalidInput, Unreachable
from weighthouse.proxies import Proxy, proxy_for, read_proxy

SECRET = "p@ss wörd"
ANA = f"Basic {b64encode(f'ana:{SECRET}'.encode()).decode()}"
MODEL = "/ai-models/u/m"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("given", "proxy"),
    [
        ("http://proxy:3128", Proxy("http://proxy:3128")),
        ("proxy:3128", Proxy("http://proxy:3128")),
        ("proxy", Proxy("http://proxy")),
        ("https://proxy:3128/", Proxy("https://proxy:3128")),
        ("[::1]:3128", Proxy("http://[::1]:3128")),
        (" http://proxy:3128 ", Proxy("http://proxy:3128")),
        (
            "http://ana:p%40ss%20w%C3%B6rd@proxy:3128",
            Proxy("http://proxy:3128", (("Proxy-Authorization", ANA),)),
        ),
        ("ana:p@ss wörd@proxy:3128", Proxy("http://proxy:3128", (("Proxy-Authorization", ANA),))),
        ("http://ana@proxy", Proxy("http://proxy", (("Proxy-Authorization", "Basic YW5hOg=="),))),
    ],
)
def test_a_proxy_is_read_as_people_write_it(given, proxy):
    assert read_proxy(given) == proxy


@pytest.mark.parametrize(
    "given", ["socks5://ana:secret@proxy", "http://ana:secret@", "proxy:x", "http://[secret"]
)
def test_what_is_no_proxy_is_said_at_once_and_without_a_password(given, monkeypatch, clock):
    monkeypatch.setenv("HTTPS_PROXY", given)
    with (
        Client("https://models.test") as client,
        pytest.raises(InvalidInput, match="must be like") as refused,
    ):
        client.get("u", "m")
    assert "secret" not in str(refused.value)
    assert clock.waits == []


@pytest.mark.parametrize(
    ("excepted", "url", "direct"),
    [
        ("models.test", "https://models.test/registry", True),
        ("models.test:8000", "http://models.test:8000", True),
        ("models.test:8001", "http://models.test:8000", False),
        (".test, other", "https://models.test", True),
        ("*", "https://models.test", True),
        ("els.test", "https://models.test", False),
        ("", "https://models.test", False),
    ],
)
def test_hosts_are_excepted_with_or_without_a_port(excepted, url, direct, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_for(url) == (None if direct else Proxy("http://proxy:3128"))


def test_user_and_password_are_for_the_proxy_alone(monkeypatch, clock):
    with Pretender({"a": b"a"}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://ana:p%40ss%20w%C3%B6rd@"))
        monkeypatch.setenv("https_proxy", f"ana:{SECRET}@{proxy.url.removeprefix('http://')}")
        proxy.script("GET", f"^http://models.test{MODEL}", Say(200, proxy.document("u", "m")))
        proxy.script("CONNECT", "", then=Say(403))
        with Client("http://models.test") as client:
            client.get("u", "m")
        with Client("https://models.test") as client, pytest.raises(Unreachable) as refused:
            client.get("u", "m")
    plain, *tunnels = proxy.asked
    assert tunnels
    assert {asked.headers["Proxy-Authorization"] for asked in [plain, *tunnels]} == {ANA}
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_to_know_who_asks_is_asked_once(scheme, monkeypatch, clock):
    with Pretender() as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
        proxy.script("CONNECT", "", then=Say(407))
        proxy.script("GET", "", then=Say(407))
        with (
            Client(f"{scheme}://models.test") as client,
            pytest.raises(Unreachable, match="user:password@host"),
        ):
            client.get("u", "m")
    assert (len(proxy.asked), clock.waits) == (1, [])


class Behind(Pretender):
    """A registry behind a proxy that strips `/registry`; it answers nothing else but what the store would."""

    def _answer(self, handler):
        if not handler.path.startswith(("/store/", "/parts/")):
            assert handler.path.startswith("/registry/ai-models/"), handler.path
            handler.path = handler.path.removeprefix("/registry")
        super()._answer(handler)


@pytest.mark.parametrize("end", ["", "/"])
def test_every_request_of_a_push_and_a_pull_keeps_the_base_path(end, tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "a").write_bytes(b"weights")
    with Behind() as service, Client(f"{service.url}/registry{end}") as client:
        client.push(tmp_path / "net", "u", "m")
        service.files = {"a": b"weights"}
        client.pull("u", "m", directory=tmp_path / "copy")
        assert client.get("u", "m").version == "v1"
    assert (tmp_path / "copy" / "a").read_bytes() == b"weights"
