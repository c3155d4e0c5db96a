"""The app called in this process, as its gateway calls it."""

import importlib
import json
import uuid
from typing import Any
from urllib.parse import quote, urlencode

from devserver.proxy import Call, Context, proxy_event
from devserver.routing import Router


class App:
    """Sends requests to `app.py` without HTTP: what is measured is the function and its stores."""

    def __init__(self) -> None:
        """Imports the app: the environment must lead to the stores by now."""
        self._app = importlib.import_module("app").app
        self._router = Router(self._app.routes)
        self._binary = self._app.api.binary_types

    def event(self, method: str, path: str, *, body: Any = None, accept: str = "", **query: Any) -> Any:
        """The event of a request."""
        headers = [("content-type", "application/json")] if body is not None else []
        if accept:
            headers.append(("accept", accept))
        data = json.dumps(body).encode() if body is not None else b""
        call = Call(method, quote(path), urlencode(query), headers, data, "127.0.0.1")
        match = self._router.match(call.path)
        assert match is not None, path
        return proxy_event(call, match, self._binary, uuid.uuid4().hex)

    def answer(self, event: Any) -> Any:
        """The proxy answer to an event; `RuntimeError` when it is an error."""
        answer = self._app(event, Context("api_handler", 29.0))
        if answer["statusCode"] >= 400:
            raise RuntimeError(f"{event['httpMethod']} {event['path']}: {answer}")
        return answer


def documents(answer: Any) -> list[Any]:
    """What a JSON answer lists; nothing for one that lists nothing."""
    if "json" not in answer["headers"].get("Content-Type", ""):
        return []
    found = json.loads(answer["body"])
    listed: list[Any] = found.get("models", found.get("files", []))
    return listed
