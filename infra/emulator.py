"""What emulators of AWS need besides: their address, and what theirs leave out of a description of an API."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from infra.account import Account


def runs_functions_here(endpoint: str) -> bool:
    """Whether the emulator is MiniStack, which runs functions as processes under a Python like this one."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except URLError:
        return False


def fit(template: dict[str, Any], functions: list[str], endpoint: str) -> None:
    """Has presigned URLs name the endpoint as clients reach it, and takes plain HTTP where that is all there is.

    Emulators tell the functions themselves where they are, by AWS_ENDPOINT_URL; that may be another name.
    """
    for function in functions:
        variables = template["Resources"][function]["Properties"]["Environment"]["Variables"]
        variables["WEIGHTHOUSE_PUBLIC_S3_ENDPOINT"] = endpoint
    if endpoint.startswith("http://"):
        del template["Resources"]["BucketPolicy"]


def base_url(endpoint: str, api: str, stage: str) -> str:
    """Where an API answers, in MiniStack as in LocalStack."""
    return f"{endpoint}/_aws/execute-api/{api}/{stage}"


def mend_api(account: Account, api: str, stage: str, definition: Mapping[str, Any]) -> None:
    """Gives an API what MiniStack does not read in its description: binary media types and gateway responses."""
    types = definition["x-amazon-apigateway-binary-media-types"]
    operation = {"op": "replace", "path": "/binaryMediaTypes", "value": types}
    body = json.dumps({"patchOperations": [operation]}).encode()
    # boto3 takes texts alone as values, and MiniStack a list.
    request = urllib.request.Request(  # noqa: S310
        f"{account.endpoint}/restapis/{api}",
        data=body,
        method="PATCH",
        headers={"Content-Type": "application/json", "Authorization": _scope(account)},
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    gateway = account.client("apigateway")
    for kind, response in definition["x-amazon-apigateway-gateway-responses"].items():
        gateway.put_gateway_response(restApiId=api, responseType=kind, **response)
    # They are taken over with a deployment.
    gateway.create_deployment(restApiId=api, stageName=stage)


def _scope(account: Account) -> str:
    """What an emulator reads of a signature: whose account, which region, which service."""
    return (
        f"AWS4-HMAC-SHA256 Credential={account.access_key}/20260101/{account.region}/apigateway/aws4_request"
    )
