"""The doors: what has a function write its lines."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import unquote

from chalicelib.registry.naming import VERSION
from chalicelib.telemetry.lines import line, message_line, without_secrets
from chalicelib.telemetry.records import TEXT, Record, current

Event = dict[str, Any]
Result = TypeVar("Result")
App = TypeVar("App")

TRACE = 16_000
"""Characters of a trace, its end first: the error is there."""
_NAMED = ("user_id", "model_id", "upload_id")

_write: Callable[[str], object] | None = None
_cold = True


def start(write: Callable[[str], object] = lambda text: sys.stdout.write(text + "\n")) -> None:
    """Has all that is logged from now on written as JSON: what Lambda needs, and a terminal does not."""
    global _write
    _write = write
    logging.getLogger().handlers = [_Messages(logging.WARNING)]


class _Messages(logging.Handler):
    """Takes what is logged up into the line of the request, or writes a line where there is none."""

    def emit(self, logged: logging.LogRecord) -> None:
        message = {"logger": logged.name, "message": without_secrets(logged.getMessage())}
        error = logged.exc_info[1] if logged.exc_info else None
        trace = None if error is None else _trace(error)
        record = current.get()
        if record is not None:
            record.log(logged.levelno, {"level": logged.levelname, **message}, trace)
            if error is not None and logged.levelno >= logging.ERROR:
                record.failed(type(error).__name__)
        elif _write is not None:
            _write(message_line(logged.levelname, logged.created, message, trace))


def _trace(error: BaseException) -> str:
    return without_secrets("".join(traceback.format_exception(error)))[-TRACE:]


@contextmanager
def _recorded(context: Any, request_id: str) -> Iterator[Record]:
    global _cold
    record = Record(context.function_name, request_id)
    if _cold:
        record.fields["cold"] = True
        _cold = False
    before = current.set(record)
    try:
        yield record
    except BaseException as error:
        record.level, record.trace = logging.ERROR, record.trace or _trace(error)
        record.fields["error"] = type(error).__name__
        record.failed(type(error).__name__)
        raise
    finally:
        current.reset(before)
        if _write is not None and not record.silent:
            _write(line(record))


def answering(
    answer: Callable[[App, Event, Any], dict[str, Any]],
) -> Callable[[App, Event, Any], dict[str, Any]]:
    """Decorates the method of an app that answers proxy events of API Gateway: each call writes one line."""

    @wraps(answer)
    def answered(app: App, event: Event, context: Any) -> dict[str, Any]:
        if _write is None:
            return answer(app, event, context)
        asked = event["requestContext"]
        with _recorded(context, asked.get("requestId") or "unknown") as record:
            record.fields |= {"route": asked.get("resourcePath"), "method": asked["httpMethod"]}
            record.fields |= _addressed(event)
            # Who connected to API Gateway: what a client says of itself in X-Forwarded-For is no evidence.
            address = (asked.get("identity") or {}).get("sourceIp")
            if address:
                record.fields["address"] = address[:TEXT]
            result = answer(app, event, context)
            record.fields |= {
                "status": result["statusCode"],
                "bytes_in": _size(event.get("body"), event.get("isBase64Encoded")),
                "bytes_out": _size(result["body"], result["isBase64Encoded"]),
            }
            if result["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR and not record.failures:
                record.level = max(record.level, logging.WARNING)
                record.failed(record.fields.get("error") or str(result["statusCode"]))
        return result

    return answered


def _addressed(event: Event) -> dict[str, str]:
    """What the address names; of the query only what can be a version, for anything might be in there."""
    named = event.get("pathParameters") or {}
    found = {name: unquote(named[name])[:TEXT] for name in _NAMED if name in named}
    version = (event.get("queryStringParameters") or {}).get("version", "")
    return found | ({"version": version} if VERSION.fullmatch(version) else {})


def _size(body: str | None, is_base64: object) -> int:
    if not body:
        return 0
    if is_base64:
        return len(body) * 3 // 4 - body.count("=", -2)
    return len(body) if body.isascii() else len(body.encode("utf-8", "surrogatepass"))


def running(run: Callable[[Event, Any], Result]) -> Callable[[Event, Any], Result]:
    """Decorates a worker function: each run writes one line, but one that gives 0 and had nothing to do."""

    @wraps(run)
    def ran(event: Event, context: Any) -> Result:
        if _write is None:
            return run(event, context)
        with _recorded(context, context.aws_request_id) as record:
            result = run(event, context)
            record.silent = result == 0 and not record.messages
            return result

    return ran
