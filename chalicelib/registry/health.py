"""Whether the service reaches its two stores."""

from collections.abc import Callable

from chalicelib.schema.documents import Health
from chalicelib.store import objects, table


def check() -> Health:
    """One line each for the service and its stores; `ok` only when both answer. One call to each."""
    bucket, rows = _line(objects.ping), _line(table.ping)
    if bucket == rows == "ok":
        return Health(service="ok", bucket=bucket, table=rows)
    return Health(service="degraded", bucket=bucket, table=rows, detail=f"bucket: {bucket}; table: {rows}")


def _line(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Exception as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"
