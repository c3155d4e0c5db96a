"""Counts the AWS calls that are made while it is entered, and the capacity that DynamoDB would bill for them."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from chalicelib.store import table
from chalicelib.store.rows import Row

READ_UNIT = 4096
"""Bytes of a read unit:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
PROBE = ("benchmark", "probe")

Call = Callable[[Any, str, dict[str, Any]], Any]


class Meter:
    """Calls by service, and read and write units.

    Stand-ins that answer the same for a row of any size are not believed: then reads are computed from what
    was read, where a filter hides some of it by asking again without the filter.
    """

    def __init__(self, *, believed: bool) -> None:
        """`believed` says whether the store's own figures count (see `reports_reads`)."""
        self.calls: Counter[str] = Counter()
        self.reads = 0.0
        self.writes = 0.0
        self._believed = believed
        self._lock = Lock()

    @contextmanager
    def running(self) -> Iterator["Meter"]:
        """Counts what this process asks of S3 and DynamoDB in the block, in whatever thread."""
        original: Call = getattr(BaseClient, "_make_api_call")  # noqa: B009 - in no stub

        def counted(client: Any, name: str, arguments: dict[str, Any]) -> Any:
            answer = original(client, name, arguments)
            service = client.meta.service_model.service_name
            reads = writes = 0.0
            if service == "dynamodb":
                reported = _reported(answer)
                if name not in ("Query", "GetItem", "BatchGetItem"):
                    writes = reported
                elif self._believed:
                    reads = reported
                else:
                    reads = _computed(lambda more: original(client, name, more), name, arguments, answer)
            with self._lock:
                self.calls[f"{service} {name}"] += 1
                self.reads += reads
                self.writes += writes
            return answer

        with patch.object(BaseClient, "_make_api_call", counted):
            yield self

    def count(self, service: str) -> int:
        """How many calls to this service there were."""
        return sum(count for name, count in self.calls.items() if name.startswith(service))


def reports_reads() -> bool:
    """Whether the store's figures follow the size of what is read, as DynamoDB's do."""
    table.put(Row(*PROBE, body="x" * (2 * READ_UNIT)))
    meter = Meter(believed=True)
    with meter.running():
        table.get(*PROBE)
    return meter.reads > 2


def _reported(answer: Mapping[str, Any]) -> float:
    capacity = answer.get("ConsumedCapacity") or []
    each = capacity if isinstance(capacity, list) else [capacity]
    return float(sum(one.get("CapacityUnits", 0.0) for one in each))


def _computed(
    ask: Callable[[dict[str, Any]], Any], name: str, arguments: dict[str, Any], answer: dict[str, Any]
) -> float:
    """Read units by DynamoDB's rules: a Query's rows are added up, a BatchGetItem's each rounded for itself."""
    if name == "BatchGetItem":
        [request] = arguments["RequestItems"].values()
        [items] = answer["Responses"].values()
        missing = len(request["Keys"]) - len(items)
        units = sum(map(_units, items)) + missing
        return units * (1.0 if request.get("ConsistentRead") else 0.5)
    share = 1.0 if arguments.get("ConsistentRead") else 0.5
    if name == "GetItem":
        return share * _units(answer.get("Item", {}))
    if "FilterExpression" in arguments or "ProjectionExpression" in arguments:
        answer = ask(_unfiltered(arguments))
    return share * max(1, math.ceil(sum(map(item_size, answer["Items"])) / READ_UNIT))


def _unfiltered(arguments: dict[str, Any]) -> dict[str, Any]:
    left_out = ("FilterExpression", "ProjectionExpression")
    kept = {name: value for name, value in arguments.items() if name not in left_out}
    condition = kept["KeyConditionExpression"]
    for placeholders in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        # DynamoDB refuses placeholders that nothing uses; as whole words, since :1 begins :10.
        used = set(condition.replace("(", " ").replace(")", " ").replace(",", " ").split())
        kept[placeholders] = {
            name: value for name, value in kept.get(placeholders, {}).items() if name in used
        }
    return kept


def _units(item: Mapping[str, Any]) -> int:
    return max(1, math.ceil(item_size(item) / READ_UNIT))


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Bytes of a row as DynamoDB counts them, near enough for numbers:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    if kind == "N":
        return len(content) // 2 + 1
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    return len(content.encode())
