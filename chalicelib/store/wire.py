"""Requests to the store for bytes: a third of what botocore takes for one, which small files feel.

boto3 says where the store is and makes all other requests; see `bucket`. What the store refuses is raised as
botocore raises it.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib import telemetry
from chalicelib.connections import pool_for
from chalicelib.store import bucket
from chalicelib.store.backoff import pause

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

ATTEMPTS = 5
CONNECTIONS = 64
WAIT = 20.0
"""Seconds without a byte after which an answer is given up."""
COPY_WAIT = 300.0
"""The same for a copy inside the store, which answers when all is copied."""
_BASE, _LONGEST = 0.1, 5.0
"""Seconds before another attempt, as `backoff.pause` has them."""
_TRANSIENT = {"BadDigest", "OperationAborted", "RequestTimeout", "SlowDown", "Throttling", "TooManyRequests"}
"""Codes below status 500 with which a store asks for another try
(https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""
_COPY = "x-amz-copy-source"
_FAILED = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<Error[\s/>]")
"""How the answer of a copy begins that failed after its status 200 was sent, while white space kept the connection
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html). Any other body is content: whatever a user
has stored may stand in it."""


class OutOfReach(ConnectionError):
    """The store can't be reached, or broke off."""


@lru_cache(maxsize=1)
def pool() -> "PoolManager":
    return pool_for(bucket.client().meta.endpoint_url, CONNECTIONS)


def send(
    method: str,
    key: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
    size: int | None = None,
    wait: float = WAIT,
    streamed: bool = False,
) -> "BaseHTTPResponse":
    """The store's answer to a request for an object, tried up to five times; `headers` are in lower case.

    A `body` in pieces is sent again from its first, and has `size` bytes. A `streamed` answer's body is left
    to be read by `chunks`. Raises `OutOfReach`, and botocore's `ClientError` for what the store refuses.
    """
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    url, headers = bucket.signer().request(method, key, query or {}, headers or {})
    if size is not None:
        headers["content-length"] = str(size)
    with telemetry.timed(_operation(method, query or {}, headers)):
        attempt = 0
        while True:
            attempt += 1
            error: Exception
            try:
                answer = pool().urlopen(
                    method,
                    url,
                    body=body,
                    headers=headers,
                    timeout=Timeout(connect=3, read=wait),
                    retries=False,
                    redirect=False,
                    preload_content=not streamed,
                    decode_content=False,
                )
                if answer.status < 300 and not (_COPY in headers and _FAILED.match(answer.data)):
                    return answer
                error = _refusal(method, answer)
            except HTTPError as broken:
                error = OutOfReach(str(broken))
            if attempt == ATTEMPTS or not _is_transient(error):
                raise error
            pause(attempt, base=_BASE, longest=_LONGEST)


def _operation(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """What S3 calls such a request."""
    if method == "GET":
        return "GetObject"
    copies = _COPY in headers
    if query:
        return "UploadPartCopy" if copies else "UploadPart"
    return "CopyObject" if copies else "PutObject"


def _refusal(method: str, answer: "BaseHTTPResponse") -> Exception:
    from botocore.exceptions import ClientError

    text = answer.data.decode(errors="replace")
    status = answer.status if answer.status >= 300 else 500
    refused: Any = {
        "Error": {"Code": tag(text, "Code") or str(status), "Message": tag(text, "Message")},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(refused, method)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, OutOfReach):
        return True
    refused: Any = vars(error)["response"]
    status = refused["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or status == 429 or refused["Error"]["Code"] in _TRANSIENT


def tag(text: str, name: str) -> str:
    """The content of the first XML element of this name in a store's answer; empty when there is none."""
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found[1].replace("&quot;", '"').replace("&#34;", '"') if found else ""


def chunks(answer: "BaseHTTPResponse", size: int) -> Iterator[bytes]:
    """The body of a streamed answer; one that is not taken to its end closes the connection.

    Raises `OutOfReach` when it breaks off.
    """
    from urllib3.exceptions import HTTPError

    try:
        yield from answer.stream(size)
    except HTTPError as broken:
        raise OutOfReach(str(broken)) from broken
    finally:
        answer.close()


def crc_text(crc32: int) -> str:
    """A CRC-32 as S3's headers have it: base64 of its four bytes."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()
