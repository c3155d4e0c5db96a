"""Whether the service reaches its two stores."""

from collections.abc import Callable

from chalicelib.schema.documents import Health
from chalicelib.store import objects, table


def check() -> Health:
    """One line each for the service and its stores; `ok` only when both answer. One call to each."""
    stores = {"bucket": _line(objects.ping), "table": _line(table.ping)}
    ok = all(line == "ok" for line in stores.values())
    return Health(service="ok" if ok else "degraded", **stores)


def _line(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Exception as error:
        return f"unreachable ({type(error).__name__})"
    return "ok"
