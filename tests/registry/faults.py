"""Failures of the service in the middle of its work: killed at a call to AWS, or cut off from it for one call."""

from contextlib import contextmanager
from threading import Lock
from unittest.mock import patch

import botocore.client
from botocore.exceptions import EndpointConnectionError

READS = ("BatchGet", "Get", "Head", "List", "Query", "Scan")


class Killed(BaseException):
    """What every call raises from the moment at which the process is killed."""


class Fault:
    """Lets the call to AWS numbered `at`, counted from 0, fail: every one counts, or only those that write.

    `after` says whether it fails once it took effect, or before it was sent. A kill lasts: every later call
    fails, too. A cut is over with the one call, and is what botocore raises when its own retries are used up.
    """

    def __init__(self, at, *, after=False, kill=False, reads=True):
        self.at, self.after, self.kill, self.reads = at, after, kill, reads
        self.count = 0
        self.failed = None
        """The name of the call that failed; None while none has."""
        self._lock = Lock()

    def __repr__(self):
        return f"{'killed' if self.kill else 'cut'} {'after' if self.after else 'before'} #{self.at} {self.failed}"

    def _strikes(self, name):
        with self._lock:
            if self.failed is not None or (name.startswith(READS) and not self.reads):
                return False
            self.count += 1
            if self.count <= self.at:
                return False
            self.failed = name
            return True

    @contextmanager
    def acting(self):
        original = botocore.client.BaseClient._make_api_call

        def faulty(client, name, arguments):
            if self.kill and self.failed:
                raise Killed
            if not self._strikes(name):
                return original(client, name, arguments)
            if self.after:
                original(client, name, arguments)
            raise Killed if self.kill else EndpointConnectionError(endpoint_url="https://stub.invalid")

        with patch.object(botocore.client.BaseClient, "_make_api_call", faulty):
            yield


class Repeat(Fault):
    """Has the call numbered `at` of those that write made twice, as botocore does when the first answer is lost.

    DynamoDB knows a transaction again by its token, so none is repeated.
    """

    def __init__(self, at):
        super().__init__(at, reads=False)

    def __repr__(self):
        return f"repeated #{self.at} {self.failed}"

    @contextmanager
    def acting(self):
        original = botocore.client.BaseClient._make_api_call

        def repeating(client, name, arguments):
            if name != "TransactWriteItems" and self._strikes(name):
                original(client, name, dict(arguments))
            return original(client, name, arguments)

        with patch.object(botocore.client.BaseClient, "_make_api_call", repeating):
            yield


def repeats():
    """Each call that writes made twice, one after the other."""
    at = 0
    while True:
        repeat = Repeat(at)
        yield repeat
        if repeat.failed is None:
            break
        at += 1
    assert at > 1, "nothing was repeated"


def kills():
    """A kill before each call that writes: whatever is read between two of them makes no difference to the stores.

    To be taken until one found no call to strike.
    """
    at = 0
    while True:
        fault = Fault(at, kill=True, reads=False)
        yield fault
        if fault.failed is None:
            break
        at += 1
    assert at > 1, "nothing was killed"


def cuts(*, reads):
    """A cut before, and one after each call that writes; with `reads` also one at each call that reads."""
    kinds = [{"after": False, "reads": reads}, {"after": True, "reads": False}]
    for kind in kinds:
        at = 0
        while True:
            fault = Fault(at, **kind)
            yield fault
            if fault.failed is None:
                break
            at += 1
        assert at > 1, "nothing was cut"
