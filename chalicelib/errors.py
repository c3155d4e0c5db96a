"""Every error a client can meet: one tree, each class with its HTTP status.

The domain raises these; ``chalicelib.http`` turns them into ``{"detail": …}``.
A message names the field or object, says what is wrong, and what to do.
"""


class WeighthouseError(Exception):
    """An answer that is not a success; `status` is the HTTP status it is sent with."""

    status = 500
    retry_after: int | None = None
    challenge: str | None = None
    """The WWW-Authenticate header (RFC 6750, section 3)."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequest(WeighthouseError):
    """Something the client sent breaks a rule; the detail names the field, its value and what is allowed."""

    status = 400


class InvalidArchive(InvalidRequest):
    """A ZIP that breaks a safety rule or is damaged; the detail names the member."""


class HashMismatch(InvalidRequest):
    """The bytes that arrived do not have the SHA-256 that was declared for them."""


class Unauthorized(WeighthouseError):
    """Nobody is named by the request's credentials, or they are not valid."""

    status = 401
    challenge = 'Bearer realm="weighthouse"'


class InvalidToken(Unauthorized):
    """The request has a token, and it is not valid: expired, revoked, forged, or made for somebody else."""

    challenge = 'Bearer realm="weighthouse", error="invalid_token"'


class Forbidden(WeighthouseError):
    """The caller is known, and may not do this; only said of what the caller knows to be there."""

    status = 403


class InsufficientScope(Forbidden):
    """The caller was not given the scope that this needs."""

    def __init__(self, detail: str, scope: str) -> None:
        super().__init__(detail)
        self.challenge = f'Bearer realm="weighthouse", error="insufficient_scope", scope="{scope}"'


class NotFound(WeighthouseError):
    """No such model, version, file, upload or route, or none that the caller may know of."""

    status = 404


class MethodNotAllowed(WeighthouseError):
    """The path exists, the method on it does not."""

    status = 405


class Conflict(WeighthouseError):
    """The version exists already, or is being uploaded or deleted by someone else."""

    status = 409


class TooLarge(WeighthouseError):
    """Too large for this way in; the detail names the way that takes it."""

    status = 413


class UnsupportedMediaType(WeighthouseError):
    """The request's Content-Type is none that the route takes."""

    status = 415


class StoreBusy(WeighthouseError):
    """S3 or DynamoDB throttles or is out of reach; trying again later is safe."""

    status = 503
    retry_after = 2
