"""API tokens for machines; a person manages their own, with a JWT."""

from chalicelib.http.answers import Answer
from chalicelib.http.operations import operation
from chalicelib.registry import api_tokens
from chalicelib.registry.callers import READ, TOKENS, Caller
from chalicelib.schema.tokens import (
    NewToken,
    TokenHistory,
    TokenHistoryQuery,
    TokenList,
    TokenRequest,
    TokensQuery,
)


@operation(
    "POST", "/tokens", scope=TOKENS, json=TokenRequest, answers={201: NewToken}, errors=(400, 403, 409, 415)
)
def create_token(caller: Caller, body: TokenRequest) -> Answer:
    """Makes an API token for yourself, with no more scopes than you have. It is shown this once.

    `models:write` and `models:admin` allow it too.
    """
    return Answer(201, api_tokens.create(caller, body))


@operation("GET", "/tokens", scope=READ, query=TokensQuery, answers={200: TokenList}, errors=(400, 403))
def list_tokens(caller: Caller, query: TokensQuery) -> TokenList:
    """Your API tokens that have not expired, the newest first; never the tokens themselves."""
    return api_tokens.of_user(caller, query.user_id)


@operation(
    "GET",
    "/tokens/history",
    scope=READ,
    query=TokenHistoryQuery,
    answers={200: TokenHistory},
    errors=(400, 403),
)
def get_token_history(caller: Caller, query: TokenHistoryQuery) -> TokenHistory:
    """Who made, used and revoked your API tokens, when, and from where, the newest first.

    A use is noted once a day for each token. An admin can ask for anyone's.
    """
    return api_tokens.history_of(caller, query)


@operation("DELETE", "/tokens/{token_id}", scope=READ, answers={204: None}, errors=(403, 404))
def revoke_token(caller: Caller, token_id: str) -> Answer:
    """Revokes one of your API tokens; an admin can revoke anyone's."""
    api_tokens.revoke(caller, token_id)
    return Answer(204)
