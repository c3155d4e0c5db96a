"""Whether the service reaches its two stores."""

from collections.abc import Callable

from chalicelib.errors import StoreBusy
from chalicelib.schema.documents import Health
from chalicelib.store import objects, table


def check() -> Health:
    """One line each for the service and its stores; `StoreBusy` says which can't be reached. One call to each."""
    bucket, rows = _line(objects.ping), _line(table.ping)
    if bucket != "ok" or rows != "ok":
        raise StoreBusy(f"bucket: {bucket}; table: {rows}")
    return Health(service="ok", bucket=bucket, table=rows)


def _line(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Exception as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"
