"""The template that `make deploy` sends: what AWS will say of it, and what must agree with the service's own code."""

import json
import re
from functools import cache

import pytest
from each import each
from repeats import again

import app
from chalicelib.http.negotiation import BINARY_TYPES
from chalicelib.store import bucket
from chalicelib.store.rows import Row
from infra.functions import FUNCTIONS
from infra.gateway import NO_SUCH_ADDRESS, OPEN
from infra.names import default_names
from infra.template import build

NAMES = default_names("prod", "123456789012", "eu-central-1")
OTHERS = {
    "AccessLogs": "off",
    "Architecture": "arm64",
    "AlarmEmail": "me@example.com",
    "Domain": "models.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "JwtSecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:jwt-AbCdEf",
    "Versioning": "off",
    "Xray": "on",
}


@cache
def template(auth="none"):
    return build(NAMES, auth, "s3://packages/package.zip")


def resource(logical_id, auth="none"):
    return template(auth)["Resources"][logical_id]["Properties"]


def definition(auth="none"):
    return resource("RestAPI", auth)["DefinitionBody"]


@pytest.mark.parametrize(("auth", "values"), [again("none", {}, name="defaults"), ("iam", OTHERS)])
def test_cfn_lint_finds_nothing(auth, values):
    # To import it takes each process of the tests a second.
    from cfnlint.api import lint

    # A parameter's default stands for its value.
    changed = json.loads(json.dumps(template(auth)))
    for key, value in values.items():
        changed["Parameters"][key]["Default"] = value
    assert [str(match) for match in lint(json.dumps(changed))] == []
    # The check itself finds what is wrong.
    changed["Resources"]["Table"]["Properties"]["BillingMode"] = "FREE"
    assert [match.rule.id for match in lint(json.dumps(changed))] == ["E3030", "E3639"]


def test_every_route_is_served_and_signed_where_that_is_asked_for():
    for auth in ("none", "iam"):
        found = {
            (path, method.upper()): "security" in operation
            for path, methods in definition(auth)["paths"].items()
            for method, operation in methods.items()
        }
        assert set(found) == {
            (path, method) for path, methods in app.app.routes.items() for method in methods
        }
        assert found == {(path, method): auth == "iam" and path not in OPEN for path, method in found}


def test_bucket_and_table_are_those_of_the_service_and_outlive_the_stack():
    for kept in ("Bucket", "Table"):
        assert template()["Resources"][kept]["DeletionPolicy"] == "Retain"
        assert template()["Resources"][kept]["UpdateReplacePolicy"] == "Retain"
    made = resource("Bucket")
    (cors,) = made["CorsConfiguration"]["CorsRules"]
    assert cors["ExposedHeaders"] == bucket.CORS_RULES[0]["ExposeHeaders"]
    assert cors["AllowedMethods"] == bucket.CORS_RULES[0]["AllowedMethods"]
    rules = {rule["Id"]: rule for rule in made["LifecycleConfiguration"]["Rules"]}
    for rule in each(bucket.LIFECYCLE_RULES):
        same = rules.pop(rule["ID"])
        assert same["Prefix"] == rule["Filter"]["Prefix"]
        assert same.get("ExpirationInDays") == rule.get("Expiration", {}).get("Days")
        assert same.get("AbortIncompleteMultipartUpload") == rule.get("AbortIncompleteMultipartUpload")
    assert rules.pop("old-versions")["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    passing = {
        rule["Prefix"]: rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules.values()
    }
    assert passing == dict.fromkeys(("uploads/", "tasks/", "zips/", "quarantine/"), 1)
    assert made["VersioningConfiguration"]["Fn::If"][:2] == ["Versioned", {"Status": "Enabled"}]
    assert template()["Parameters"]["Versioning"]["Default"] == "on"
    events = made["NotificationConfiguration"]["LambdaConfigurations"]
    assert {event["Filter"]["S3Key"]["Rules"][0]["Value"] for event in events} == {"uploads/", "tasks/"}
    table = resource("Table")
    assert {key["AttributeName"] for key in table["KeySchema"]} == {"pk", "sk"}
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == set(Row._indexes)
    assert table["TimeToLiveSpecification"]["AttributeName"] == Row._ttl_attribute().attr_name
    assert table["DeletionProtectionEnabled"] is True


def test_every_function_has_a_role_of_its_own_and_ours_alone():
    roles = {name for name, made in template()["Resources"].items() if made["Type"] == "AWS::IAM::Role"}
    assert roles == {f"{function.logical_id}Role" for function in FUNCTIONS} | {"GatewayRole"}
    for function in each(FUNCTIONS):
        assert resource(function.logical_id)["Role"] == {"Fn::GetAtt": [f"{function.logical_id}Role", "Arn"]}
    assert "iam:" not in json.dumps(template())
    secret = [f.name for f in FUNCTIONS if "GetSecretValue" in json.dumps(resource(f"{f.logical_id}Role"))]
    assert secret == ["api"]


def test_api_gateway_logs_who_asked_and_nothing_secret():
    stage, logs = resource("RestAPI")["AccessLogSetting"], resource("AccessLogGroup")
    made = stage["Fn::If"][1]
    line = json.loads(made["Format"])
    assert line["address"] == "$context.identity.sourceIp"
    # A path, a query or a header could hold a name or a secret.
    said = {value.removeprefix("$context.").split(".")[0] for value in line.values()}
    allowed = {"requestTime", "requestId", "identity", "httpMethod", "resourcePath", "status", "error"}
    assert said == allowed | {"responseLength", "responseLatency", "integrationLatency"}
    assert not re.search("path}|querystring|header|authorizer|apiKey|user.?agent|xray", made["Format"], re.I)
    assert logs["RetentionInDays"] == {"Ref": "LogDays"}
    assert made["DestinationArn"] == {"Fn::GetAtt": ["AccessLogGroup", "Arn"]}
    role = resource("GatewayRole")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "apigateway.amazonaws.com"}
    [policy] = role["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert {action.split(":")[0] for action in statement["Action"]} == {"logs"}
    # The role is the account's: another API may write its logs by it.
    for kept in ("GatewayRole", "GatewayAccount"):
        assert template()["Resources"][kept]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("auth", ["none", "iam"])
def test_api_gateway_answers_in_our_shape(auth):
    responses = definition(auth)["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for response in each(responses.values()):
        text = response["responseTemplates"]["application/json"].replace(
            "$context.error.messageString", '"x"'
        )
        assert set(json.loads(text)) == {"detail"}
    unknown = responses["MISSING_AUTHENTICATION_TOKEN"]
    assert unknown["statusCode"] == ("401" if auth == "iam" else "404")
    assert "file_size" in responses["REQUEST_TOO_LARGE"]["responseTemplates"]["application/json"]
    assert responses["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"
    assert definition(auth)["x-amazon-apigateway-binary-media-types"] == list(BINARY_TYPES)


def test_an_unknown_address_is_told_as_the_service_tells_it():
    context = {"httpMethod": "GET", "resourcePath": "/nowhere", "path": "/nowhere", "requestId": "1"}
    event = {"httpMethod": "GET", "path": "/nowhere", "resource": "/nowhere", "requestContext": context}
    assert json.loads(app.app(event, None)["body"])["detail"] == NO_SUCH_ADDRESS
