"""Every answer is ours: shapes, headers, and errors that tell nothing of our insides."""

import logging

import botocore.exceptions
import pynamodb.exceptions
import pytest
import urllib3.exceptions
from chalice.deploy import validate
from events import call
from msgspec import Struct
from sample import APP, Echo, make_app

from chalicelib.errors import Conflict, StoreBusy, WeighthouseError
from chalicelib.http.answers import Answer, proxy_answer
from chalicelib.http.gateway import Weighthouse
from chalicelib.http.negotiation import wants_binary
from chalicelib.http.operations import Operation, operation


def client_error(
    code: str, status: int = 400, reasons: tuple[str, ...] = ()
) -> botocore.exceptions.ClientError:
    response = {
        "Error": {"Code": code, "Message": "secret-bucket"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return botocore.exceptions.ClientError(response, "PutItem")


def raising(error: Exception) -> Weighthouse:
    def fail() -> Echo:
        """Fails."""
        raise error

    return make_app(Operation("GET", "/fail", fail, None, None, None, None, None, {200: Echo}, ()))


def test_a_struct_is_json_with_the_common_headers():
    reply = call(APP, "GET", "/things")
    assert (reply.status, reply.json()["size"]) == (200, 0)
    assert reply.headers == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": "request-1",
    }


def test_an_answer_sets_its_own_status_and_headers():
    reply = call(APP, "PUT", "/things", body="{}")
    assert (reply.status, reply.headers["Retry-After"]) == (202, "3")


def test_an_answer_without_a_body_has_no_content_type():
    reply = call(APP, "DELETE", "/things")
    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Type" not in reply.headers


def test_bytes_travel_as_base64_whatever_they_are_and_text_as_text():
    def answers(body: str | bytes) -> dict:
        answer = proxy_answer(Answer(200, body, {"Content-Type": "text/plain"}), "request-1")
        return {
            "text": answer["body"],
            "base64": answer["isBase64Encoded"],
            "type": answer["headers"]["Content-Type"],
        }

    assert answers(b"\xff") == {"text": "/w==", "base64": True, "type": "text/plain"}
    assert answers("é") == {"text": "é", "base64": False, "type": "text/plain"}


def test_bytes_are_base64_for_who_asks_and_a_redirect_for_the_others():
    path = {"owner": "o"}
    raw = APP(
        {
            "requestContext": {"httpMethod": "GET", "resourcePath": "/things/{owner}/content"},
            "pathParameters": path,
            "headers": {"accept": "application/zip"},
        },
        None,
    )
    assert (raw["body"], raw["isBase64Encoded"]) == ("AP9v", True)
    reply = call(APP, "GET", "/things/{owner}/content", path=path, headers={"Accept": "*/*"})
    assert (reply.status, reply.body, reply.headers["Location"]) == (307, b"", "https://example.org/x")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/zip", True),
        ("application/octet-stream", True),
        ("Application/ZIP ; q=0.5, */*", True),
        ("application/octet-stream,text/html", True),
        ("*/*", False),
        ("text/html, application/zip", False),
        ("multipart/form-data", False),
        ("application/*", False),
        ("", False),
        (None, False),
    ],
)
def test_the_first_type_in_accept_decides(accept, wanted):
    assert wants_binary(accept) is wanted


@pytest.mark.parametrize("resource", [None, "/nowhere", "/things/"])
def test_an_unknown_address_is_404(resource):
    reply = call(APP, "GET", resource)
    assert reply.status == 404
    assert "address" in reply.detail


def test_a_method_that_is_not_there_is_405_and_says_which_are():
    reply = call(APP, "PATCH", "/things")
    assert (reply.status, reply.headers["Allow"]) == (405, "DELETE, GET, HEAD, POST, PUT")
    assert reply.detail == "PATCH is not possible here; DELETE, GET, HEAD, POST, PUT is"


