"""What only a deployed service has: API Gateway's own answers, and a stack that comes, changes, and goes."""

import os

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from doors import Client, DeployedDoor

from infra.gateway import NO_SUCH_ADDRESS


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("GET", "/"), ("PATCH", "/health")])
def test_api_gateway_answers_unknown_addresses_as_the_service_does(
    deployed: DeployedDoor, method: str, path: str
) -> None:
    answer = requests.request(method, deployed.url + path, timeout=60)
    assert (answer.status_code, answer.json()) == (404, {"detail": NO_SUCH_ADDRESS})


def test_a_form_that_lambda_could_not_take_is_refused_with_the_way_that_takes_it(
    deployed: DeployedDoor,
) -> None:
    fields = {"user_id": "ana", "model_id": "large", "name": "Large"}
    url = f"{deployed.url}/ai-models/upload/single"
    answer = requests.post(url, data=fields, files={"file": ("m.bin", os.urandom(4_600_000))}, timeout=60)
    assert answer.status_code == 413
    assert "file_size" in answer.json()["detail"]


def test_nothing_is_deployed_that_is_open_to_all_by_accident(deployed: DeployedDoor) -> None:
    with pytest.raises(RuntimeError, match="I_KNOW=public"):
        deployed.cloud.deploy("open", I_KNOW="")


def test_a_stack_goes_without_its_data_and_comes_back_to_it(deployed: DeployedDoor) -> None:
    cloud = deployed.cloud
    first = cloud.deploy("life")
    door = DeployedDoor(cloud, first)
    Client(door, "ana").upload("iris", data=b"weights")
    s3 = boto3.client("s3", endpoint_url=cloud.url, region_name="us-east-1", **cloud.keys)
    dynamodb = boto3.client("dynamodb", endpoint_url=cloud.url, region_name="us-east-1", **cloud.keys)
    # A table that was lost is made again from the bucket.
    for pk, sk in door.rows("ana"):
        dynamodb.delete_item(TableName=first.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    assert Client(door, "ana").get("/iris").status_code == 404
    assert "whole again: 1 versions with 1 files" in cloud.run("rebuild", STAGE="life")
    assert Client(door, "ana").content("iris", filename="model.pkl") == b"weights"

    cloud.run("destroy", STAGE="life")
    assert requests.get(f"{first.url}/health", timeout=60).status_code in (403, 404)

    second = cloud.deploy("life", WEIGHTHOUSE_AUTH="iam", I_KNOW="")
    assert (second.bucket, second.table) == (first.bucket, first.table)
    kept = s3.get_object(Bucket=second.bucket, Key="models/ana/iris/v1/model.pkl")
    assert kept["Body"].read() == b"weights"
    unsigned = requests.get(f"{second.url}/ai-models/ana", timeout=60)
    assert (unsigned.status_code, unsigned.headers["WWW-Authenticate"]) == (401, "AWS4-HMAC-SHA256")
    assert "not signed" in unsigned.json()["detail"]
    assert requests.get(f"{second.url}/health", timeout=60).json()["service"] == "ok"

    cloud.run("destroy", STAGE="life", DATA="delete")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=second.bucket)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName=second.table)
