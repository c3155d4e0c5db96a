"""Whether the service reaches its two stores."""

from collections.abc import Callable

from chalicelib.schema.documents import Health
from chalicelib.store import bucket, table


def check() -> Health:
    """One line each for the service and its stores; `ok` only when both answer. One call to each."""
    objects, rows = _line(bucket.ping), _line(table.ping)
    if objects == rows == "ok":
        return Health(service="ok", bucket=objects, table=rows)
    return Health(service="degraded", bucket=objects, table=rows, detail=f"bucket: {objects}; table: {rows}")


def _line(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Exception as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"
