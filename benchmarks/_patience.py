"""A client that tries again as a sensible one does, and counts what the service answers meanwhile."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeVar

import requests

from benchmarks._service import TIMEOUT, Client, Refused, pieces

AGAIN = {429, 502, 503, 504}
"""Statuses with which one tries again; 500 is not among them: whoever gets it has been failed."""
STORE_AGAIN = AGAIN | {500}
"""Those of the store itself, behind presigned URLs: S3 asks for it
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorBestPractices.html)."""
_PAUSE, _LONGEST = 0.2, 2.0
"""Seconds before the second try, doubled for each further one, at most."""

Given = TypeVar("Given")


class PatientClient(Client):
    """Repeats a request until it is answered, for so many seconds."""

    def __init__(self, url: str, patience: float, bearer: str = "") -> None:
        """`url` can be set anew when the service has come back at another."""
        super().__init__(url, bearer)
        self.patience = patience
        self.statuses: Counter[int] = Counter()
        """Of all answers of the service."""
        self.repeated = 0
        self._lock = Lock()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """As `Client.ask`, again and again; what it raises at last has the number of tries as `tries`."""

        def once() -> requests.Response:
            try:
                answer = super(PatientClient, self).ask(method, path, allow_redirects=False, **options)
            except Refused as refusal:
                self._count(refusal.status)
                raise
            self._count(answer.status_code)
            return answer

        return self._patiently(once, AGAIN)

    def put(self, url: str, data: bytes) -> None:
        """Sends bytes to a presigned URL."""

        def once() -> None:
            answer = self._session.put(url, data=data, timeout=TIMEOUT)
            if answer.status_code >= 400:
                raise Refused(answer)

        self._patiently(once, STORE_AGAIN)

    def fetch(self, url: str) -> bytes:
        """The bytes that a presigned URL serves."""

        def once() -> bytes:
            answer = self._session.get(url, timeout=TIMEOUT)
            if answer.status_code >= 400:
                raise Refused(answer)
            return answer.content

        return self._patiently(once, STORE_AGAIN)

    def _content(self, answer: requests.Response) -> bytes:
        return self.fetch(answer.headers["Location"])

    def plan(self, kind: str, fields: Mapping[str, Any]) -> Any:
        """An upload plan; one whose answer was lost is given up, and another made."""
        try:
            return super().plan(kind, fields)
        except Refused as refusal:
            own = re.search(r"\(upload ([0-9a-f]{32})", str(refusal))
            if own is None or vars(refusal)["tries"] == 1:
                raise
            self.ask("DELETE", f"/uploads/{own[1]}")
            return super().plan(kind, fields)

    def send(self, plan: Any, contents: Mapping[str, bytes]) -> requests.Response:
        """As `Client.send`."""
        self.send_parts(plan, contents)
        return self.ask("POST", f"/uploads/{plan['upload_id']}/complete")

    def send_parts(self, plan: Any, contents: Mapping[str, bytes]) -> None:
        """Sends the bytes that a plan asks for, by file name."""
        for url, data in pieces(plan, contents):
            self.put(url, data)

    def _count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1

    def _patiently(self, once: Callable[[], Given], again: set[int]) -> Given:
        deadline = time.monotonic() + self.patience
        tries = 0
        while True:
            tries += 1
            wait = min(_LONGEST, _PAUSE * 2 ** (tries - 1))
            try:
                return once()
            except (requests.RequestException, Refused) as error:
                may = not isinstance(error, Refused) or error.status in again
                if not may or time.monotonic() > deadline:
                    vars(error)["tries"] = tries
                    raise
                if isinstance(error, Refused):
                    wait = max(wait, error.retry_after)
            with self._lock:
                self.repeated += 1
            time.sleep(wait)
