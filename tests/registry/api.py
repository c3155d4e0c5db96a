"""A client that speaks to the service as API Gateway and the bucket's notifications do."""

import base64
import json
import urllib.parse
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import botocore.client
import requests
import stores

import app as service
from chalicelib.settings import settings
from chalicelib.store import objects


class Context:
    function_name = "on_object_created"
    aws_request_id = "test"

    def get_remaining_time_in_millis(self):
        return 900_000


class Response:
    def __init__(self, answer):
        self.status = answer["statusCode"]
        self.headers = {name.lower(): value for name, value in answer["headers"].items()}
        body = answer["body"]
        self.content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()

    @property
    def text(self):
        return self.content.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.content)


def route_of(method, path):
    """The resource that API Gateway finds for a path: fixed segments before variables."""
    parts = path.strip("/").split("/")
    found = []
    for route in service.app.routes:
        names = route.strip("/").split("/")
        if len(names) == len(parts) and method in service.app.routes[route]:
            pairs = list(zip(names, parts, strict=True))
            if all(name == part or name.startswith("{") for name, part in pairs):
                parameters = {n[1:-1]: p for n, p in pairs if n.startswith("{")}
                found.append((len(parameters), route, parameters))
    return min(found)[1:]


def part_of(content, part, part_size):
    """The bytes of a part as it was planned."""
    start = (part["part_number"] - 1) * part_size
    data = content[start : start + part["size"]]
    assert len(data) == part["size"]
    return data


class Api:
    token = None
    """What is sent as the bearer token."""

    def request(self, method, path, *, json_body=None, form=None, accept=None, **query):
        """A request; a `json_body` that is a text is sent as it stands."""
        headers, body, binary = {}, None, False
        if json_body is not None:
            text = isinstance(json_body, str)
            headers["content-type"], body = "application/json", json_body if text else json.dumps(json_body)
        if form is not None:
            prepared = requests.Request("POST", "http://x", files=form).prepare()
            headers["content-type"], binary = prepared.headers["content-type"], True
            body = base64.b64encode(prepared.body).decode()
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if accept:
            headers["accept"] = accept
        path, _, encoded = path.partition("?")
        pairs = urllib.parse.parse_qsl(encoded, keep_blank_values=True) + [
            (k, str(v)) for k, v in query.items()
        ]
        values = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        route, parameters = route_of(method, path)
        event = {
            "httpMethod": method,
            "path": path,
            "resource": route,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "multiValueQueryStringParameters": values or None,
            "queryStringParameters": {name: found[-1] for name, found in values.items()} or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": route,
                "path": path,
                "identity": {"sourceIp": "127.0.0.1"},
                "requestId": "test",
            },
            "body": body,
            "isBase64Encoded": binary,
        }
        return Response(service.app(event, Context()))

    def get(self, path, **query):
        return self.request("GET", path, **query)

    def post(self, path, body=None):
        return self.request("POST", path, json_body=body)

    def put(self, path, body):
        return self.request("PUT", path, json_body=body)

    def delete(self, path, **query):
        return self.request("DELETE", path, **query)

    def upload(
        self, data=b"weights", *, filename="model.pkl", user_id="ana", model_id="iris", name="Iris", **fields
    ):
        """A form upload of one file."""
        fields = {"user_id": user_id, "model_id": model_id, "name": name, **fields}
        form = [("file", (filename, data))] + [(key, (None, str(value))) for key, value in fields.items()]
        return self.request("POST", "/ai-models/upload/single", form=form)

    def upload_zip(self, data, *, user_id="ana", model_id="net", name="Net", **fields):
        """A form upload of a ZIP."""
        fields = {"user_id": user_id, "model_id": model_id, "name": name, **fields}
        form = [("zip_file", ("f.zip", data))] + [(key, (None, str(value))) for key, value in fields.items()]
        return self.request("POST", "/ai-models/upload/folder", form=form)

    def send(self, plan, contents):
        """Puts the bytes of a plan's files and bundle to its URLs; `contents` is by file name."""
        sent = [(file["parts"], contents[file["filename"]]) for file in plan["files"] if file["parts"]]
        if plan["bundle"]:
            together = [file for file in plan["files"] if file["bundle_offset"] is not None]
            sent.append((plan["bundle"]["parts"], b"".join(contents[file["filename"]] for file in together)))
        for parts, content in sent:
            for part in parts:
                data = part_of(content, part, plan["part_size"])
                requests.put(part["url"], data=data, timeout=20).raise_for_status()

    def deliver(self, *keys):
        """Calls the worker function for these objects, or for every one that lies under uploads/ and tasks/."""
        for key in keys or [*objects.list_keys("uploads/"), *objects.list_keys("tasks/")]:
            record = {
                "s3": {"bucket": {"name": settings().bucket}, "object": {"key": urllib.parse.quote_plus(key)}}
            }
            service.on_object_created({"Records": [record]}, Context())


def everything():
    """What is in the two stores but for the history, which stays: object keys, multipart uploads, table rows."""
    uploads = {upload.key_name for upload in stores.bucket().multiparts.values()}
    rows = {(row["pk"]["S"], row["sk"]["S"]) for row in stores.rows()}
    return set(stores.objects()), uploads, rows


class CallCounter:
    """Counts calls to S3 and DynamoDB by name."""

    def __init__(self):
        self.names = Counter()

    @contextmanager
    def counting(self):
        self.names.clear()
        original = botocore.client.BaseClient._make_api_call

        def counted(client, name, arguments):
            self.names[name] += 1
            return original(client, name, arguments)

        with patch.object(botocore.client.BaseClient, "_make_api_call", counted):
            yield self.names
