"""API Gateway: who may call what, and its own refusals in the service's words."""

import json
from typing import Any

from infra.intrinsics import arn_of, if_on, sub
from infra.names import Names

OPEN = ("/health", "/openapi.json", "/docs")
"""What is served to everybody, however callers are known."""
NO_SUCH_ADDRESS = "There is no such address; /docs shows all there are"
_TOO_LARGE = (
    "The body is too large for API Gateway and Lambda. Ask for an upload plan, which takes any size: send the same"
    " fields as application/json, with filename and file_size (of a ZIP: file_size) in place of the file"
)
_NOT_SIGNED = (
    "The request is not signed: sign it with AWS Signature Version 4 for the service execute-api. If it was,"
    " there is no such address; /docs shows all there are"
)
_ITS_OWN_WORDS = "$context.error.messageString"
"""API Gateway writes it with its quotes."""
_REQUEST_ID = "Request id $context.requestId"
_SIGNED = "sigv4"


def responses(auth: str) -> dict[str, Any]:
    """Every answer that API Gateway gives by itself, as `{"detail": …}`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    # A request to no method, and one without a signature where one is needed, are the same to API Gateway.
    unknown = _response(401, _NOT_SIGNED, **{"WWW-Authenticate": "AWS4-HMAC-SHA256"})
    return {
        "ACCESS_DENIED": _response(
            403, "This identity may not call this address: it needs execute-api:Invoke"
        ),
        "BAD_REQUEST_BODY": _response(400, "The body cannot be read"),
        "BAD_REQUEST_PARAMETERS": _response(400, "The parameters cannot be read"),
        "DEFAULT_4XX": _response(None, _ITS_OWN_WORDS),
        "DEFAULT_5XX": _response(None, f"The service did not answer; try again in a moment. {_REQUEST_ID}"),
        "EXPIRED_TOKEN": _response(403, "The signature has expired: sign the request anew"),
        "INTEGRATION_TIMEOUT": _response(
            504,
            f"The service did not answer within 29 s; the request may have been carried out. {_REQUEST_ID}",
        ),
        "INVALID_SIGNATURE": _response(403, "The signature of the request is not valid"),
        "MISSING_AUTHENTICATION_TOKEN": unknown if auth == "iam" else _response(404, NO_SUCH_ADDRESS),
        "QUOTA_EXCEEDED": _response(429, "The quota is used up; try again later", **{"Retry-After": "60"}),
        "REQUEST_TOO_LARGE": _response(413, _TOO_LARGE),
        "RESOURCE_NOT_FOUND": _response(404, NO_SUCH_ADDRESS),
        "THROTTLED": _response(429, "Too many requests; try again in a moment", **{"Retry-After": "1"}),
        "UNAUTHORIZED": _response(
            401, "The request names no caller", **{"WWW-Authenticate": 'Bearer realm="weighthouse"'}
        ),
        "UNSUPPORTED_MEDIA_TYPE": _response(415, "This Content-Type is not taken here"),
    }


def _response(status: int | None, detail: str, **headers: str) -> dict[str, Any]:
    text = json.dumps({"detail": detail}).replace(f'"{_ITS_OWN_WORDS}"', _ITS_OWN_WORDS)
    return {
        **({} if status is None else {"statusCode": str(status)}),
        "responseParameters": {
            f"gatewayresponse.header.{name}": f"'{value}'"
            for name, value in {"Cache-Control": "no-store", **headers}.items()
        },
        "responseTemplates": {"application/json": text},
    }


def complete_definition(definition: dict[str, Any], names: Names, auth: str) -> None:
    """Adds to Chalice's description of the API what Chalice has no word for.

    It stands in the description itself, not in resources beside it: only then is a change of it deployed.
    """
    definition["info"]["title"] = names.stack
    definition["x-amazon-apigateway-gateway-responses"] = responses(auth)
    if auth == "iam":
        definition["securityDefinitions"] = {
            _SIGNED: {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4",
            }
        }
        for path, methods in definition["paths"].items():
            for operation in methods.values() if path not in OPEN else ():
                operation["security"] = [{_SIGNED: []}]


_ACCESS = {
    "time": "$context.requestTime",
    "request_id": "$context.requestId",
    "address": "$context.identity.sourceIp",
    "identity": "$context.identity.userArn",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "refusal": "$context.error.responseType",
    "bytes_out": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integration_latency": "$context.integrationLatency",
}
"""What a line of the access log has: no query, no header and no path, in which a secret could be.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""
_LOGGING = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
)
"""What API Gateway demands of the account's role before it takes it:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonAPIGatewayPushToCloudWatchLogs.html"""


def _access_logs(names: Names) -> dict[str, Any]:
    """The access log, and the role by which API Gateway writes it.

    The role is a setting of the account and region, which other APIs may come to rely on: it outlives the stack.
    """
    kept = {"Condition": "AccessLogged", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {
        "AccessLogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "Condition": "AccessLogged",
            # A stage that names the group is not made before the account has its role.
            "DependsOn": ["GatewayAccount"],
            "Properties": {
                "LogGroupName": f"/aws/apigateway/{names.stack}",
                "RetentionInDays": {"Ref": "LogDays"},
            },
        },
        "GatewayRole": {
            "Type": "AWS::IAM::Role",
            **kept,
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "logs",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": list(_LOGGING), "Resource": "*"}],
                        },
                    }
                ],
            },
        },
        "GatewayAccount": {
            "Type": "AWS::ApiGateway::Account",
            **kept,
            "Properties": {"CloudWatchRoleArn": arn_of("GatewayRole")},
        },
    }


def resources(names: Names) -> dict[str, Any]:
    """The stage's limits and access log, and the domain where there is one."""
    return {
        **_access_logs(names),
        "RestAPI": {
            "Properties": {
                "AccessLogSetting": if_on(
                    "AccessLogged",
                    {
                        "DestinationArn": arn_of("AccessLogGroup"),
                        "Format": json.dumps(_ACCESS, separators=(",", ":")),
                    },
                ),
                "MethodSettings": [
                    {
                        "HttpMethod": "*",
                        "ResourcePath": "/*",
                        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
                        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
                    }
                ],
                "TracingEnabled": if_on("Traced", True, False),
            },
        },
        "CustomDomain": {
            "Type": "AWS::ApiGateway::DomainName",
            "Condition": "OwnDomain",
            "Properties": {
                "DomainName": {"Ref": "Domain"},
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "RegionalCertificateArn": {"Ref": "CertificateArn"},
                "SecurityPolicy": "TLS_1_2",
            },
        },
        "CustomDomainMapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Condition": "OwnDomain",
            "Properties": {
                "DomainName": {"Ref": "CustomDomain"},
                "RestApiId": {"Ref": "RestAPI"},
                "Stage": {"Ref": "RestAPI.Stage"},
            },
        },
    }


def base_url() -> dict[str, Any]:
    """Where the API answers, without a slash at the end."""
    given = sub("https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${RestAPI.Stage}")
    return if_on("OwnDomain", sub("https://${Domain}"), given)
