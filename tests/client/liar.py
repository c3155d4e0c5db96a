"""A registry that lies in one place: a true conversation, of which one value is another."""

import copy
import hashlib
import io
import json
import zlib
from urllib.parse import urlsplit

import urllib3
from pretender import BLANK

from weighthouse import Version

CONTENT = b"true weights"
NAME = "sub/model.bin"
SERVICE = "https://models.example.org"
STORE = "https://store.example.org/object"

FILE = {
    "filename": NAME,
    "file_path": f"models/u/m/v1/{NAME}",
    "file_size": len(CONTENT),
    "file_type": "other",
    "file_hash": hashlib.sha256(CONTENT).hexdigest(),
    "hash_verified": True,
    "crc32": f"{zlib.crc32(CONTENT):08x}",
    "content_type": "application/octet-stream",
    "is_primary": True,
    "description": None,
    "url": None,
}
DOCUMENT = {
    **dict.fromkeys(Version.__dataclass_fields__),
    **BLANK,
    "user_id": "u",
    "model_id": "m",
    "version": "v1",
    "files": [FILE],
    "files_total": 1,
}
LISTED = {"files": [FILE], "files_total": 1, "limit": 1000, "next_token": None}
LINKED = {**LISTED, "files": [{**FILE, "url": STORE}]}
PLAN = {
    "upload_id": "0" * 32,
    "part_size": 8,
    "files": [
        {
            "filename": "model.bin",
            "file_size": len(CONTENT),
            "already_stored": False,
            "bundle_offset": None,
            "parts": [
                {"part_number": 1, "size": 8, "url": STORE},
                {"part_number": 2, "size": 4, "url": STORE},
            ],
        },
        {"filename": "tiny", "file_size": 3, "already_stored": False, "bundle_offset": 0, "parts": []},
    ],
    "files_total": 2,
    "bundle": {"size": 3, "parts": [{"part_number": 1, "size": 3, "url": STORE}]},
}
STATE = {
    "upload_id": "0" * 32,
    "state": "ready",
    "user_id": "u",
    "model_id": "m",
    "version": "v1",
    "files_done": 0,
    "files_total": None,
    "bytes_done": 0,
    "bytes_total": None,
    "detail": None,
    "url": None,
}

ANSWERS = {
    "document": DOCUMENT,
    "listed": LISTED,
    "linked": LINKED,
    "versions": {"models": [DOCUMENT], "next_token": None},
    "plan": PLAN,
    "state": STATE,
    "deleted": {"versions": ["v1"]},
    "health": {"service": "ok", "detail": None},
}

MISSING = object()
"""In place of the versions: there is no such model."""

HOSTILE = [
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "..",
    "../../outside/secret",
    "/outside/secret",
    "C:\\evil",
    "a\x1b[2J\u202egpj.exe\n",
    "\ud800",
    "x" * 1000,
    "0" * 64,
    [],
    [None],
    {},
    {"models": []},
    "file:///etc/passwd",
    "http://store.example.org/",
    "https://user@store.example.org/\r\nX: y",
]
"""Values in place of the true one."""


def places(value, place=()):
    """Each place in a document, from the outside in."""
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*place, key))


def changed(document, place, value):
    """The document with another value in one place."""
    if not place:
        return value
    made = copy.deepcopy(document)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


class Liar:
    """Answers in place of the network."""

    def __init__(self, **said):
        self.said = {**ANSWERS, **said}
        self.asked = []
        """Method, address and headers of each request."""

    def to(self, url, **_):
        """The connections to a host: there is one for all."""
        return self

    def close(self):
        """There is nothing to close."""

    def request(self, method, url, *, headers, body=None, **_):
        self.asked.append((method, url, headers))
        if len(self.asked) > 100:
            raise AssertionError(f"it asks for ever: {self.asked[-3:]}")
        if len(self.asked) > 50 and "/uploads/" in url:
            # A worker may take as long as it likes, but not that of a test.
            self.said["state"] = {**STATE, "state": "failed"}
        while hasattr(body, "read") and body.read(5):
            pass
        status, said, more = self._answer(method, urlsplit(url), headers)
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        more = {"Content-Length": str(len(content)), **more}
        return urllib3.HTTPResponse(io.BytesIO(content), more, status, preload_content=False)

    def _answer(self, method, url, headers):
        if url.hostname != urlsplit(SERVICE).hostname:
            return self._object(method, headers)
        path = url.path
        if path == "/health":
            return 200, self.said["health"], {}
        if method == "DELETE":
            return (204, b"", {}) if "/uploads/" in path else (200, self.said["deleted"], {})
        if path == "/ai-models/upload/files" or path.endswith("/parts"):
            return 200, self.said["plan"], {}
        if path.endswith("/complete"):
            return 202, self.said["state"], {}
        if "/uploads/" in path:
            return 200, self.said["state"], {}
        if path.endswith("/download"):
            return 307, b"", {"Location": self.said.get("location", STORE)}
        if path.endswith("/files"):
            return 200, self.said["linked" if "urls=true" in url.query else "listed"], {}
        if path.endswith("/versions") and self.said["versions"] is MISSING:
            return 404, {"detail": "There is no such model"}, {}
        if path.endswith("/versions") or path.count("/") == 2 or "/search/" in path:
            return 200, self.said["versions"], {}
        return 200, self.said["document"], {}

    def _object(self, method, headers):
        if method == "PUT":
            return 200, b"", {}
        first, _, last = headers["Range"].removeprefix("bytes=").partition("-")
        data = CONTENT[int(first) : int(last) + 1]
        shown = f"bytes {first}-{int(first) + len(data) - 1}/{len(CONTENT)}"
        return 206, data, {"Content-Range": shown, "ETag": '"one"'}
