"""The lean requests of `store.wire`, made by boto3's client instead: moto stands behind that one alone.

Calls are so counted, cut and interleaved as all others are; tests against real stores see the lean ones.
"""

import io

import requests
from urllib3 import HTTPResponse

from chalicelib.store import bucket, wire


class Answer:
    """What a caller uses of an answer: headers in any case, the body whole or in chunks."""

    def __init__(self, body=b"", **headers):
        self.data = body
        self.headers = headers

    def stream(self, size):
        for start in range(0, len(self.data), size):
            yield self.data[start : start + size]

    def close(self):
        pass


def send(method, key, *, query=None, headers=None, body=None, size=None, wait=0, streamed=False):
    """As `wire.send`."""
    s3, name = bucket.client(), bucket.name()
    headers, query = dict(headers or {}), query or {}
    given = {
        argument: headers.pop(header)
        for header, argument in {
            "content-type": "ContentType",
            "if-match": "IfMatch",
            "if-none-match": "IfNoneMatch",
            "range": "Range",
            "x-amz-checksum-crc32": "ChecksumCRC32",
            "x-amz-copy-source": "CopySource",
            "x-amz-copy-source-if-match": "CopySourceIfMatch",
            "x-amz-copy-source-range": "CopySourceRange",
            "x-amz-metadata-directive": "MetadataDirective",
        }.items()
        if header in headers
    }
    assert not headers, headers
    if query:
        given |= {"PartNumber": int(query["partNumber"]), "UploadId": query["uploadId"]}
    if method == "GET":
        found = s3.get_object(Bucket=name, Key=key, **given)
        return Answer(found["Body"].read(), ETag=found["ETag"], **{"Content-Length": found["ContentLength"]})
    if "CopySource" in given:
        part = bool(query)
        copied = (s3.upload_part_copy if part else s3.copy_object)(Bucket=name, Key=key, **given)
        copied = copied["CopyPartResult" if part else "CopyObjectResult"]
        return Answer(f"<ETag>{copied['ETag']}</ETag>".encode())
    data = body if isinstance(body, bytes) else b"".join(body)
    assert size in (None, len(data))
    put = s3.upload_part if query else s3.put_object
    return Answer(ETag=put(Bucket=name, Key=key, Body=data, **given)["ETag"])


_lean_send = wire.send


class _Pool:
    """Sends the lean requests by `requests`, which moto stands behind as well."""

    def urlopen(self, method, url, *, body, headers, preload_content, **_):
        if isinstance(body, list):
            body = b"".join(body)
        answer = requests.request(method, url, data=body, headers=headers, allow_redirects=False, timeout=20)
        body = io.BytesIO(answer.content)
        return HTTPResponse(body, answer.headers, answer.status_code, preload_content=preload_content)


def use_lean_requests(monkeypatch):
    """Lets the lean requests themselves reach moto, for what depends on how they read an answer."""
    monkeypatch.setattr(wire, "send", _lean_send)
    monkeypatch.setattr(wire, "pool", _Pool)
