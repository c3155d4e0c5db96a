"""Which JWTs are taken, whom they name, and why others are refused."""

import hashlib
import hmac
import json
import time
from contextlib import suppress

import jwt
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from issuing import AUDIENCE, ISSUER, b64, claims, jwk, private_key, signed, token

from chalicelib.auth.authentication import Credentials, authenticate
from chalicelib.errors import InvalidToken, Unauthorized
from chalicelib.registry.callers import READ, WRITE, Caller


def in_seconds(seconds):
    """A time from when the test runs, which may be minutes after its parameters are made."""
    return lambda: time.time() + seconds


def resolved(changed):
    return {claim: value() if callable(value) else value for claim, value in changed.items()}


def who(bearer):
    return authenticate(Credentials(f"Bearer {bearer}", address="192.0.2.7"))


def refusal(bearer):
    with pytest.raises(InvalidToken) as refused:
        who(bearer)
    assert refused.value.status == 401
    assert bearer not in refused.value.detail
    return refused.value.detail


@pytest.mark.parametrize("kind", ["RS256", "ES256", "EdDSA"])
def test_a_token_names_its_user(issuer, kind):
    issuer.keys = [jwk("RS256", "other", 1), jwk(kind)]
    assert who(token(kind)) == Caller("ana", frozenset({READ}), address="192.0.2.7")
    assert refusal(token(kind, number=2)) == "The token's signature is not by the issuer's key"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"exp": 1_000_000_000}, "has expired"),
        ({"exp": in_seconds(-40)}, "has expired"),
        ({"exp": None}, "no claim exp"),
        ({"exp": "soon"}, "no valid JWT"),
        ({"exp": [2**40]}, "no valid JWT"),
        ({"nbf": in_seconds(100)}, "not valid yet"),
        ({"iat": in_seconds(100)}, "not valid yet"),
        ({"nbf": "later"}, "no valid JWT"),
        ({"iat": {}}, "no valid JWT"),
        ({"aud": "datasets"}, f"for another audience: its aud must name '{AUDIENCE}'"),
        ({"aud": ["datasets", "weighthouse2"]}, "another audience"),
        ({"aud": [7, None]}, "another audience"),
        ({"aud": {"weighthouse": 1}}, "another audience"),
        ({"aud": None}, "no claim aud"),
        ({"aud": []}, "no claim aud"),
        ({"iss": "https://issuer.example"}, f"of another issuer: its iss must be '{ISSUER}'"),
        ({"iss": [ISSUER]}, "another issuer"),
        ({"iss": None}, "no claim iss"),
        ({"sub": None}, "'sub' must be a text"),
        ({"sub": 7}, "'sub' must be a text"),
        ({"sub": ["ana"]}, "'sub' must be a text"),
        ({"sub": "auth0|ana"}, "'sub' is 'auth0|ana', which can't name a user"),
        ({"sub": "search"}, "WEIGHTHOUSE_JWT_USER_CLAIM"),
        ({"sub": "a" * 129}, "at most 128"),
    ],
)
def test_claims_that_are_wrong_are_said_to_be(issuer, changed, said):
    assert said in refusal(signed(json.dumps(claims(**resolved(changed)))))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": in_seconds(-15)},
        {"nbf": in_seconds(15), "iat": in_seconds(15)},
        {"aud": ["datasets", AUDIENCE]},
        {"iat": None},
        {"exp": 1e300},
        {"jti": 7},
    ],
)
def test_clocks_may_differ_a_little_and_audiences_be_several(issuer, changed):
    assert who(token(**resolved(changed))).user_id == "ana"


def test_the_leeway_is_a_setting(issuer, configure):
    configure(jwt_leeway="100")
    assert who(token(exp=time.time() - 60)).user_id == "ana"


@pytest.mark.parametrize(
    ("given", "scopes"),
    [
        ("models:write models:read", {READ, WRITE}),
        (["models:read", "profile", 7, ["models:admin"], None], {READ}),
        ("models:admins xmodels:admin models:", set()),
        ("", set()),
        (None, set()),
        ({"models:admin": True}, set()),
        (7, set()),
    ],
)
def test_scopes_are_a_list_or_one_text_and_those_of_others_are_passed_over(issuer, given, scopes):
    assert who(token(scope=given)).scopes == scopes


def test_claims_have_the_names_that_the_settings_say(issuer, configure):
    configure(jwt_user_claim="https://x.example/user", jwt_scopes_claim="cognito:groups")
    found = who(token(**{"https://x.example/user": "bo", "cognito:groups": ["models:write"], "sub": 7}))
    assert (found.user_id, found.scopes) == ("bo", {WRITE})


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "RS384", "RS512", "PS256", "ES384", "EDDSA", ""]
)
def test_other_algorithms_are_refused(issuer, algorithm):
    header = json.dumps({"alg": algorithm, "kid": "one"})
    assert "must be ES256 or EdDSA or RS256" in refusal(signed(json.dumps(claims()), header))
    assert "must be ES256 or EdDSA or RS256" in refusal(f"{b64(header)}.{b64(json.dumps(claims()))}.")


def test_a_public_key_is_no_secret(issuer):
    """The classic confusion: HS256 with the bytes of the RSA key that everyone knows."""
    for public in (json.dumps(jwk("RS256")).encode(), b"x" * 32):
        signing_input = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'one'}))}.{b64(json.dumps(claims()))}"
        forged = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
        assert "must be ES256 or EdDSA or RS256" in refusal(f"{signing_input}.{b64(forged)}")


