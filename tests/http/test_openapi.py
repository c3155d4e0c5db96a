"""The OpenAPI document says what the operations say, in a form that tools read."""

import json
from typing import Any
from unittest.mock import ANY

import pytest
import schemathesis
from each import each
from events import call
from sample import APP, OPERATIONS

from app import app
from chalicelib import __version__
from chalicelib.http.openapi import document
from chalicelib.http.operations import OPERATIONS as ALL

SAMPLE = json.loads(json.dumps(document(OPERATIONS, "none")))


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    reply = call(app, "GET", "/openapi.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    return reply.json()


def references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    return {node["$ref"]} if "$ref" in node else set().union(*map(references, node.values()))


def test_the_service_describes_all_its_operations(served):
    described = {
        (method.upper(), path): operation
        for path, methods in served["paths"].items()
        for method, operation in methods.items()
    }
    assert set(described) == {(each.method, each.path) for each in ALL}
    names = [operation["operationId"] for operation in described.values()]
    assert len(names) == len(set(names))
    assert served["openapi"].startswith("3.1.")
    assert served["info"]["version"] == __version__
    for operation in each(described.values()):
        assert operation["summary"]
        assert operation["tags"][0] in {tag["name"] for tag in served["tags"]}


@pytest.mark.parametrize("contract", ["served", "sample"])
def test_every_reference_leads_somewhere_and_nothing_lies_about(contract, request):
    contract = SAMPLE if contract == "sample" else request.getfixturevalue("served")
    prefix = "#/components/schemas/"
    assert references(contract) == {prefix + name for name in contract["components"]["schemas"]}


def test_schemathesis_reads_it(served):
    schema = schemathesis.openapi.from_dict(served)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == len(ALL)


def test_parameters_say_where_they_stand_and_what_they_may_be():
    get = SAMPLE["paths"]["/things/{owner}/{thing}"]["get"]
    parameters = {each["name"]: each for each in get["parameters"]}
    assert list(parameters)[:2] == ["owner", "thing"]
    assert all(
        parameters[name]["in"] == "path" and parameters[name]["required"] for name in ("owner", "thing")
    )
    count = {"name": "count", "in": "query", "required": False, "description": "How many."}
    assert parameters["count"] == {**count, "schema": {"type": "integer", "description": "How many."}}
    assert parameters["name"]["required"] is True
    assert (parameters["tags"]["style"], parameters["tags"]["explode"]) == ("form", False)
    assert parameters["kind"]["schema"] == {"enum": ["cat", "dog"], "default": "cat"}
    assert "accept" not in parameters


def test_summary_and_description_come_from_the_docstring():
    get = SAMPLE["paths"]["/things/{owner}/{thing}"]["get"]
    assert get["summary"] == "A thing; without `name` nothing."
    assert get["description"] == "More about\nthings."
    assert (get["operationId"], get["tags"]) == ("get_thing", ["sample"])
    assert SAMPLE["tags"][0]["description"].startswith("A small private application")


def test_a_body_can_be_json_or_a_form_with_its_file():
    content = SAMPLE["paths"]["/things"]["post"]["requestBody"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Plan"}
    form = content["multipart/form-data"]
    assert form["schema"]["required"] == ["file", "name"]
    assert form["schema"]["properties"]["file"]["format"] == "binary"
    assert form["schema"]["additionalProperties"] is False
    assert form["encoding"] == {name: {"style": "form", "explode": False} for name in ("shape", "tags")}
    assert SAMPLE["components"]["schemas"]["Plan"]["additionalProperties"] is False
    assert "requestBody" not in SAMPLE["paths"]["/things"]["get"]


def test_answers_say_what_each_status_carries():
    post = SAMPLE["paths"]["/things"]["post"]["responses"]
    either = {"anyOf": [{"$ref": "#/components/schemas/Echo"}, {"$ref": "#/components/schemas/Item"}]}
    assert post["200"]["content"]["application/json"]["schema"] == either
    assert list(post) == ["200", "400", "413", "415", "default"]
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorDocument"}}}
    assert all(post[status]["content"] == error for status in ("400", "413", "415", "default"))
    assert SAMPLE["paths"]["/things"]["delete"]["responses"]["204"] == {"description": "No Content"}
    put = SAMPLE["paths"]["/things"]["put"]["responses"]
    assert "Retry-After" in put["202"]["headers"]
    assert "exists already" in put["409"]["description"]
    content = SAMPLE["paths"]["/things/{owner}/content"]["get"]["responses"]
    assert list(content["200"]["content"]) == ["application/zip"]
    assert "Location" in content["307"]["headers"]
    assert "content" not in content["307"]


def test_an_answer_has_all_its_fields_whereas_a_request_may_leave_some_out():
    schemas = SAMPLE["components"]["schemas"]
    assert schemas["Echo"]["required"] == list(schemas["Echo"]["properties"])
    assert schemas["Plan"]["required"] == ["name", "filename"]
    assert schemas["Change"]["required"] == []
    reply = call(APP, "GET", "/things").json()
    assert sorted(reply) == sorted(schemas["Echo"]["required"])


PUBLIC = {"get_health", "get_openapi", "get_docs"}


def described(auth: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The service's document where callers are known in this way, and its operations by name."""
    contract = json.loads(json.dumps(document(ALL, auth)))
    every = [operation for methods in contract["paths"].values() for operation in methods.values()]
    return contract, {operation["operationId"]: operation for operation in every}


def test_without_authentication_no_security_is_claimed():
    contract, operations = described("none")
    assert "securitySchemes" not in contract["components"]
    assert not any("security" in operation for operation in operations.values())
    assert not any("401" in operation["responses"] for operation in operations.values())


@pytest.mark.parametrize("auth", ["jwt", "iam"])
def test_all_but_the_public_operations_are_secured(auth):
    contract, operations = described(auth)
    [scheme] = contract["components"]["securitySchemes"]
    assert {name for name, operation in operations.items() if "security" not in operation} == PUBLIC
    for operation in each(operations.values()):
        secured = operation["operationId"] not in PUBLIC
        assert operation.get("security", []) == [{scheme: ANY}] * secured
        for status in ("401", "403"):
            assert (status in operation["responses"]) == secured
            if secured:
                assert "WWW-Authenticate" in operation["responses"][status]["headers"]


def test_a_bearer_token_needs_the_scope_of_the_operation():
    contract, operations = described("jwt")
    scheme = contract["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for operation in each(ALL):
        if operation.scope is not None:
            assert operations[operation.name]["security"] == [{"bearer": [operation.scope]}]


def test_an_aws_signature_is_described_as_api_gateway_knows_it():
    contract, operations = described("iam")
    scheme = contract["components"]["securitySchemes"]["sigv4"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert operations["get_version"]["security"] == [{"sigv4": []}]


@pytest.mark.parametrize("auth", ["jwt", "iam"])
def test_schemathesis_reads_it_with_its_security(auth):
    schema = schemathesis.openapi.from_dict(described(auth)[0])
    assert len([result.ok() for result in schema.get_all_operations()]) == len(ALL)
