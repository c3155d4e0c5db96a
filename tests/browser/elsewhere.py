"""Pages of other origins: a server of their own, which is also the proxy of the browser and so leads names anywhere."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

PAGE = b"<!doctype html><title>elsewhere</title><iframe name=hidden></iframe>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        where = urlsplit(self.path)
        if where.hostname == "rebound.test" and where.path != "/page":
            self._lead_home(where.port or 80, body)
        else:
            self._answer(200, [("Content-Type", "text/html")], PAGE)

    def _lead_home(self, port: int, body: bytes) -> None:
        # As a browser does when a name leads to 127.0.0.1 all at once: the name stays in Host.
        path = self.path.split(f":{port}", 1)[1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(self.command, path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        headers = [
            pair for pair in answer.getheaders() if pair[0].lower() not in ("content-length", "connection")
        ]
        self._answer(answer.status, headers, answer.read())
        connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _serve

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Elsewhere:
    """The server, for as long as a `with` block runs."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
