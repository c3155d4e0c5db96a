"""The page at /docs: one HTML document with its style and script inside, and the policy that lets only them in."""

import base64
import hashlib
from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def page() -> tuple[bytes, str]:
    """The page and its Content-Security-Policy (https://www.w3.org/TR/CSP3/): it may run and load its own
    script and style only, and talk to the service that served it only.
    """
    style = (_STATIC / "docs.css").read_bytes()
    script = (_STATIC / "docs.js").read_bytes()
    html = (_STATIC / "docs.html").read_bytes()
    html = html.replace(b"/*docs.css*/", style).replace(b"/*docs.js*/", script)
    policy = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return html, "; ".join(f"{directive} {source}" for directive, source in policy.items())


def _hash(content: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"
