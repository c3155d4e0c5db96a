"""Every error of the client: one tree, so that ``except WeighthouseError`` catches what this package raises."""

from __future__ import annotations

from typing import Any


class WeighthouseError(Exception):
    """Something did not work; `detail` names the field, file or address, and says what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        """By what it consists of, so that a process can hand it to another whatever its class is made from."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[WeighthouseError], args: tuple[Any, ...], fields: dict[str, Any]) -> WeighthouseError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InvalidInput(WeighthouseError):
    """What the caller gave breaks a rule; nothing has been sent."""


class LocalEdits(WeighthouseError):
    """A pull would overwrite or remove files that are not what a pull or a push left there; nothing was fetched."""


class FileChanged(WeighthouseError):
    """A file kept changing while it was read; push it again once nothing writes to it."""


class ContentMismatch(WeighthouseError):
    """The bytes that arrived are not those that the registry recorded, also when fetched again."""


class Unreachable(WeighthouseError):
    """The service or its store could not be reached, or broke off, for as long as the retries lasted."""


class InvalidAnswer(WeighthouseError):
    """The service or its store answered what its API rules out; its operator can say why."""


class StoreRefused(WeighthouseError):
    """The store, not the service, refused a presigned URL; `status` is its HTTP status."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class ServiceError(WeighthouseError):
    """The service answered with an error; `detail` is its own, `status` the HTTP status."""

    def __init__(self, detail: str, status: int, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.request_id = request_id
        """What the service's log calls the request."""


class InvalidRequest(ServiceError):
    """400, 405 or 415: the request breaks a rule."""


class NotAuthenticated(ServiceError):
    """401: there is no token, or it is not valid."""


class Forbidden(ServiceError):
    """403: the caller is known and may not do this."""


class NotFound(ServiceError):
    """404: no such model, version, file or upload, or none that the caller may know of."""


class Conflict(ServiceError):
    """409: the version exists, or is being uploaded or deleted."""


class TooLarge(ServiceError):
    """413: too large for this way in."""


class Unavailable(ServiceError):
    """429 or 5xx: the service is busy or at fault, for as long as the retries lasted."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    413: TooLarge,
    415: InvalidRequest,
}


def of_status(status: int, detail: str, request_id: str | None = None) -> ServiceError:
    """The error for an HTTP status that is not a success."""
    busy = Unavailable if status == 429 or status >= 500 else ServiceError
    return _BY_STATUS.get(status, busy)(detail, status, request_id)
