"""The format of API tokens: `wh_`, an id of 12 characters, a secret of 30 and a checksum of 6, all base62.

The prefix and the checksum, CRC-32 of all that stands before it, are there for secret scanners, which find
leaked tokens without asking us, and for us, who ask no table about a token that was never made. The secret
alone has 178 random bits, so its SHA-256 needs no salt and no slow hash.
"""

import hashlib
import re
import secrets
import string
import zlib

from chalicelib.errors import InvalidToken

PREFIX = "wh_"
ID_CHARS, SECRET_CHARS, CHECKSUM_CHARS = 12, 30, 6

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TOKEN = re.compile(f"{PREFIX}([0-9A-Za-z]{{{ID_CHARS}}})[0-9A-Za-z]{{{SECRET_CHARS + CHECKSUM_CHARS}}}")


def new() -> tuple[str, str, str]:
    """A new token, its id, and the hash to keep in place of it."""
    token_id = _random(ID_CHARS)
    body = PREFIX + token_id + _random(SECRET_CHARS)
    token = body + _checksum(body)
    return token, token_id, _hash(token)


def parse(token: str) -> tuple[str, str]:
    """The id of a token and its hash (SHA-256, hex); raises `InvalidToken` for what `new` can't have made."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidToken(
            f"An API token has {PREFIX} and {ID_CHARS + SECRET_CHARS + CHECKSUM_CHARS} letters and digits; this"
            " one doesn't: copy it again, as a whole"
        )
    if _checksum(token[:-CHECKSUM_CHARS]) != token[-CHECKSUM_CHARS:]:
        raise InvalidToken("The API token's checksum is wrong: copy it again, as a whole")
    return found[1], _hash(token)


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(text: str) -> str:
    """CRC-32 in base62, the highest digit first: 6 digits hold it, since 62^6 > 2^32."""
    rest = zlib.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_CHARS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