def test_our_errors_keep_their_status_and_words():
    reply = call(raising(Conflict("v1 of iris exists already")), "GET", "/fail")
    assert (reply.status, reply.detail) == (409, "v1 of iris exists already")
    assert "Retry-After" not in reply.headers
    busy = call(raising(StoreBusy("wait")), "GET", "/fail")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "2")


def test_an_error_that_repeats_half_a_surrogate_pair_is_still_sent():
    assert call(raising(Conflict("a\ud800")), "GET", "/fail").detail == "a\\ud800"


@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("RequestLimitExceeded"),
        client_error("SlowDown", 503),
        client_error("InternalServerError", 500),
        client_error("500", 500),
        client_error("TransactionCanceledException", reasons=("None", "TransactionConflict")),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://secret-bucket"),
        botocore.exceptions.ConnectTimeoutError(endpoint_url="http://secret-bucket"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://secret-bucket"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="http://secret-bucket"),
        botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        urllib3.exceptions.ReadTimeoutError(None, "http://secret-bucket", "secret"),
        pynamodb.exceptions.PutError("secret", client_error("ThrottlingException")),
        pynamodb.exceptions.QueryError("secret", botocore.exceptions.ReadTimeoutError(endpoint_url="secret")),
        pynamodb.exceptions.TransactWriteError(
            "secret", client_error("TransactionCanceledException", reasons=("ThrottlingError",))
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_store_that_throttles_or_is_out_of_reach_is_503_with_retry_after(error):
    reply = call(raising(error), "GET", "/fail")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
    assert "secret" not in reply.detail


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        KeyError("secret"),
        RecursionError("secret"),
        MemoryError(),
        client_error("AccessDenied", 403),
        client_error("ValidationException"),
        client_error("TransactionCanceledException", reasons=("ConditionalCheckFailed",)),
        pynamodb.exceptions.PutError("secret", client_error("ResourceNotFoundException")),
        botocore.exceptions.NoCredentialsError(),
        WeighthouseError("WEIGHTHOUSE_FORM_LIMIT is 'x'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_else_is_500_without_our_insides(error, caplog):
    with caplog.at_level(logging.ERROR, "chalicelib"):
        reply = call(raising(error), "GET", "/fail")
    assert reply.status == 500
    assert reply.detail == "Internal error. Request id request-1"
    assert "request-1" in caplog.text
    assert "Traceback" in caplog.text


def test_an_answer_that_cannot_be_written_is_500():
    class Odd(Struct):
        value: object

    app = raising(ValueError())
    app.register([Operation("GET", "/odd", lambda: Odd(object()), None, None, None, None, None, {}, ())])
    assert call(app, "GET", "/odd").status == 500


def test_the_function_stays_callable_and_its_parameters_are_checked():
    operations: list[Operation] = []

    @operation("GET", "/a/{b}", scope=None, answers={200: Echo}, into=operations)
    def get_b(b: str) -> Echo:
        """B."""
        return Echo(path={"b": b})

    assert get_b("x").path == {"b": "x"}
    assert [each.handler for each in operations] == [get_b]

    def get_c(b: str) -> Answer:
        """C."""
        return Answer()

    for path in ("/a", "/a/{c}", "/a/{b}/{c}"):
        with pytest.raises(TypeError, match="get_c must take"):
            operation("GET", path, scope=None, answers={200: Echo}, into=operations)(get_c)
    assert len(operations) == 1


def test_a_route_can_be_declared_only_once():
    with pytest.raises(ValueError, match="Duplicate"):
        make_app().register(
            [Operation("GET", "/things", lambda: Echo(), None, None, None, None, None, {}, ())]
        )


def test_chalice_packages_the_routes():
    validate.validate_routes(APP.routes)
    validate.validate_route_content_types(APP.routes, APP.api.binary_types)
    assert APP.api.binary_types == ["multipart/form-data", "application/octet-stream", "application/zip"]
    assert APP.routes["/things"]["POST"].content_types == ["multipart/form-data"]
