"""Calls made to moto without a wire between: writing, signing, matching and reading HTTP is most of a call.

Tests against real stores send what these leave out. Tables are made and described over the wire as well.
"""

import json
from functools import cache

from botocore.awsrequest import AWSResponse
from botocore.endpoint import convert_to_response_dict
from botocore.hooks import HierarchicalEmitter
from botocore.httpchecksum import AwsChunkedWrapper
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import MockRawResponse
from moto.core.exceptions import HTTPException
from moto.core.request import Request
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response

OPERATIONS = {
    *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"),
    *("TransactGetItems", "TransactWriteItems", "UpdateItem"),
}

SIGNED = {"Authorization": "by anybody"}


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


def send(endpoint, operation_model, request):
    """As `Endpoint.make_request` of S3's client: of an object, or of the bucket."""
    url, headers = request["url"], {**request["headers"], **SIGNED}
    if isinstance(request["body"], AwsChunkedWrapper):
        headers["x-amz-content-sha256"] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    made = Request.from_primitives(request["method"], url, headers, request["body"])
    of_object = "Key" in operation_model.input_shape.members
    dispatch = S3Response.key_dispatch if of_object else S3Response.bucket_dispatch
    try:
        status, headers, body = dispatch(made, made.raw_url, made.headers)
    except HTTPException as refused:
        status, headers, body = refused.code, refused.get_headers(), refused.get_body()
    answer = AWSResponse(url, status, headers, MockRawResponse(body))
    parser = endpoint._response_parser_factory.create_parser("rest-xml")
    shape = operation_model.output_shape
    return answer, parser.parse(convert_to_response_dict(answer, operation_model), shape)
