"""The service behind one door, and a client of it that does what users' scripts do."""

import hashlib
import io
import subprocess
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
import requests

from benchmarks._cloud import Cloud, Deployed
from benchmarks._seaweed import SeaweedFS, s3_client
from devserver.process import LocalService

OCTETS = {"Accept": "application/octet-stream"}

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], seconds: float = 30) -> Found:
    """The first thing that `look` gives which is not falsy; fails when there is none for so long."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.05)
    return found


def sha256(data: bytes) -> str:
    """The SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Door:
    """A running service, and the two stores behind it as boto3 sees them."""

    bucket = table = "weighthouse"

    def __init__(self, service: LocalService, s3: SeaweedFS | None = None) -> None:
        """`s3` is what serves S3 in place of the service's own AWS stand-in."""
        self.service = service
        self._given = s3

    @property
    def url(self) -> str:
        """The service's address, without a slash at the end."""
        return self.service.url

    @property
    def aws_url(self) -> str:
        """The address of the AWS stand-in."""
        return self.service.aws_url

    @property
    def aws_keys(self) -> tuple[str, str]:
        """The keys that the AWS stand-in takes."""
        return self.service.aws_keys.id, self.service.aws_keys.secret

    @property
    def durable(self) -> bool:
        """Whether its S3 keeps the parts of unfinished uploads when the service stops."""
        return self._given is not None

    @property
    def s3(self) -> Any:
        """A client of the S3 behind it."""
        return self._given.client() if self._given else s3_client(self.aws_url, *self.aws_keys)

    def keys(self, part: str) -> list[str]:
        """The objects, and multipart uploads in progress, whose key holds `part`."""
        found = []
        for operation, field in (("list_objects_v2", "Contents"), ("list_multipart_uploads", "Uploads")):
            for page in self.s3.get_paginator(operation).paginate(Bucket=self.bucket):
                found += [item["Key"] for item in page.get(field, []) if part in item["Key"]]
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which another process of this machine works on the same two stores."""
        if self._given:
            # Its keys are the stand-in's as well.
            return {**self._given.environment, "AWS_ENDPOINT_URL_DYNAMODB": self.aws_url}
        access, secret = self.aws_keys
        keys = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
        return {"AWS_ENDPOINT_URL": self.aws_url, "AWS_DEFAULT_REGION": "us-east-1", **keys}

    @property
    def dynamodb(self) -> Any:
        """A client of the DynamoDB behind it."""
        access, secret = self.aws_keys
        return boto3.client(
            "dynamodb",
            endpoint_url=self.aws_url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
        )

    def rows(self, part: str) -> list[tuple[str, str]]:
        """The rows of the table whose key holds `part`, but for the history, which stays."""
        found = []
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=self.table):
            found += [(row["pk"]["S"], row["sk"]["S"]) for row in page["Items"]]
        return [(pk, sk) for pk, sk in found if part in pk + sk and not pk.startswith("history#")]

    def traces(self, part: str) -> list[object]:
        """Everything in both stores whose key holds `part`."""
        return [*self.keys(part), *self.rows(part)]


class DeployedDoor(Door):
    """What `make deploy` deployed: API Gateway, and functions under their own roles."""

    def __init__(self, cloud: Cloud, deployed: Deployed) -> None:
        self.deployed = deployed
        self.bucket, self.table = deployed.bucket, deployed.table
        self.cloud = cloud
        self._given = None

    @property
    def url(self) -> str:
        """The address of the API in its stage."""
        return self.deployed.url

    @property
    def aws_url(self) -> str:
        """The address of the emulated account."""
        return self.cloud.url

    @property
    def aws_keys(self) -> tuple[str, str]:
        """The keys of the account's root."""
        return self.cloud.keys["aws_access_key_id"], self.cloud.keys["aws_secret_access_key"]


class Client:
    """One user's client; every method is one thing that the user's script would do."""

    def __init__(self, door: Door, user: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers` are sent with every request."""
        self.door = door
        self.user = user
        self.headers = headers

    def url(self, path: str = "") -> str:
        """The address of something of the user's."""
        return f"{self.door.url}/ai-models/{self.user}{path}"

    def get(self, path: str = "", **query: Any) -> requests.Response:
        """GET of something of the user's."""
        return requests.get(self.url(path), params=query, headers=self.headers, timeout=60)

    def json(self, path: str = "", **query: Any) -> Any:
        """What a GET of something of the user's answers with; it must be 200."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def content(self, model_id: str, **query: Any) -> bytes:
        """The content of a file, or without `filename` of the ZIP, after following the redirect."""
        answer = self.get(f"/{model_id}/download", **query)
        assert answer.status_code == 200, answer.text
        return answer.content

    def form(self, way: str, model_id: str, filename: str, data: bytes, **fields: Any) -> requests.Response:
        """A form upload: `way` is `single` or `folder`."""
        named = {"user_id": self.user, "model_id": model_id, "name": model_id, **fields}
        file_field = "file" if way == "single" else "zip_file"
        return requests.post(
            f"{self.door.url}/ai-models/upload/{way}",
            data=named,
            headers=self.headers,
            files={file_field: (filename, data)},
            timeout=60,
        )

    def upload(
        self, model_id: str, filename: str = "model.pkl", data: bytes = b"weights", **fields: Any
    ) -> Any:
        """The document of a version uploaded by form."""
        answer = self.form("single", model_id, filename, data, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_plan(self, way: str, model_id: str, **fields: Any) -> requests.Response:
        """The answer to a request for an upload plan: `way` is `single`, `files` or `folder`."""
        named = {"user_id": self.user, "model_id": model_id, "name": model_id, **fields}
        return requests.post(
            f"{self.door.url}/ai-models/upload/{way}", json=named, headers=self.headers, timeout=60
        )

    def plan(self, way: str, model_id: str, **fields: Any) -> Any:
        """An upload plan."""
        answer = self.ask_plan(way, model_id, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def on_upload(self, method: str, plan: Any, path: str = "", **request: Any) -> requests.Response:
        """A request about an upload."""
        url = f"{self.door.url}/ai-models/uploads/{plan['upload_id']}{path}"
        return requests.request(method, url, headers=self.headers, timeout=60, **request)

    def complete(self, plan: Any) -> requests.Response:
        """The answer to `complete`."""
        return self.on_upload("POST", plan, "/complete")

    def end(self, plan: Any) -> Any:
        """The state of an upload once nobody works on it any more."""

        def ended() -> Any:
            state = self.on_upload("GET", plan).json()
            return state if state["state"] not in ("uploading", "verifying", "unpacking") else None

        return eventually(ended, 60)


def pieces(plan: Any, contents: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """URL and bytes of each part in a plan; `contents` are the files by name."""
    found = []
    for file in plan["files"]:
        for part in file["parts"]:
            start = (part["part_number"] - 1) * plan["part_size"]
            found.append((part["url"], contents[file["filename"]][start : start + part["size"]]))
    planned = [part["size"] for file in plan["files"] for part in file["parts"]]
    assert [len(data) for _, data in found] == planned
    return found


def put(pieces: list[tuple[str, bytes]], folder: Path) -> None:
    """Sends parts as the docs say: `curl -T part URL`, one process for all of them."""
    command = ["curl", "-sS", "--fail-with-body", "--fail-early"]
    for number, (url, data) in enumerate(pieces):
        part = folder / f"part.{number}"
        part.write_bytes(data)
        command += ["-T", str(part), url]
    if pieces:
        subprocess.run(command, check=True, capture_output=True, timeout=120)
