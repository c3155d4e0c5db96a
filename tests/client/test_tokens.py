"""Where a token goes: to the address that it is for, and nowhere by a way on which others can read it."""

import pytest
from pretender import Pretender, Say

from weighthouse import Client, InvalidInput, NotAuthenticated, login
from weighthouse.cli.access import probe
from weighthouse.transport import Transport

ELSEWHERE = "https://models.example.org"


@pytest.fixture
def pretended():
    with Pretender({"a": b"a"}) as pretender:
        yield pretender


def sent(pretended):
    """The token that the last request had."""
    return pretended.asked[-1].headers.get("Authorization", "").removeprefix("Bearer ") or None


def heard(pretended, url=None, token=None):
    """The token that a registry hears from a client made so."""
    with Client(url, token) as client:
        client.get("u", "m")
    return sent(pretended)


def test_the_token_of_the_environment_goes_to_the_address_of_the_environment_alone(pretended, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "wh_mine")
    assert heard(pretended, pretended.url) is None, "nothing says that it is for this address"
    monkeypatch.setenv("WEIGHTHOUSE_URL", ELSEWHERE)
    assert heard(pretended, pretended.url) is None
    assert heard(pretended, pretended.url, "wh_other") == "wh_other", "it was given with the address"
    monkeypatch.setenv("WEIGHTHOUSE_URL", pretended.url + "/")
    assert heard(pretended) == heard(pretended, pretended.url) == "wh_mine"


def test_without_an_address_of_the_environment_it_is_for_that_of_the_last_login(pretended, monkeypatch):
    login.keep(pretended.url, "wh_kept")
    assert heard(pretended) == "wh_kept"
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "wh_mine")
    assert heard(pretended) == "wh_mine"
    login.keep(ELSEWHERE, "wh_elsewhere")
    assert heard(pretended, pretended.url) == "wh_kept"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://Models.Example.org/prod/", "https://models.example.org:443/prod", True),
        ("https://models.example.org/prod", "https://models.example.org/other", False),
        ("https://models.example.org", "http://models.example.org", False),
        ("https://models.example.org", "https://models.example.org.evil.example", False),
        ("https://models.example.org", "https://models.example.org@evil.example", False),
        ("https://models.example.org", "https://models.example.org:8443", False),
        ("https://models.example.org", "nonsense", False),
    ],
)
def test_addresses_are_one_when_they_lead_to_one_service(one, other, same):
    assert login.same_service(one, other) == same


def test_who_is_refused_hears_why_the_token_was_not_sent(pretended, monkeypatch):
    pretended.script("GET", ".", then=Say(401, {"detail": "Send a token"}))
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "wh_mine")
    with pytest.raises(NotAuthenticated) as refused:
        heard(pretended, pretended.url)
    assert "WEIGHTHOUSE_TOKEN is not sent" in refused.value.detail
    assert f"WEIGHTHOUSE_URL alone: set that to {pretended.url}" in refused.value.detail
    assert "wh_mine" not in refused.value.detail


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://models.example.org", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.9:8000", True),
        ("http://[::1]:8000", True),
        ("http://models.example.org", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://0x7f000001", False),
    ],
)
def test_no_token_goes_over_plain_http_to_another_machine(monkeypatch, url, private):
    if private:
        Transport(url, "wh_mine")
    else:
        with pytest.raises(InvalidInput, match="plain http"):
            Transport(url, "wh_mine")
        with pytest.raises(InvalidInput, match="plain http"):
            probe(url, "wh_mine")
    login.keep(url, "wh_kept")
    assert login.find_token(url).token == ("wh_kept" if private else None)
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "wh_mine")
    monkeypatch.setenv("WEIGHTHOUSE_URL", url)
    found = login.find_token(url)
    assert found.token == ("wh_mine" if private else None)
    if not private:
        assert "plain http" in found.withheld
        # A service that asks nobody who they are, and logging out, need none.
        assert Client(url).url == url


def test_a_login_over_plain_http_asks_for_no_token(command, monkeypatch):
    def refuse(url, token):
        raise NotAuthenticated("Send a token", 401)

    monkeypatch.setattr("weighthouse.cli.access.probe", refuse)
    monkeypatch.setattr(
        "weighthouse.cli.access._read_token", lambda url: pytest.fail("it asks for the token")
    )
    status, _, err = command("login", "http://models.example.org")
    assert (status, "plain http" in err) == (2, True)


@pytest.mark.parametrize("token", ["a b", "a\nX-Other: b", "é", "a\x7f"])
def test_what_is_no_token_is_refused_before_it_is_sent(token):
    with pytest.raises(InvalidInput, match="one word of ASCII") as refused:
        Client(ELSEWHERE, token)
    assert token not in refused.value.detail


def test_a_token_on_this_machine_does_not_leave_it_by_a_proxy(pretended, monkeypatch):
    with Pretender({"a": b"a"}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with Client(pretended.url) as client:
            client.get("u", "m")
        assert proxy.asked, "without a token it goes by the proxy"
        before = len(proxy.asked)
        assert heard(pretended, pretended.url, "wh_mine") == "wh_mine"
        assert len(proxy.asked) == before


def test_the_store_never_hears_the_token(pretended, tmp_path):
    with Client(pretended.url, "wh_mine") as client:
        client.pull("u", "m", "v1", directory=tmp_path / "to")
    heard_by_store = [asked.headers for asked in pretended.asked if asked.path.startswith("/store/")]
    assert heard_by_store
    assert not any("Authorization" in headers for headers in heard_by_store)


@pytest.mark.parametrize(
    "url", ["https://ana:word@models.example.org", "https://models.example.org/?a=b", "x", "https:///a"]
)
def test_what_can_be_no_address_of_a_service_is_refused(url):
    with pytest.raises(InvalidInput, match="address"):
        Client(url)
