"""JWTs (RFC 7519) of the configured issuer; checked by PyJWT, within the limits of RFC 8725."""

import re
from typing import Any, NoReturn

from chalicelib.auth import keys, secret
from chalicelib.auth.pyjwt import jwt
from chalicelib.errors import InvalidRequest, InvalidToken
from chalicelib.registry.callers import IMPLIED, Caller, Scope
from chalicelib.registry.naming import check_user_id, shown
from chalicelib.settings import Settings, settings

MAX_CHARS = 8_192
"""Characters of a token; API Gateway takes 10,240 bytes of headers
(https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)."""

# RFC 7515, section 3.1: three parts in base64url.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def caller_of(token: str, address: str) -> Caller:
    """The user that the token names, with the scopes that it gives.

    Raises `InvalidToken` with the reason, and `StoreBusy` while there is no key to check it with.
    """
    if len(token) > MAX_CHARS:
        raise InvalidToken(f"The token has {len(token)} characters; at most {MAX_CHARS} are taken")
    if _SHAPE.fullmatch(token) is None:
        raise InvalidToken("The token is neither a JWT nor an API token")
    given = settings()
    try:
        claims = _by_secret(token, given) if given.jwt_secret else _by_public_key(token, given)
    except jwt.InvalidTokenError as error:
        _refuse(error, given)
    return Caller(
        _user_id(claims, given.jwt_user_claim), _scopes(claims, given.jwt_scopes_claim), None, address
    )


def _by_secret(token: str, given: Settings) -> dict[str, Any]:
    _check_header(token, {"HS256"})
    try:
        return _decode(token, secret.key(given.jwt_secret), given)
    except jwt.InvalidSignatureError:
        # The secret may have been changed.
        return _decode(token, secret.key(given.jwt_secret, max_age=0), given)


def _by_public_key(token: str, given: Settings) -> dict[str, Any]:
    header = _check_header(token, set(keys.ALGORITHMS.values()))
    key = keys.find(given.jwt_jwks_url, header.get("kid"), header["alg"])
    if key is None:
        raise InvalidToken(
            f"The token is signed by a key that the issuer doesn't name: it has none for {header['alg']} with this"
            " kid; get a new token"
            if "kid" in header
            else f"The token names no key (kid), and the issuer has not just one for {header['alg']}"
        )
    return _decode(token, key.jwk, given)


def _check_header(token: str, algorithms: set[str]) -> dict[str, Any]:
    header = jwt.get_unverified_header(token)
    if "crit" in header:
        # RFC 7515, section 4.1.11: whoever does not understand what it names must refuse it.
        raise InvalidToken("The token's header has crit, which names extensions that are not understood here")
    if not isinstance(header.get("alg"), str) or header["alg"] not in algorithms:
        raise InvalidToken(f"The token's algorithm (alg) must be {' or '.join(sorted(algorithms))}")
    return header


def _decode(token: str, key: jwt.PyJWK, given: Settings) -> dict[str, Any]:
    """The claims; PyJWT takes the algorithm from the key, and compares the header's with it."""
    return jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=given.jwt_issuer,
        audience=given.jwt_audience,
        leeway=given.jwt_leeway,
        # What names the user is checked by us, whichever claim that is.
        options={"require": ["exp", "iss", "aud"], "verify_sub": False, "verify_jti": False},
    )


def _refuse(error: jwt.InvalidTokenError, given: Settings) -> NoReturn:
    match error:
        case jwt.ExpiredSignatureError():
            detail = "The token has expired; get a new one"
        case jwt.ImmatureSignatureError():
            detail = "The token is not valid yet (nbf or iat is in the future); is the issuer's clock right?"
        case jwt.InvalidAudienceError():
            detail = f"The token is for another audience: its aud must name {given.jwt_audience!r}"
        case jwt.InvalidIssuerError():
            detail = f"The token is of another issuer: its iss must be {given.jwt_issuer!r}"
        case jwt.MissingRequiredClaimError():
            detail = f"The token has no claim {error.claim}; exp, iss and aud are needed"
        case jwt.InvalidSignatureError():
            detail = "The token's signature is not by the issuer's key"
        case _:
            detail = "The token is no valid JWT"
    raise InvalidToken(detail) from error


def _user_id(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise InvalidToken(
            f"The token's claim {name!r} must be a text that names the user, and is missing or something else;"
            " WEIGHTHOUSE_JWT_USER_CLAIM says which claim is taken"
        )
    try:
        check_user_id(value)
    except InvalidRequest:
        raise InvalidToken(
            f"The token's claim {name!r} is {shown(value)}, which can't name a user: allowed are letters, digits"
            " and . _ @ + -, at most 128, a letter or digit first, and no reserved word;"
            " WEIGHTHOUSE_JWT_USER_CLAIM says which claim is taken"
        ) from None
    return value


def _scopes(claims: dict[str, Any], name: str) -> frozenset[Scope]:
    """Those of ours: a list of texts, or one text with spaces between (RFC 8693, section 4.2)."""
    value = claims.get(name)
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(scope for scope in IMPLIED if scope in words)
