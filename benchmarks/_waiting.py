"""Uploads that were handed over, and how they end."""

import time
from threading import Event

import requests

from benchmarks._service import Client, Refused

SETTLING = 60.0
"""Seconds that work may take which resumes after a restart."""
ENDED = ("ready", "failed", "expired", "uploading", "unknown")
"""The states of an upload on which nobody works: `unknown` is one that is gone."""


def state_of(client: Client, upload_id: str) -> str:
    """The state of an upload, `unknown` where there is none."""
    try:
        state: str = client.ask("GET", f"/uploads/{upload_id}").json()["state"]
    except Refused as refusal:
        if refusal.status != requests.codes.not_found:
            raise
        return "unknown"
    return state


def wait(client: Client, upload_id: str, stop: Event) -> str:
    """The state in which an upload ends, or in which it is when nobody waits any more."""
    deadline = time.monotonic() + SETTLING
    while True:
        state = state_of(client, upload_id)
        if state in ENDED or stop.wait(0.1):
            return state
        if time.monotonic() > deadline:
            return "stuck"
