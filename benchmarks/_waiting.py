"""Uploads that were handed over, and how they end."""

import time
from threading import Event

import requests

from benchmarks._service import Client, Refused

SETTLING = 60.0
"""Seconds that work which goes on after a restart may take."""


def wait(client: Client, upload_id: str, stop: Event) -> str:
    """The state in which an upload ends, or in which it is when nobody waits any more."""
    deadline = time.monotonic() + SETTLING
    while True:
        try:
            state: str = client.ask("GET", f"/uploads/{upload_id}").json()["state"]
        except Refused as refusal:
            if refusal.status != requests.codes.not_found:
                raise
            return "unknown"
        if state in ("ready", "failed", "expired", "uploading") or stop.wait(0.1):
            return state
        if time.monotonic() > deadline:
            return "stuck"
