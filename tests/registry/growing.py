"""What one request costs: its calls to AWS, what these send and return, its answer, and the processor's time."""

import time
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import botocore.client

CONSTANT, LINEAR = "constant", "linear"
TIMES = 4
"""The larger request has so many times as much of its input as the smaller one."""
DATA = ("rows", "sent", "received", "answer")
LINEARLY = 5
"""What is linear may grow so many times: names get longer with their number, and a row of a tag has marks of all."""
SPARE = 512
"""Bytes by which the lengths of names and numbers may differ."""
PROCESSOR = 9
"""The time may grow so many times: 4 is linear, 16 is quadratic, and a busy machine blurs both."""
BLUR = 0.05
"""Seconds of the processor that no input needs to explain."""


@dataclass(frozen=True)
class Growth:
    """How the costs of a request may grow with the size of an input."""

    calls: str = CONSTANT
    data: str = CONSTANT
    timed: bool = False
    """Whether the time is held as well: where most of the work is done without AWS."""


@contextmanager
def measured():
    """The costs of what is done meanwhile, but for the answer's; calls that fail count too."""
    original, answers, cost = botocore.client.BaseClient._make_api_call, [], {}

    def watched(client, name, arguments):
        answer = {}
        try:
            answer = original(client, name, arguments)
        finally:
            found = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
            answers.append((arguments, found))
        return answer

    begun = time.process_time()
    with patch.object(botocore.client.BaseClient, "_make_api_call", watched):
        yield cost
    cost["processor"] = time.process_time() - begun
    cost["calls"] = len(answers)
    cost["sent"] = sum(len(repr(arguments)) for arguments, _ in answers)
    cost["received"] = sum(len(repr(answer)) for _, answer in answers)
    cost["rows"] = sum(_rows(answer) for _, answer in answers)


def _rows(answer):
    """The rows that DynamoDB has read, also those that a filter holds back."""
    got = sum(len(rows) for rows in answer.get("Responses", {}).values())
    return answer.get("ScannedCount", 0) + got + ("Item" in answer)


def cost_of(api, request, wanted):
    """What a request costs, as (method, path, how to send its body); fails unless it is answered with this status."""
    method, path, body = request
    with measured() as cost:
        answer = api.request(method, path, **body)
    assert answer.status == wanted, answer.content[:300]
    return cost | {"answer": _length(answer)}


def _length(answer):
    return len(answer.content) + sum(map(len, answer.headers.values()))


def excess(growth, small, large):
    """The costs that have grown more than they may, with both figures."""
    allowed = {"calls": _allowed(growth.calls, small["calls"], 0)}
    for kind in DATA:
        allowed[kind] = _allowed(growth.data, small[kind], 0 if kind == "rows" else SPARE)
    if growth.timed:
        allowed["processor"] = PROCESSOR * small["processor"] + BLUR
    return {kind: (small[kind], large[kind]) for kind, most in allowed.items() if large[kind] > most}


def _allowed(kind, small, spare):
    return spare + (small if kind == CONSTANT else LINEARLY * small)
