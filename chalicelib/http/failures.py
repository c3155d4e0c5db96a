"""Every exception as an answer: `{"detail": …}` with its status, and nothing of our insides in it."""

import logging
from collections.abc import Iterator

from chalicelib.errors import StoreBusy, WeighthouseError
from chalicelib.http.answers import Answer
from chalicelib.schema.documents import ErrorDocument

log = logging.getLogger(__name__)

# Told by name: importing botocore here would cost every cold start 100 ms.
_OUT_OF_REACH = {"HTTPClientError", "ConnectionError", "IncompleteReadError", "ReadTimeoutError"}
"""botocore's (and urllib3's) classes for a store that can't be reached or breaks off."""

_BUSY_CODES = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "SlowDown",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "RequestTimeout",
}
"""Codes with which DynamoDB and S3 ask for another try
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""


def failure(error: Exception, request_id: str) -> Answer:
    """The answer for an exception; what is not the client's doing is logged with its trace."""
    if isinstance(error, WeighthouseError):
        return error_answer(error)
    if _is_busy(error):
        log.warning("Request %s: the store is busy or out of reach", request_id, exc_info=error)
        return error_answer(StoreBusy("The store is busy or out of reach; try again in a few seconds"))
    log.error("Request %s failed", request_id, exc_info=error)
    return error_answer(WeighthouseError(f"Internal error. Request id {request_id}"))


def error_answer(error: WeighthouseError) -> Answer:
    """The answer for one of our own errors."""
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return Answer(error.status, ErrorDocument(detail=error.detail), headers)


def _is_busy(error: BaseException) -> bool:
    return any(
        not _OUT_OF_REACH.isdisjoint(cls.__name__ for cls in type(link).__mro__)
        or not _BUSY_CODES.isdisjoint(_codes(link))
        for link in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it: pynamodb keeps botocore's under `cause`."""
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__


def _codes(error: BaseException) -> Iterator[str]:
    """The codes in a botocore `ClientError`, those of a cancelled transaction included."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return
    yield response.get("Error", {}).get("Code", "")
    for reason in response.get("CancellationReasons", ()):
        yield reason.get("Code", "")
