"""Runs the functions that AWS would call by itself: for objects that appear, and on a schedule."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from devserver.events import Record
from devserver.proxy import Context

log = logging.getLogger("devserver")

_SECONDS = 900.0
"""Lambda's limit for one run:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
_PAUSES = (1.0, 5.0, 15.0)
"""Seconds before each further try of a failed run. Lambda tries again as well, after minutes:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

Function = Callable[[dict[str, Any], Context], Any]


class Worker:
    """Runs the worker function, once for each S3 record and four side by side."""

    def __init__(self, function: Function, stop: Event, pauses: Sequence[float] = _PAUSES) -> None:
        """`pauses` are the seconds before each further try of a failed run; `stop` ends them."""
        self._function = function
        self._stop = stop
        self._pauses = pauses
        self._threads = ThreadPoolExecutor(4, "function")

    def __call__(self, record: Record) -> None:
        """Has the function run for this record soon; does not wait."""
        self._threads.submit(self._run, record)

    def _run(self, record: Record) -> None:
        key = record["s3"]["object"]["key"]
        for pause in (*self._pauses, None):
            try:
                self._function({"Records": [record]}, Context("on_object_created", _SECONDS))
            except Exception:
                again = "given up" if pause is None else f"again in {pause:g} s"
                log.exception("on_object_created %s failed; %s", key, again)
                if pause is None or self._stop.wait(pause):
                    return
            else:
                log.info("on_object_created %s", key)
                return


def repeat(function: Function, name: str, every: float, stop: Event) -> None:
    """Calls a scheduled function now and then every so many seconds, whatever becomes of a call."""
    while not stop.is_set():
        try:
            function({}, Context(name, _SECONDS))
        except Exception:
            log.exception("%s failed; again in %.0f s", name, every)
        stop.wait(every)
