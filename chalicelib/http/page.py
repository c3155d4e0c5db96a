"""The page at /docs: one HTML document with its style and script inside, and the policy that lets only them in."""

import base64
import hashlib
from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def page() -> tuple[str, str]:
    """The page and its Content-Security-Policy (https://www.w3.org/TR/CSP3/): it may run and load its own
    script and style only, and talk to the service that served it only.
    """
    style = (_STATIC / "docs.css").read_text(encoding="utf-8")
    script = (_STATIC / "docs.js").read_text(encoding="utf-8")
    html = (_STATIC / "docs.html").read_text(encoding="utf-8")
    html = html.replace("/*docs.css*/", style).replace("/*docs.js*/", script)
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


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
