"""DynamoDB's calls made to moto without a wire between: writing, signing, matching and reading HTTP is most of a call.

Tests against real stores send what these leave out. Tables are made and described over the wire as well.
"""

import json
from functools import cache

from botocore.hooks import HierarchicalEmitter
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import HTTPException
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler

OPERATIONS = {
    *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"),
    *("TransactGetItems", "TransactWriteItems", "UpdateItem"),
}


def _copied(thing):
    """What would have been sent: nothing of moto's may be what the service holds."""
    return json.loads(json.dumps(thing))


@cache
def _method(operation):
    return getattr(DynamoHandler, camelcase_to_underscores(operation))


def _answer(operation, arguments):
    handler = DynamoHandler()
    handler.params = handler.body = _copied(arguments)
    handler.current_account, handler.region, handler.uri_match = DEFAULT_ACCOUNT_ID, "us-east-1", {}
    return _copied(_method(operation)(handler).result)


def call(client, operation, arguments):
    """As `BaseClient._make_api_call`, with its events at both ends of a call and its errors."""
    events: HierarchicalEmitter = client.meta.events
    model = client.meta.service_model.operation_model(operation)
    context = {}
    events.emit(f"before-call.dynamodb.{operation}", model=model, params={"headers": {}}, context=context)
    status, error = 200, None
    try:
        answer = _answer(operation, arguments)
    except HTTPException as refused:
        said = json.loads(refused.description)
        code = said.pop("__type").rpartition("#")[2]
        message = said.pop("message", None) or said.pop("Message", "")
        status, answer = 400, {"Error": {"Code": code, "Message": message}, **said}
        error = client.exceptions.from_code(code)
    answer["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    events.emit(
        f"after-call.dynamodb.{operation}", http_response=None, parsed=answer, model=model, context=context
    )
    if error:
        raise error(answer, operation)
    return answer
