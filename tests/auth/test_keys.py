"""Where the issuer's keys come from, how often it is asked, and what happens when it doesn't answer."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from issuing import Issuer, jwk, token

from chalicelib.auth import keys
from chalicelib.auth.authentication import Credentials, authenticate
from chalicelib.errors import InvalidToken, StoreBusy

UNKNOWN = "a key that the issuer doesn't name"


def user(bearer):
    return authenticate(Credentials(f"Bearer {bearer}")).user_id


def test_keys_are_fetched_once_an_hour(issuer, later):
    for _ in range(3):
        assert user(token()) == "ana"
    later(3_590)
    assert user(token()) == "ana"
    assert issuer.asked == 1
    later(20)
    assert user(token()) == "ana"
    assert issuer.asked == 2


def test_a_key_that_is_new_is_found_and_one_that_is_gone_is_not(issuer, later):
    old, new = token(), token("ES256", "two")
    assert user(old) == "ana"
    issuer.keys = [jwk("ES256", "two")]
    later(30)
    assert user(new) == "ana"
    with pytest.raises(InvalidToken, match=UNKNOWN):
        user(old)


def test_made_up_key_ids_do_not_trouble_the_issuer(issuer, later):
    user(token())
    for number in range(50):
        with pytest.raises(InvalidToken, match=UNKNOWN):
            user(token(kid=f"made-up-{number}"))
    assert issuer.asked == 1
    later(31)
    for number in range(50):
        with pytest.raises(InvalidToken, match=UNKNOWN):
            user(token(kid=f"made-up-{number}"))
    assert issuer.asked == 2
    assert user(token()) == "ana"


def test_many_first_requests_at_once_ask_once(issuer):
    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(user, [token()] * 64)) == {"ana"}
    assert issuer.asked == 1


def test_known_keys_are_used_for_a_day_while_the_issuer_is_away(issuer, later):
    assert user(token()) == "ana"
    issuer.status = 500
    for _ in range(23):
        later(3_600)
        assert user(token()) == "ana"
    assert issuer.asked == 24
    later(3_600)
    with pytest.raises(StoreBusy, match="issuer's keys can't be read"):
        user(token())
    issuer.status = 200
    later(30)
    assert user(token()) == "ana"


def test_without_keys_the_answer_is_to_try_again_and_the_issuer_is_not_hammered(issuer, later):
    issuer.status = 503
    for _ in range(5):
        with pytest.raises(StoreBusy, match="issuer's keys can't be read at present; try again") as busy:
            user(token())
        assert (busy.value.status, busy.value.retry_after) == (503, 5)
    assert issuer.asked == 1
    issuer.status = 200
    later(5)
    assert user(token()) == "ana"


def test_an_issuer_that_is_not_there_is_out_of_reach(configure, issuer):
    gone = Issuer()
    gone.close()
    configure(jwt_jwks_url=gone.url)
    with pytest.raises(StoreBusy, match="can't be read"):
        user(token())


def test_an_issuer_that_does_not_go_on_is_given_up(issuer, monkeypatch):
    monkeypatch.setattr(keys, "WAIT", 0.05)
    issuer.stalled = True
    with pytest.raises(StoreBusy, match="can't be read"):
        user(token())


def test_a_fetch_has_a_deadline_however_steadily_bytes_come(issuer, monkeypatch, caplog):
    monkeypatch.setattr(keys, "DEADLINE", 0.0)
    with pytest.raises(StoreBusy, match="can't be read"):
        user(token())
    assert "takes longer than 0 seconds" in caplog.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"body": b'{"keys": [' + b" " * keys.MAX_BYTES}, "more than 524288 bytes"),
        ({"body": b"<html>"}, "not what RFC 7517 says"),
        ({"body": b"\xff"}, "not what RFC 7517 says"),
        ({"body": b"[]"}, "not what RFC 7517 says"),
        ({"body": b'{"keys": 7}'}, "not what RFC 7517 says"),
        ({"body": b"{}"}, "not what RFC 7517 says"),
        ({"body": b"[" * 100_000}, "not what RFC 7517 says"),
        ({"headers": {"Content-Length": "100000"}}, "out of reach"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, "answers with status 302"),
        ({"status": 404}, "answers with status 404"),
    ],
)
def test_an_answer_of_no_use_leaves_what_is_known(issuer, later, caplog, answer, said):
    assert user(token()) == "ana"
    for name, value in answer.items():
        setattr(issuer, name, value)
    later(3_600)
    assert user(token()) == "ana"
    assert issuer.asked == 2
    assert said in caplog.text


def test_keys_of_no_use_are_passed_over(issuer):
    good = jwk("RS256")
    issuer.keys = [
        {**good, "use": "enc"},
        {**good, "alg": "RS512"},
        {**good, "kty": "AKP"},
        {**good, "kty": ["RSA"]},
        {**good, "n": 7},
        {**good, "n": "AQAB"},
        {**good, "e": None},
        {"kty": "RSA", "kid": "one"},
        {**jwk("ES256"), "crv": "P-384"},
        {**jwk("ES256"), "x": jwk("ES256", number=1)["x"]},
        jwk("ES384"),
        {**jwk("EdDSA"), "crv": "Ed448"},
        {**jwk("EdDSA"), "x": "AAAA"},
        7,
        None,
    ]
    for kind in ("RS256", "ES256", "EdDSA"):
        with pytest.raises(InvalidToken, match=UNKNOWN):
            user(token(kind))
    issuer.body = json.dumps({"keys": [*issuer.keys, {**good, "use": "sig", "alg": "RS256"}]}).encode()
    keys._kept.cache_clear()
    assert user(token()) == "ana"


def test_keys_of_several_types_may_have_one_id(issuer):
    issuer.keys = [jwk("RS256"), jwk("ES256"), jwk("EdDSA")]
    assert [user(token(kind)) for kind in ("RS256", "ES256", "EdDSA")] == ["ana"] * 3


def test_a_token_that_names_no_key_is_of_the_only_one(issuer):
    issuer.keys = [jwk("RS256", None), jwk("ES256", "one"), jwk("ES256", "two", 1)]
    assert user(token(kid=None)) == "ana"
    with pytest.raises(InvalidToken, match="names no key"):
        user(token("ES256", None))
    with pytest.raises(InvalidToken, match=UNKNOWN):
        user(token(kid="one"))
