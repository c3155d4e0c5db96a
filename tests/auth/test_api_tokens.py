"""The format of API tokens."""

import hashlib
import re
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.auth import api_tokens
from chalicelib.errors import InvalidToken

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def test_a_new_token_is_parsed_to_its_id_and_hash():
    token, token_id, token_hash = api_tokens.new()
    assert re.fullmatch("wh_[0-9A-Za-z]{48}", token)
    assert token[3:15] == token_id
    assert token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert api_tokens.parse(token) == (token_id, token_hash)


def test_the_secret_has_at_least_160_random_bits_besides_the_id():
    assert 62**api_tokens.SECRET_CHARS > 2**160
    made = [api_tokens.new()[0] for _ in range(200)]
    # Every place takes many values: none of them is fixed. The checksum's first digit can only be 0 to 4.
    assert min(len({token[place] for token in made}) for place in range(3, 45)) > 30


def test_the_checksum_is_crc32_in_base62_as_scanners_can_compute_it():
    token = api_tokens.new()[0]
    value = 0
    for digit in token[-6:]:
        value = value * 62 + DIGITS.index(digit)
    assert value == zlib.crc32(token[:-6].encode())


@given(st.integers(3, 50), st.sampled_from(DIGITS))
def test_a_token_with_a_wrong_character_is_refused(place, digit):
    token = api_tokens.new()[0]
    changed = token[:place] + digit + token[place + 1 :]
    if changed != token:
        with pytest.raises(InvalidToken, match="checksum is wrong") as refused:
            api_tokens.parse(changed)
        assert changed not in refused.value.detail


@given(st.one_of(st.text(max_size=60), st.text(DIGITS, min_size=40, max_size=60), st.just("é" * 48)))
def test_what_has_another_shape_is_refused(text):
    with pytest.raises(InvalidToken):
        api_tokens.parse("wh_" + text)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "\n", lambda t: t + "0", lambda t: t[:9] + "-" + t[10:]]
)
def test_what_is_no_whole_token_is_said_to_be_none(change):
    with pytest.raises(InvalidToken, match="has wh_ and 48 letters and digits"):
        api_tokens.parse(change(api_tokens.new()[0]))
