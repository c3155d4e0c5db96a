"""What one request, or one run of a function, has to say of itself."""

import logging
import time
from contextvars import ContextVar
from threading import Lock
from typing import Any

TEXT = 200
"""Characters of a noted text: all names of ours are shorter, what a client made up need not be."""
MESSAGES = 20
"""Messages that a line takes; a line of CloudWatch Logs has a limit, and what is logged most repeats itself:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""


class Record:
    """Collects what becomes one line; any thread may add to it."""

    def __init__(self, function: str, request_id: str) -> None:
        self.function = function
        self.request_id = request_id
        self.time = time.time()
        self.began = time.perf_counter()
        self.level = logging.INFO
        self.fields: dict[str, Any] = {}
        self.amounts: dict[str, int] = {}
        self.calls: dict[str, tuple[int, float]] = {}
        self.messages: list[dict[str, str]] = []
        self.messages_left_out = 0
        self.trace: str | None = None
        self.silent = False
        self.failures = 0
        self.reason = ""
        self._lock = Lock()

    def called(self, name: str, seconds: float) -> None:
        """Counts a call to AWS."""
        with self._lock:
            count, total = self.calls.get(name, (0, 0.0))
            self.calls[name] = count + 1, total + seconds

    def add(self, name: str, amount: int) -> None:
        """Adds to one of the amounts."""
        with self._lock:
            self.amounts[name] = self.amounts.get(name, 0) + amount

    def failed(self, reason: str) -> None:
        """Counts a failure; of several in one line the first names the reason."""
        self.failures += 1
        self.reason = self.reason or reason

    def log(self, level: int, message: dict[str, str], trace: str | None) -> None:
        """Takes a message up into the line, and the first trace as the line's own."""
        self.level = max(self.level, level)
        if trace is not None and self.trace is None:
            self.trace, trace = trace, None
        if len(self.messages) < MESSAGES:
            self.messages.append(message if trace is None else {**message, "trace": trace})
        else:
            self.messages_left_out += 1


current: ContextVar[Record | None] = ContextVar("record", default=None)
"""The record of the request that is being answered; None where no line is to be written."""


def note(**fields: str | None) -> None:
    """Names something in the current line; what is noted last stays, and None says nothing."""
    record = current.get()
    if record is not None:
        record.fields.update({name: text[:TEXT] for name, text in fields.items() if text})


def add(**amounts: int) -> None:
    """Adds to amounts of the current line, `planned_bytes` or `unpacked_bytes`."""
    record = current.get()
    if record is not None:
        for name, amount in amounts.items():
            record.add(name, amount)


def failed(error: BaseException) -> None:
    """Counts a failure in the current line, with the error's class as its reason."""
    record = current.get()
    if record is not None:
        record.failed(type(error).__name__)
