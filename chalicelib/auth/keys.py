"""The issuer's public keys (JWKS, RFC 7517), fetched once an hour, and when a token names one we don't know."""

import json
import time
from functools import lru_cache
from typing import Any

from chalicelib.auth.kept import HOUR, Kept, Unreadable
from chalicelib.auth.pyjwt import jwt
from chalicelib.connections import pool_for

PAUSE = 30
"""Seconds between two fetches, so that made-up key ids can't make us a burden to the issuer."""
CONNECT, WAIT = 2.0, 3.0
"""Seconds for a connection, and without a byte."""
DEADLINE = 5.0
"""Seconds after which a fetch is given up, however steadily its bytes drip in."""
MAX_BYTES = 512 * 1024
"""Bytes of the largest key set that is read; those of large issuers have under 20 KB."""

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
"""The one algorithm that a key of each type and curve is for, whatever a token says (RFC 8725, section 3.1)."""
_PUBLIC = {"kty", "crv", "n", "e", "x", "y"}


class Key:
    """A public key with its id."""

    def __init__(self, jwk: dict[str, Any], algorithm: str) -> None:
        """Raises `jwt.PyJWTError` for a key that can't be used."""
        self.id: Any = jwk.get("kid")
        self.algorithm = algorithm
        self.jwk = jwt.PyJWK({name: value for name, value in jwk.items() if name in _PUBLIC}, algorithm)
        if self.jwk.Algorithm.check_key_length(self.jwk.key):
            raise jwt.PyJWTError("the key is too short")


def find(url: str, kid: str | None, algorithm: str) -> Key | None:
    """The key of this id for this algorithm, None where the issuer has none.

    A token without `kid` finds the only key for the algorithm. Raises `StoreBusy` while there are no keys to
    look among, because the issuer is out of reach.
    """
    # A key that is not among those we know may be new.
    return next((key for age in (HOUR, 0) if (key := _choose(_kept(url).get(age), kid, algorithm))), None)


def _choose(keys: tuple[Key, ...], kid: str | None, algorithm: str) -> Key | None:
    fitting = [key for key in keys if key.algorithm == algorithm and kid in (None, key.id)]
    return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


@lru_cache(maxsize=1)
def _kept(url: str) -> Kept[tuple[Key, ...]]:
    return Kept("the issuer's keys", lambda: _usable(_fetch(url)), PAUSE)


def _fetch(url: str) -> bytes:
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    body, ends = b"", time.monotonic() + DEADLINE
    try:
        answer = pool_for(url, 1).request(
            "GET",
            url,
            headers={"accept": "application/json", "accept-encoding": "identity"},
            timeout=Timeout(connect=CONNECT, read=WAIT),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            if answer.status != 200:
                raise Unreadable(f"{url} answers with status {answer.status}")
            while piece := answer.read1(MAX_BYTES):
                body += piece
                if len(body) > MAX_BYTES:
                    raise Unreadable(f"{url} answers with more than {MAX_BYTES} bytes")
                if time.monotonic() > ends:
                    raise Unreadable(f"{url} takes longer than {DEADLINE:g} seconds")
        finally:
            answer.close()
    except HTTPError as error:
        raise Unreadable(f"{url} is out of reach: {error}") from error
    return body


def _usable(body: bytes) -> tuple[Key, ...]:
    try:
        document = json.loads(body)
        jwks = [jwk for jwk in document["keys"] if isinstance(jwk, dict)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unreadable(f"the key set is not what RFC 7517 says: {error}") from error
    return tuple(key for jwk in jwks if (key := _key(jwk)))


def _key(jwk: dict[str, Any]) -> Key | None:
    """The key, None for one that is not for verifying, or that we know no use of."""
    kind = jwk.get("kty"), jwk.get("crv")
    algorithm = next((algorithm for known, algorithm in ALGORITHMS.items() if known == kind), None)
    if algorithm is None or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        return Key(jwk, algorithm)
    except jwt.PyJWTError:
        return None
