"""What a request costs grows no faster than what its sender puts into it.

Each route is asked with so much of an input and with four times as much. The calls to AWS and their bytes may grow as
the input does. The time of the processor may grow ninefold: four times is linear, sixteen times is quadratic, and a
busy machine blurs both.
"""

import time
from contextlib import contextmanager
from unittest.mock import patch

import botocore.client
import pytest

PLAN = {"user_id": "ana", "model_id": "m", "name": "M"}
SINGLE = "/ai-models/upload/single"
IRIS = "/ai-models/ana/iris"
FEW, TIMES = 100, 4
PROCESSOR = 9
BLUR = 0.05
"""Seconds of the processor that no input needs to explain."""


def doubled(number):
    """JSON in which each key comes twice."""
    pairs = [f'"key{at}": 1' for at in range(number)] * 2
    return "{" + ", ".join(pairs) + "}"


def words(number):
    return " ".join(f"w{at}" for at in range(number))


def files(number):
    return [{"filename": f"f{at}", "file_size": 0} for at in range(number)]


def texts(number):
    return [f"t{at}" for at in range(number)]


INPUTS = {
    "keys that come twice": (50, "POST", SINGLE, doubled),
    "keys of metadata": (
        10,
        "POST",
        SINGLE,
        lambda n: {**PLAN, "filename": "a", "file_size": 0, "custom_metadata": dict.fromkeys(texts(n), 1)},
    ),
    "unknown fields": (10, "POST", SINGLE, lambda n: {**PLAN, **dict.fromkeys(texts(n), 1)}),
    "tags of a plan": (
        0.1,
        "POST",
        SINGLE,
        lambda n: {**PLAN, "filename": "a", "file_size": 0, "tags": texts(n)},
    ),
    "files of a plan": (2, "POST", "/ai-models/upload/files", lambda n: {**PLAN, "files": files(n)}),
    "files of one name": (2, "POST", "/ai-models/upload/files", lambda n: {**PLAN, "files": files(1) * n}),
    "words of a change": (2, "PUT", IRIS, lambda n: {"description": words(n)}),
    "tags of a change": (0.1, "PUT", IRIS, lambda n: {"tags": texts(n)}),
    "metadata of a change": (10, "PUT", IRIS, lambda n: {"custom_metadata": dict.fromkeys(texts(n), 1)}),
    "users of a share": (0.1, "PUT", f"{IRIS}/access", lambda n: {"users": texts(n)}),
    "words of a query": (
        1,
        "GET",
        lambda n: f"/ai-models/search/ana?query={words(n).replace(' ', '+')}",
        None,
    ),
    "tags of a filter": (1, "GET", lambda n: f"/ai-models/ana?tags={','.join(texts(n))}", None),
    "length of a token": (50, "GET", lambda n: f"/ai-models/ana?next_token={'9' * n}", None),
    "length of a path": (50, "GET", lambda n: f"{IRIS}/download?filename={'a/' * n}", None),
}
"""Each input with hundreds of what the smaller request has of it, and how the request is made."""


@contextmanager
def measured():
    """Counts the calls to AWS and what they send, and the processor's time."""
    original, cost = botocore.client.BaseClient._make_api_call, {"calls": 0, "bytes": 0}

    def counted(client, name, arguments):
        cost["calls"] += 1
        cost["bytes"] += len(repr(arguments))
        return original(client, name, arguments)

    begun = time.process_time()
    with patch.object(botocore.client.BaseClient, "_make_api_call", counted):
        yield cost
    cost["processor"] = time.process_time() - begun


def ask(api, method, path, make, number):
    address = path(number) if callable(path) else path
    body = make and make(number)
    with measured() as cost:
        answer = api.request(method, address, json_body=body)
    assert answer.status < 500, answer.content
    return cost


@pytest.mark.parametrize("name", INPUTS)
def test_a_request_costs_in_proportion_to_what_is_in_it(api, name):
    hundreds, method, path, make = INPUTS[name]
    api.upload()
    number = int(hundreds * FEW)
    ask(api, method, path, make, number)
    costs = []
    for size in (number, number * TIMES):
        tries = []
        for _ in range(3):
            give_up_plans(api)
            tries.append(ask(api, method, path, make, size))
        costs.append({kind: min(cost[kind] for cost in tries) for kind in tries[0]})
    small, large = costs
    assert large["calls"] <= max(TIMES * small["calls"], 2), costs
    assert large["bytes"] <= TIMES * small["bytes"] + 4_096, costs
    assert large["processor"] <= PROCESSOR * small["processor"] + BLUR, costs


def give_up_plans(api):
    """Gives up what a plan has reserved."""
    answer = api.post(SINGLE, {**PLAN, "filename": "a", "file_size": 0}).json
    named = answer.get("upload_id") or answer["detail"].partition("(upload ")[2].partition(":")[0]
    api.delete(f"/ai-models/uploads/{named}")
