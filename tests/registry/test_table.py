"""Writes to a table that is busy: what it did not take is sent again, what it refuses is not."""

from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError

from chalicelib.errors import StoreBusy
from chalicelib.store import table
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed


@pytest.fixture(autouse=True)
def patient(aws, monkeypatch):
    """Nobody waits here; what was waited for is counted."""
    waited = []
    monkeypatch.setattr(table, "pause", lambda attempt, **_: waited.append(attempt))
    return waited


def answering(operation, *answers):
    """The first calls of this name end so: an error is raised, a function answers in place of the table."""
    original, left = BaseClient._make_api_call, list(answers)

    def call(client, name, arguments):
        if name != operation or not left:
            return original(client, name, arguments)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(lambda changed: original(client, name, changed), arguments)

    return patch.object(BaseClient, "_make_api_call", call)


def taking(count):
    """Takes the first writes of a batch alone, as a throttled table does."""

    def answer(send, arguments):
        ((name, writes),) = arguments["RequestItems"].items()
        if writes[:count]:
            send({**arguments, "RequestItems": {name: writes[:count]}})
        left = {name: writes[count:]} if writes[count:] else {}
        return {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}

    return answer


def rows():
    return {(row.pk, row.sk): row.body for row in table.scan("p")}


@pytest.mark.parametrize("refused", [[0], [1], [24], [7, 3], [0, 0, 0, 1, 0]])
@pytest.mark.parametrize("count", [1, 24, 25, 60])
def test_what_a_batch_left_unprocessed_is_sent_again(patient, refused, count):
    old = [Row("p", f"old{number:02}", body="x") for number in range(count)]
    table.write_many(old)
    new = [Row("p", f"new{number:02}", body=str(number)) for number in range(count)]
    with answering("BatchWriteItem", *map(taking, refused)):
        table.write_many(new, ((row.pk, row.sk) for row in old))
    assert rows() == {(row.pk, row.sk): row.body for row in new}


def test_a_table_that_takes_nothing_is_busy(patient):
    with answering("BatchWriteItem", *[taking(0)] * 20), pytest.raises(StoreBusy):
        table.write_many([Row("p", "s", body="x")])
    assert len(patient) == 10
    assert rows() == {}


def cancelled(*codes):
    reasons = [{"Code": code, "Message": "m"} for code in codes]
    error = {
        "Error": {"Code": "TransactionCanceledException", "Message": "m"},
        "CancellationReasons": reasons,
    }
    return ClientError(error, "TransactWriteItems")


def transact():
    table.transact(Changes(puts=[(Row("p", "a"), None), (Row("p", "b"), None)]))


@pytest.mark.parametrize("condition", [Row.pk.exists(), Row.body == "x"])
def test_a_check_that_fails_keeps_a_transaction_from_happening(condition):
    changes = Changes(puts=[(Row("p", "a"), None)], checks=[(("p", "b"), condition)])
    with pytest.raises(ConditionFailed):
        table.transact(changes)
    assert rows() == {}
    table.put(Row("p", "b", body="x"))
    table.transact(changes)
    assert set(rows()) == {("p", "a"), ("p", "b")}


PASSING = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("times", [1, 7])
def test_a_conflict_that_passes_is_tried_again(patient, code, times):
    with answering("TransactWriteItems", *[cancelled("None", code)] * times):
        transact()
    assert set(rows()) == {("p", "a"), ("p", "b")}
    assert len(patient) == times


@pytest.mark.parametrize("code", PASSING)
def test_a_conflict_that_lasts_is_given_up(patient, code):
    with answering("TransactWriteItems", *[cancelled(code)] * 20), pytest.raises(StoreBusy):
        transact()
    assert len(patient) == 8
    assert rows() == {}


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_what_is_refused_for_good_is_tried_once(patient, code):
    with answering("TransactWriteItems", cancelled("None", code)), pytest.raises(TransactWriteError):
        transact()
    assert (patient, rows()) == ([], {})


@pytest.mark.parametrize("others", [[], ["TransactionConflict"], ["None", "ThrottlingError"]])
def test_a_condition_that_failed_is_told_at_once_whatever_else_failed(patient, others):
    failed = cancelled(*others, "ConditionalCheckFailed")
    with answering("TransactWriteItems", failed), pytest.raises(ConditionFailed):
        transact()
    assert patient == []


def test_an_error_without_reasons_is_no_conflict(patient):
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m"}}, "TransactWriteItems")
    with answering("TransactWriteItems", denied), pytest.raises(TransactWriteError):
        transact()
    assert patient == []


@pytest.mark.parametrize(
    ("operation", "write"),
    [
        ("PutItem", lambda: table.put(Row("p", "s"))),
        ("UpdateItem", lambda: table.update(("p", "s"), [Row.body.set("x")])),
        ("DeleteItem", lambda: table.delete(("p", "s"))),
    ],
)
def test_only_a_failed_condition_is_told_as_one(operation, write):
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m"}}, operation)
    with answering(operation, denied), pytest.raises(Exception, match="AccessDenied") as caught:
        write()
    assert not isinstance(caught.value, ConditionFailed)
    failed = ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": "m"}}, operation)
    with answering(operation, failed), pytest.raises(ConditionFailed):
        write()
