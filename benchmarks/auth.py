"""What it costs a warm request to know its caller: nobody asked, a JWT of each algorithm, an API token.

    python -m benchmarks.auth

The issuer's keys come from a server on this machine, API tokens from MiniStack's table. What follows the first
request of each kind is measured: keys are known then, and the API token is remembered for some seconds. For
information also an API token that is looked up: a GetItem, which a process makes once in that time.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks._report import machine, table, verdict
from benchmarks._stand_ins import ministack

REQUESTS = 5_000
LOOKED_UP = 300
"""Requests whose API token is looked up in the table."""
LIMIT_MS = 1.0
"""The median of any way, but for an API token that is looked up."""
ISSUER, AUDIENCE = "https://issuer.example/", "weighthouse"


@contextmanager
def key_server(keys: list[dict[str, Any]]) -> Iterator[str]:
    """The URL of a JWKS on this machine."""
    body = json.dumps({"keys": keys}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    server.server_close()


def configure(**values: str) -> None:
    """Sets these settings, by the names of their fields, and takes away those of the other ways."""
    from chalicelib.settings import settings

    for name in ("auth", "jwt_jwks_url", "jwt_secret"):
        os.environ.pop(f"WEIGHTHOUSE_{name.upper()}", None)
    values |= {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    os.environ.update({f"WEIGHTHOUSE_{name.upper()}": value for name, value in values.items()})
    settings.cache_clear()


def milliseconds(bearer: str, requests: int = REQUESTS, before: Callable[[], object] = int) -> list[float]:
    """The 99 percentiles of what it costs to know who sent this token."""
    from chalicelib.auth.authentication import Credentials, authenticate

    credentials = Credentials(f"Bearer {bearer}", address="127.0.0.1")
    authenticate(credentials)
    costs = []
    for _ in range(requests):
        before()
        begun = time.perf_counter()
        authenticate(credentials)
        costs.append((time.perf_counter() - begun) * 1e3)
    return quantiles(costs, n=100)


def jwts() -> Iterator[tuple[str, list[float]]]:
    """Each algorithm with its costs."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    now = int(time.time())
    claims: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "scope": "openid models:write"}
    claims |= {"exp": now + 3_600, "iat": now}
    private: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    public = []
    for name, key in private.items():
        algorithm: Any = jwt.get_algorithm_by_name(name)
        public.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name})
    with key_server(public) as url:
        configure(auth="jwt", jwt_jwks_url=url)
        for name, key in private.items():
            yield f"JWT, {name}", milliseconds(jwt.encode(claims, key, name, {"kid": name}))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "secret"
        file.write_text("a secret for this run alone, of 32 bytes at least")
        configure(auth="jwt", jwt_secret=f"file:{file}")
        yield "JWT, HS256", milliseconds(jwt.encode(claims, file.read_text(), "HS256"))


def api_tokens() -> Iterator[tuple[str, list[float]]]:
    """An API token that is remembered, and one that is looked up."""
    with ministack():
        from chalicelib.registry import api_tokens as tokens
        from chalicelib.registry.callers import WRITE, Caller
        from chalicelib.schema.tokens import TokenRequest
        from chalicelib.store import bucket
        from chalicelib.store import table as rows

        bucket.create()
        rows.create_table()
        configure(auth="jwt", jwt_secret="file:/not/needed")
        token = tokens.create(
            Caller("ana", frozenset({WRITE})), TokenRequest(label="bench", scopes=[WRITE])
        ).token
        yield "API token, remembered", milliseconds(token)
        yield "API token, looked up", milliseconds(token, LOOKED_UP, tokens._known.clear)


def main() -> int:
    """Measures, prints, and gives the exit status: 1 when the limit is broken."""
    configure(auth="none")
    measured = {"none": milliseconds("x"), **dict(jwts()), **dict(api_tokens())}
    print(f"Knowing the caller of a warm request: {REQUESTS:,} requests of each kind on {machine()}\n")
    rows = [[way, f"{costs[49]:.3f} ms", f"{costs[98]:.3f} ms"] for way, costs in measured.items()]
    print(table(["", "p50", "p99"], rows))
    return verdict(
        [
            f"{way} takes {costs[49]:.2f} ms, and may take {LIMIT_MS:g}"
            for way, costs in measured.items()
            if costs[49] > LIMIT_MS and way != "API token, looked up"
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
