"""An issuer of tokens: its keys, what it signs with them, and the server where its public keys are."""

import base64
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER, AUDIENCE = "https://issuer.example/", "weighthouse"


@cache
def private_key(kind, number):
    """A key of its own for each kind and number; made once, because RSA keys take a while."""
    match kind:
        case "RS256":
            return rsa.generate_private_key(65537, 2048)
        case "short":
            return rsa.generate_private_key(65537, 1024)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()


def jwk(kind, kid="one", number=0, **more):
    """The public key as it stands in a JWKS."""
    algorithm = jwt.get_algorithm_by_name({"short": "RS256"}.get(kind, kind))
    public = algorithm.to_jwk(private_key(kind, number).public_key(), as_dict=True)
    return {key: value for key, value in {**public, "kid": kid, **more}.items() if value is not None}


def claims(**changed):
    """Claims of a good token, but for those changed; None takes one away."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ana",
        "exp": now + 600,
        "iat": now,
        "scope": "openid models:read",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def token(kind="RS256", kid="one", number=0, headers=None, **changed):
    """A token signed by the issuer."""
    headers = {**({"kid": kid} if kid is not None else {}), **(headers or {})}
    return jwt.encode(claims(**changed), private_key(kind, number), kind, headers)


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).decode().rstrip("=")


def signed(payload, header=None):
    """A token with any text for its payload and header, signed with the issuer's RSA key."""
    header = json.dumps({"alg": "RS256", "kid": "one"}) if header is None else header
    signing_input = f"{b64(header)}.{b64(payload)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{signing_input}.{b64(algorithm.sign(signing_input.encode(), private_key('RS256', 0)))}"


class Issuer:
    """Serves a JWKS on loopback; tests set what it answers, and how."""

    def __init__(self):
        self.keys = [jwk("RS256")]
        self.body = None
        self.status = 200
        self.headers = {}
        self.stalled = False
        self.asked = 0
        self.going_on = threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                body = json.dumps({"keys": issuer.keys}).encode() if issuer.body is None else issuer.body
                self.send_response(issuer.status)
                for name, value in {"Content-Length": str(len(body)), **issuer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if issuer.stalled:
                    issuer.going_on.wait(10)
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self):
        """Nothing listens there any more."""
        self.going_on.set()
        self._server.shutdown()
        self._server.server_close()
