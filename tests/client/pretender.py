"""A registry that says whatever a test wants: hostile names, wrong bytes, answers that break off, URLs that expire."""

import hashlib
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from weighthouse import Version


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that was killed, or has had enough, is what the tests are about."""


class Pretender:
    """Serves `files` as version v1 of every model, and their content; for as long as a `with` block runs."""

    def __init__(self, files):
        self.files = dict(files)
        self.recorded = {}
        """What is said of a file in place of the truth: fields by its name."""
        self.faults = []
        """Functions of a name, a start and an occurrence, asked in turn: a fault, or None for the true answer."""
        self.etags = {}
        self.requests = []
        """Each range that was asked for: name, start, stop, headers."""
        self.generation = 0
        """What a URL must say to be served; a page says it."""
        self.page_size = 1000
        self._lock = threading.Lock()

    def __enter__(self):
        pretender = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                pretender._answer(self)

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
        said = {
            "filename": name,
            "file_path": f"models/u/m/v1/{name}",
            "file_size": len(data),
            "file_type": "other",
            "file_hash": hashlib.sha256(data).hexdigest(),
            "hash_verified": True,
            "crc32": f"{zlib.crc32(data):08x}",
            "content_type": "application/octet-stream",
            "is_primary": False,
            "description": None,
            "url": None,
        }
        return said | self.recorded.get(name, {})

    def _url(self, name):
        return f"{self.url}/store/{quote(name, safe='')}?generation={self.generation}"

    def _answer(self, handler):
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/store/"):
            self._serve(handler, unquote(parts.path.removeprefix("/store/")), query)
        elif parts.path.endswith("/files"):
            self._say(handler, self._page(query))
        elif parts.path.endswith("/download"):
            handler.send_response(307)
            handler.send_header("Location", self._url(query["filename"]))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            user, model = parts.path.split("/")[2:4]
            said = dict.fromkeys(Version.__dataclass_fields__)
            page = self._page({})
            files = {"files": page["files"], "files_total": page["files_total"]}
            self._say(handler, said | files | {"user_id": user, "model_id": model, "version": "v1"})

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
        body = json.dumps(answer).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _refuse(self, handler, status, code):
        body = f"<Error><Code>{code}</Code></Error>".encode()
        handler.send_response(status)
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
            return self._refuse(handler, 403, "AccessDenied")
        if isinstance(fault, int):
            return self._refuse(handler, fault, "Injected")
        if asked and asked != etag:
            return self._refuse(handler, 412, "PreconditionFailed")
        body = data[start:stop]
        handler.send_response(206)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if isinstance(fault, float):
            body = body[: int(len(body) * fault)]
            handler.close_connection = True
        elif isinstance(fault, bytes):
            body = fault[start:stop]
        handler.wfile.write(body)
        return None


def once(fault, name=None, start=None):
    """A fault that happens once: a status, the share of an answer after which it breaks off, or wrong content."""
    left = [fault]

    def draw(asked, at):
        if name in (None, asked) and start in (None, at) and left:
            return left.pop()
        return None

    return draw
