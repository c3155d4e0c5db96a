"""Logs and metrics: one JSON line for each request and each run of a function, metrics in the same line.

    telemetry.note(upload_id=upload.upload_id)
    telemetry.add(planned_bytes=upload.bytes_total)

say more in the line of the request that is being answered; where none is written, in `make run` for instance,
they do nothing. docs/operating.md lists what a line has.
"""

from chalicelib.telemetry.calls import timed, watch
from chalicelib.telemetry.functions import answering, running, start
from chalicelib.telemetry.records import add, failed, note

__all__ = ["add", "answering", "failed", "note", "running", "start", "timed", "watch"]
