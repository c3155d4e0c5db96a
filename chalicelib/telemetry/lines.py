"""A record as a line: JSON for whoever searches the log, with the metrics that CloudWatch takes out of it.

The embedded metric format is specified at
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import re
import time
from http import HTTPStatus
from typing import Any

from chalicelib.telemetry.records import Record

NAMESPACE = "Weighthouse"
_UNITS = {
    "latency": "Milliseconds",
    "planned_bytes": "Bytes",
    "unpacked_bytes": "Bytes",
    "failures": "Count",
}
_DIMENSIONS = {"failures": ["function", "reason"]}
"""Those of the metrics that have others than the function alone; each combination is paid for as a metric."""

_SECRETS = r"\?[^\s'\"<>]+=[^\s'\"<>]*|\bwh_\w+|\beyJ[\w-]+\.[\w.-]+|(?i:\bbearer )\S+"
"""Query strings, which may be signatures, and tokens."""


def without_secrets(text: str) -> str:
    """A message or trace without what nobody who reads a log should be able to use."""
    return re.sub(_SECRETS, "…", text)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as Lambda wants it beside `level`:
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html"""
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"


def line(record: Record) -> str:
    """The line of a record that is complete."""
    latency = _milliseconds(time.perf_counter() - record.began)
    metrics = {"latency": latency, **record.amounts}
    if record.failures:
        metrics["failures"] = record.failures
    fields = record.fields
    if "user" not in fields and "user_id" in fields and fields.get("status") != HTTPStatus.UNAUTHORIZED:
        # Where nobody is asked who they are, and in the worker, it is the user whose things these are.
        fields = {"user": fields["user_id"], **fields}
    said = {
        "timestamp": timestamp(record.time),
        "level": logging.getLevelName(record.level),
        "function": record.function,
        "request_id": record.request_id,
        **fields,
        **({"reason": record.reason} if record.failures else {}),
        **metrics,
        **_calls(record),
        **({"log": record.messages} if record.messages else {}),
        **({"log_left_out": record.messages_left_out} if record.messages_left_out else {}),
        **({"trace": record.trace} if record.trace else {}),
        "_aws": {"Timestamp": int(record.time * 1000), "CloudWatchMetrics": _directives(metrics)},
    }
    return json.dumps(said, separators=(",", ":"))


def message_line(level: str, seconds: float, message: dict[str, str], trace: str | None) -> str:
    """The line of a message that was logged outside of any request."""
    said = {"timestamp": timestamp(seconds), "level": level, **message}
    return json.dumps(said | ({"trace": trace} if trace else {}), separators=(",", ":"))


def _calls(record: Record) -> dict[str, Any]:
    calls = record.calls
    return {
        "aws_calls": sum(count for count, _ in calls.values()),
        "aws_ms": _milliseconds(sum(seconds for _, seconds in calls.values())),
        "aws": {
            name: {"calls": count, "ms": _milliseconds(seconds)} for name, (count, seconds) in calls.items()
        },
    }


def _directives(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    by_dimensions: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for name in metrics:
        dimensions = tuple(_DIMENSIONS.get(name, ["function"]))
        by_dimensions.setdefault(dimensions, []).append({"Name": name, "Unit": _UNITS[name]})
    return [
        {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": named}
        for dimensions, named in by_dimensions.items()
    ]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