def test_a_key_is_for_the_algorithm_of_its_own_type(issuer):
    """What the header says makes no key of another type."""
    header = json.dumps({"alg": "ES256", "kid": "one"})
    assert "a key that the issuer doesn't name: it has none for ES256" in refusal(
        signed(json.dumps(claims()), header)
    )


def test_a_private_secret_in_the_key_set_is_not_used(issuer):
    issuer.keys = [{"kty": "oct", "kid": "one", "k": b64(b"x" * 32)}]
    assert "must be ES256 or EdDSA or RS256" in refusal(
        jwt.encode(claims(), b"x" * 32, "HS256", {"kid": "one"})
    )


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}, {"crit": []}]
)
def test_critical_extensions_are_refused(issuer, header):
    assert refusal(signed(json.dumps(claims()), json.dumps({"alg": "RS256", "kid": "one", **header})))


def test_an_unencoded_payload_is_refused(issuer):
    header = json.dumps({"alg": "RS256", "kid": "one", "crit": ["b64"], "b64": False})
    assert refusal(signed(json.dumps(claims()), header)) == "The token is no valid JWT"


def test_keys_that_the_token_brings_along_are_not_looked_at(issuer):
    mine = jwk("RS256", "one", 1)
    headers = {"jwk": mine, "jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"}
    assert "not by the issuer's key" in refusal(token(number=1, headers=headers))


def test_tokens_have_a_greatest_length(issuer):
    long = token(much="x" * 8_000)
    assert len(long) > 8_192
    assert refusal(long) == f"The token has {len(long)} characters; at most 8192 are taken"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "  ", "Bearer", "Bearer  ", "Basic YW5hOng=", "AWS4-HMAC-SHA256 Credential=x", "bearerx y"],
)
def test_without_a_token_it_is_said_how_to_send_one(issuer, authorization):
    with pytest.raises(Unauthorized, match="Authorization: Bearer TOKEN") as refused:
        authenticate(Credentials(authorization))
    assert type(refused.value) is Unauthorized
    assert issuer.asked == 0


def test_the_scheme_may_be_written_in_any_case(issuer):
    assert authenticate(Credentials(f" bEARER  {token()} ")).user_id == "ana"


@pytest.mark.parametrize(
    "bearer", ["x", "a.b", "a.b.c.d", "a.b.c=", "é.é.é", "\ud800.a.b", "..", "a b.c.d", "a.b.c\n."]
)
def test_what_is_no_token_is_refused_without_a_question_to_the_issuer(issuer, bearer):
    assert refusal(bearer) in {"The token is neither a JWT nor an API token", "The token is no valid JWT"}
    assert issuer.asked == 0


NESTED = "[" * 2_000 + "]" * 2_000
HUGE = "9" * 5_000


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "aud", "iss", "sub", "scope", "other"])
@pytest.mark.parametrize(
    "value", [NESTED, HUGE, "1e999", "-1e999", "NaN", "true", '"\\ud800"', "{}", "-1", "0", '""', "null"]
)
def test_strange_claims_never_break_it(issuer, name, value):
    rest = ",".join(
        f"{json.dumps(key)}:{json.dumps(value)}" for key, value in claims().items() if key != name
    )
    strange = signed(f'{{{rest},"{name}":{value}}}')
    with suppress(InvalidToken):
        assert who(strange).user_id == "ana"


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"7", b'"x"', b"null", b"\xff\xfe", b"{", NESTED.encode(), HUGE.encode()]
)
def test_a_payload_that_is_no_json_object_is_refused(issuer, payload):
    assert refusal(signed(payload)) in {
        "The token is no valid JWT",
        "The token is neither a JWT nor an API token",
    }


@pytest.mark.parametrize(
    "header",
    ["[]", "7", "null", "{", "{}", NESTED[:3_000], '{"alg": ["RS256"]}', '{"alg": "RS256", "kid": 7}',
     '{"alg": {"RS256": 1}, "kid": "one"}', '{"alg": null}', f'{{"alg": {HUGE}}}', '{"alg": "RS256", "kid": null}'],
)  # fmt: skip
def test_a_header_that_is_none_is_refused(issuer, header):
    assert refusal(signed(json.dumps(claims()), header))


def test_the_last_of_two_claims_of_one_name_counts_for_all_checks(issuer):
    text = json.dumps(claims())[:-1]
    assert who(signed(text + ', "sub": "bo"}')).user_id == "bo"
    assert "has expired" in refusal(signed(text + ', "exp": 7}'))


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_token_that_was_changed_is_refused(issuer, data):
    good = token()
    place = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.integers(0, 3))
    put = data.draw(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=", max_size=3))
    changed = good[:place] + put + good[place + length :]
    if changed != good:
        refusal(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(claims())), JSON, min_size=1))
@example({"exp": float("inf")})
def test_signed_claims_of_any_kind_name_somebody_or_are_refused(issuer, changed):
    try:
        found = who(signed(json.dumps({**claims(), **changed})))
    except InvalidToken:
        return
    assert found.user_id == changed.get("sub", "ana")
    assert changed.get("iss", ISSUER) == ISSUER
    assert changed.get("exp", 2**40) > time.time() - 40


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_keys_are_checked_by_the_length_of_their_modulus(issuer):
    issuer.keys = [jwk("short")]
    short = jwt.encode(claims(), private_key("short", 0), "RS256", {"kid": "one"})
    assert "a key that the issuer doesn't name" in refusal(short)
