"""A registry that says whatever a test wants: hostile names, wrong bytes, failures, answers that break off, URLs that
expire.

It serves `files` as a version, and takes one by an upload plan (`pretended_uploads.py`).
"""

import hashlib
import json
import re
import threading
import zlib
from collections import deque
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pretended_uploads import Uploads

from weighthouse import Version


class Say(NamedTuple):
    """An answer: its status, what it says as JSON or as bytes, and more headers."""

    status: int
    said: object = None
    headers: tuple[tuple[str, str], ...] = ()


TRUE = "the true answer"
CUT = "no answer: the connection is cut before the request is heeded"
LOST = "no answer: the connection is cut once the request is heeded"


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict
    port: int
    """Of the client: which connection it came by."""
    size: int
    """Bytes of its body."""


BLANK = {
    "name": "M",
    "framework": "other",
    "model_type": "other",
    "model_size_mb": 0.0,
    "dependencies": [],
    "tags": [],
    "custom_metadata": {},
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
    "is_active": True,
    "is_production_ready": False,
}
"""What a version document says where nothing is known."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that was killed, or has had enough, is what the tests are about."""


class Pretender:
    """Serves `files` as version v1 of every model, and their content; for as long as a `with` block runs."""

    def __init__(self, files=()):
        self.files = dict(files)
        self.fields = {}
        """What is said of the version beside its files."""
        self.recorded = {}
        """What is said of a file in place of the truth: fields by its name."""
        self.faults = []
        """Functions of a name, a start and an occurrence, asked in turn: a fault, or None for the true answer."""
        self.etags = {}
        self.requests = []
        """Each range that was asked for: name, start, stop, headers."""
        self.asked = []
        """Every request."""
        self.generation = 0
        """What a URL must say to be served; a page says it."""
        self.page_size = 1000
        self.uploads = Uploads(self)
        self._scripts = []
        self._lock = threading.Lock()

    def script(self, method, path, *answers, then=None):
        """Has the next requests with this method, whose path and query have this pattern, answered so, in order.

        `then` is the answer to all that come after, where it is not for another script, or the truth, to say. A
        function is called with the request.
        """
        self._scripts.append((method, re.compile(path), deque(answers), then))

    def __enter__(self):
        pretender = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self):
                pretender._answer(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_CONNECT = answer

            def log_message(self, *arguments):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def entry(self, name):
        """What the files endpoint says of a file."""
        data = self.files[name]
        sha256, crc32 = _digests(data)
        said = {
            "filename": name,
            "file_path": f"models/u/m/v1/{name}",
            "file_size": len(data),
            "file_type": "other",
            "file_hash": sha256,
            "hash_verified": True,
            "crc32": crc32,
            "content_type": "application/octet-stream",
            "is_primary": False,
            "description": None,
            "url": None,
        }
        return said | self.recorded.get(name, {})

    def document(self, user, model):
        """The version's document."""
        said = dict.fromkeys(Version.__dataclass_fields__) | BLANK
        page = self._page({})
        files = {"files": page["files"], "files_total": page["files_total"]}
        return said | {"version": "v1"} | self.fields | files | {"user_id": user, "model_id": model}

    def _url(self, name):
        return f"{self.url}/store/{quote(name, safe='')}?generation={self.generation}"

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        asked = Asked(
            handler.command, handler.path, dict(handler.headers), handler.client_address[1], len(body)
        )
        with self._lock:
            self.asked.append(asked)
            answer = self._scripted(asked)
        if answer == CUT:
            handler.close_connection = True
            return
        if answer in (TRUE, LOST):
            said = self._truth(handler, asked, body)
            if answer == LOST:
                handler.close_connection = True
                return
            if said is None:
                return
            answer = said
        self._say(handler, answer)

    def _scripted(self, asked):
        for method, pattern, answers, then in self._scripts:
            if method == asked.method and pattern.search(asked.path):
                answer = answers.popleft() if answers else then
                if answer is not None:
                    return answer(asked) if callable(answer) else answer
        return TRUE

    def _truth(self, handler, asked, body):
        """The true answer; None when it has been written already."""
        parts = urlsplit(asked.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/store/"):
            return self._serve(handler, unquote(parts.path.removeprefix("/store/")), query)
        if parts.path.startswith(("/parts/", "/ai-models/upload")):
            return Say(*self.uploads.answer(asked, parts.path, query, body))
        user, model = [*parts.path.split("/")[2:4], None, None][:2]
        if asked.method != "GET" or not self.files:
            return Say(404, {"detail": "There is nothing of that name"})
        if parts.path.endswith("/files"):
            return Say(200, self._page(query))
        if parts.path.endswith("/download"):
            return Say(307, headers=(("Location", self._url(query["filename"])),))
        if parts.path.endswith("/versions"):
            return Say(200, {"models": [self.document(user, model)], "next_token": None})
        return Say(200, self.document(user, model))

    def _page(self, query):
        names = list(self.files)
        start = int(query.get("next_token", 0))
        stop = start + self.page_size
        files = [self.entry(name) for name in names[start:stop]]
        if query.get("urls") == "true":
            files = [{**file, "url": self._url(file["filename"])} for file in files]
        token = str(stop) if stop < len(names) else None
        return {"files": files, "files_total": len(names), "limit": 1000, "next_token": token}

    def _say(self, handler, answer):
        status, said, headers = answer
        body = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        # A length that the body has not: the answer breaks off.
        handler.close_connection = "Content-Length" in dict(headers)
        if dict(headers).keys().isdisjoint({"Transfer-Encoding", "Content-Length"}):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _serve(self, handler, name, query):
        data = self.files[name]
        first, _, last = handler.headers["Range"].removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last) + 1
        with self._lock:
            self.requests.append((name, start, stop, dict(handler.headers)))
            found = [fault(name, start) for fault in self.faults]
        fault = next(filter(None, found), None)
        etag = self.etags.get(name, '"one"')
        asked = handler.headers.get("If-Match")
        if int(query["generation"]) != self.generation:
            return refusal(403, "AccessDenied")
        if isinstance(fault, Say):
            return fault
        if isinstance(fault, int):
            return refusal(fault, "Injected")
        if asked and asked != etag:
            return refusal(412, "PreconditionFailed")
        body = data[start:stop]
        handler.send_response(206)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if isinstance(fault, float):
            body = body[: int(len(body) * fault)]
            handler.close_connection = True
        elif isinstance(fault, bytes):
            body = fault[start:stop]
        handler.wfile.write(body)
        return None


@lru_cache
def _digests(data):
    return hashlib.sha256(data).hexdigest(), f"{zlib.crc32(data):08x}"


def refusal(status, code, *headers):
    """What a store answers that refuses."""
    return Say(status, f"<Error><Code>{code}</Code></Error>".encode(), headers)


def once(fault, name=None, start=None):
    """A fault that happens once: a status, the share of an answer after which it breaks off, or wrong content."""
    left = [fault]

    def draw(asked, at):
        if name in (None, asked) and start in (None, at) and left:
            return left.pop()
        return None

    return draw
