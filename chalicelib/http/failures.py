"""Every exception as an answer: `{"detail": …}` with its status, and nothing of our insides in it."""

import logging
from collections.abc import Iterator
from http import HTTPStatus

from chalicelib import telemetry
from chalicelib.errors import StoreBusy, WeighthouseError
from chalicelib.http.answers import Answer
from chalicelib.schema.documents import ErrorDocument

log = logging.getLogger(__name__)

# Told by name: importing botocore here would cost every cold start 100 ms.
_OUT_OF_REACH = {"HTTPClientError", "ConnectionError", "IncompleteReadError", "ReadTimeoutError"}
"""botocore's (and urllib3's) classes for a store that can't be reached or breaks off."""

_BUSY_CODES = {
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
}
"""Codes below status 500 with which DynamoDB and S3 ask for another try
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""


def failure(error: Exception, request_id: str) -> Answer:
    """The answer for an exception; what is not the client's doing is logged with its trace."""
    telemetry.note(error=type(error).__name__)
    if isinstance(error, WeighthouseError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return error_answer(error)
    if _is_busy(error):
        telemetry.note(error=StoreBusy.__name__)
        log.warning("Request %s: the store is busy or out of reach", request_id, exc_info=error)
        return error_answer(StoreBusy("The store is busy or out of reach; try again in a few seconds"))
    log.error("Request %s failed", request_id, exc_info=error)
    return error_answer(WeighthouseError(f"Internal error. Request id {request_id}"))


def error_answer(error: WeighthouseError) -> Answer:
    """The answer for one of our own errors."""
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    detail = error.detail.encode("utf-8", "backslashreplace").decode()
    return Answer(error.status, ErrorDocument(detail=detail), headers)


def _is_busy(error: BaseException) -> bool:
    return any(_is_out_of_reach(link) or _asks_for_another_try(link) for link in _chain(error))


def _is_out_of_reach(error: BaseException) -> bool:
    return not _OUT_OF_REACH.isdisjoint(cls.__name__ for cls in type(error).__mro__)


def _asks_for_another_try(error: BaseException) -> bool:
    """Whether this is a botocore `ClientError` for a 5xx or a throttle, a cancelled transaction's included."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return False
    codes = {response.get("Error", {}).get("Code")}
    codes |= {reason.get("Code") for reason in response.get("CancellationReasons", ())}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or not _BUSY_CODES.isdisjoint(codes)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it: pynamodb keeps botocore's under `cause`."""
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__
