"""The one way in: credentials of a request become a `Caller`, or are refused."""

from dataclasses import dataclass

from chalicelib.auth import api_tokens, identities
from chalicelib.auth.configuration import check_settings
from chalicelib.errors import Unauthorized
from chalicelib.registry.callers import Caller, anyone
from chalicelib.settings import settings

_HOW = "send the header 'Authorization: Bearer TOKEN', with a JWT of the issuer or an API token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who sent it."""

    authorization: str | None = None
    """The Authorization header."""
    iam_arn: str | None = None
    """Whose AWS signature API Gateway has verified (`requestContext.identity.userArn`)."""
    iam_account: str | None = None
    """The AWS account of that identity (`requestContext.identity.accountId`)."""
    api_account: str | None = None
    """The AWS account that the API is in (`requestContext.accountId`)."""
    address: str = ""
    """The network address that the request came from (`requestContext.identity.sourceIp`)."""


def authenticate(credentials: Credentials) -> Caller:
    """Who is calling, by the way that `WEIGHTHOUSE_AUTH` names.

    Raises `Unauthorized` where the request names nobody, `InvalidToken` where its token isn't valid, each with
    the reason, `StoreBusy` while there is no key to check it with, and `WeighthouseError` for settings that
    don't fit together.
    """
    match settings().auth:
        case "none":
            return anyone(credentials.address)
        case "iam":
            return identities.caller_of(
                credentials.iam_arn, credentials.iam_account, credentials.api_account, credentials.address
            )
        case "jwt":
            return _bearer(_token(credentials.authorization), credentials.address)


def _token(authorization: str | None) -> str:
    """The bearer token (RFC 6750, section 2.1)."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if not scheme:
        raise Unauthorized(f"This needs a token: {_HOW}")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized(f"The header Authorization has no bearer token: {_HOW}")
    return token.strip()


def _bearer(token: str, address: str) -> Caller:
    check_settings()
    # Imported by the first request that has such a token: no cold start pays for what it does not use.
    if token.startswith(api_tokens.PREFIX):
        token_id, token_hash = api_tokens.parse(token)
        from chalicelib.registry.api_tokens import caller_of

        return caller_of(token_id, token_hash, address)
    from chalicelib.auth import jwts

    return jwts.caller_of(token, address)
