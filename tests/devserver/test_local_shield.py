"""The AWS stand-in of `make run` serves `make run`, presigned URLs, and nobody else."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from devserver.process import LocalService

CONTENT = b"published bytes"
SIZE = 8 * 1024**2
KEY = "models/shield/m/v1/model.bin"
PAGE = {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"}


@pytest.fixture(scope="module")
def stand_in(service: LocalService) -> Iterator[str]:
    """Where it is; what was published is there as before when all is over."""
    fields = {"user_id": "shield", "model_id": "m", "name": "Model"}
    file = {"file": ("model.bin", CONTENT)}
    answer = requests.post(f"{service.url}/ai-models/upload/single", data=fields, files=file)
    assert answer.status_code == 200
    yield service.aws_url
    assert requests.get(download_url(service)).content == CONTENT
    assert len(requests.get(f"{service.url}/ai-models/shield").json()["models"]) == 1


def download_url(service: LocalService) -> str:
    """A presigned URL, as a client is led to it."""
    address = f"{service.url}/ai-models/shield/m/download?filename=model.bin"
    return requests.get(address, allow_redirects=False).headers["Location"]


@pytest.fixture(scope="module")
def part(service: LocalService) -> str:
    """A presigned URL of an upload's one part, which has `SIZE` bytes."""
    fields = {
        "user_id": "shield",
        "model_id": "plan",
        "name": "Plan",
        "filename": "x",
        "file_size": SIZE,
    }
    plan = requests.post(f"{service.url}/ai-models/upload/single", json=fields).json()
    return plan["files"][0]["parts"][0]["url"]


def client(url: str, service: str, access: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.mark.parametrize("headers", [{}, PAGE, {"Host": "evil.example"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/weighthouse/{KEY}"),
        ("HEAD", f"/weighthouse/{KEY}"),
        ("PUT", f"/weighthouse/{KEY}"),
        ("DELETE", f"/weighthouse/{KEY}"),
        ("POST", f"/weighthouse/{KEY}?uploads"),
        ("GET", "/weighthouse?list-type=2"),
        ("POST", "/weighthouse?delete"),
        ("DELETE", "/weighthouse"),
        ("PUT", "/weighthouse?cors"),
        ("GET", "/"),
        ("OPTIONS", f"/weighthouse/{KEY}"),
        ("POST", "/_ministack/reset"),
        ("POST", "/%5Fministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/sqs/messages?QueueUrl=weighthouse-events"),
        ("POST", "/?Action=ListQueues"),
    ],
)
def test_nobody_is_served_without_a_signature(
    stand_in: str, method: str, path: str, headers: dict[str, str]
) -> None:
    body = b"evil" if method in ("PUT", "POST") else None
    answer = requests.request(method, stand_in + path, data=body, headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_tables_are_closed_as_well(stand_in: str) -> None:
    headers = {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"}
    answer = requests.post(stand_in, data=b'{"TableName": "weighthouse"}', headers=headers)
    assert answer.status_code == 403
    assert answer.json()["__type"] == "AccessDeniedException"


@pytest.mark.parametrize("keys", [("test", "test"), None])
def test_keys_that_are_not_the_folders_are_refused(
    service: LocalService, stand_in: str, keys: tuple[str, str] | None
) -> None:
    access, secret = keys or (service.aws_keys.id, "another secret")
    with pytest.raises(ClientError, match="AccessDenied"):
        client(stand_in, "s3", access, secret).put_object(Bucket="weighthouse", Key=KEY, Body=b"evil")
    with pytest.raises(ClientError, match="AccessDenied"):
        client(stand_in, "dynamodb", access, secret).scan(TableName="weighthouse")
    with pytest.raises(ClientError, match="AccessDenied"):
        client(stand_in, "sqs", access, secret).list_queues()


def test_the_folders_keys_open_the_three_services_and_no_other(service: LocalService, stand_in: str) -> None:
    keys = service.aws_keys.id, service.aws_keys.secret
    assert client(stand_in, "s3", *keys).get_object(Bucket="weighthouse", Key=KEY)["Body"].read() == CONTENT
    assert client(stand_in, "dynamodb", *keys).list_tables()["TableNames"]
    assert client(stand_in, "sqs", *keys).list_queues()["QueueUrls"]
    with pytest.raises(ClientError, match="none of the services"):
        client(stand_in, "ssm", *keys).describe_parameters()


def test_a_presigned_url_is_for_its_own_request_only(service: LocalService, stand_in: str, part: str) -> None:
    url = download_url(service)
    assert requests.get(url, headers={"Range": "bytes=0-3"}).content == CONTENT[:4]
    query = urlsplit(url).query
    assert requests.get(f"{stand_in}/weighthouse?{query}").status_code == 403
    assert requests.delete(url).status_code == 403
    assert requests.put(url, data=b"evil").status_code == 403
    # As a copy, a part would hold any object's bytes.
    copy = requests.put(part, headers={"x-amz-copy-source": f"/weighthouse/{KEY}"})
    assert copy.status_code == 403
    assert "does not cover x-amz-copy-source" in copy.text
    assert (
        requests.put(f"{stand_in}/weighthouse/{KEY}?{urlsplit(part).query}", data=b"evil").status_code == 403
    )


def test_a_page_can_not_use_a_presigned_url_and_a_link_can(service: LocalService, stand_in: str) -> None:
    url = download_url(service)
    assert requests.get(url, headers=PAGE).status_code == 403
    assert requests.get(url, headers={"Origin": "null"}).status_code == 403
    fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert requests.get(url, headers=fetched).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = requests.get(url, headers=followed)
    assert answer.content == CONTENT
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_part_is_sent_by_curl_and_hears_of_a_refusal(stand_in: str, part: str, tmp_path: Path) -> None:
    file = tmp_path / "part"
    file.write_bytes(bytes(SIZE))
    for url, status in ((part, "200"), (part.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "403")):
        command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", str(file), url]
        assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == status


def test_a_body_that_must_be_read_is_not_read_without_end(stand_in: str) -> None:
    named = "Credential=K/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
    headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Authorization": f"AWS4-HMAC-SHA256 {named}"}
    answer = requests.post(stand_in, data=bytes(17 * 1024**2), headers=headers)
    assert (answer.status_code, "more than 16,777,216 bytes" in answer.text) == (403, True)


def test_no_socket_is_opened_to_a_page(stand_in: str) -> None:
    host, port = stand_in.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"GET /_aws/execute-api/a/b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
