"""A client of a running service: the requests that uploads and their checks are made of."""

import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

TIMEOUT = 120
USER = "bench"


class Pending(Exception):
    """The service says that a ZIP is in the making, for longer than the client waits."""


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(
            f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text}"
        )
        self.status = answer.status_code
        self.retry_after = float(answer.headers.get("Retry-After", 0))
        """Seconds after which it says to ask again; 0 when it does not say so."""


class Client:
    """One service; a connection for each thread."""

    def __init__(self, url: str, bearer: str = "") -> None:
        """`url` is the service's, without a slash at the end; `bearer` the token to show, where one is needed."""
        self.url = url
        self._headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self._local = threading.local()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session

    def ask(self, method: str, path: str, *, base: str = "/ai-models", **options: Any) -> requests.Response:
        """The answer of a route; `Refused` when it is an error."""
        # The store behind a redirect is another origin: requests takes the token away on the way there.
        answer = self._session.request(
            method, f"{self.url}{base}{path}", timeout=TIMEOUT, headers=self._headers, **options
        )
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer

    def form(self, kind: str, fields: Mapping[str, Any], name: str, data: bytes) -> Any:
        """Uploads a file (`single`) or a ZIP (`folder`) as a form, in which lists are text; the version's document."""
        field = "file" if kind == "single" else "zip_file"
        texts = {
            name: ",".join(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        answer = self.ask("POST", f"/upload/{kind}", data=texts, files={field: (name, data)})
        return answer.json()

    def plan(self, kind: str, fields: Mapping[str, Any]) -> Any:
        """An upload plan."""
        return self.ask("POST", f"/upload/{kind}", json=dict(fields)).json()

    def send(self, plan: Any, contents: Mapping[str, bytes]) -> requests.Response:
        """Sends the bytes that a plan asks for, by file name, and completes the upload."""
        for url, data in pieces(plan, contents):
            self._session.put(url, data=data, timeout=TIMEOUT).raise_for_status()
        return self.ask("POST", f"/uploads/{plan['upload_id']}/complete")

    def download(self, model_id: str, version: str, filename: str | None = None, user: str = USER) -> bytes:
        """A file, or the version as a ZIP, which may have to be waited for; `Pending`."""
        query = {"version": version} | ({"filename": filename} if filename else {})
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.ask("GET", f"/{user}/{model_id}/download", params=query)
            if answer.status_code != requests.codes.accepted:
                return self._content(answer)
            if time.monotonic() > deadline:
                raise Pending
            time.sleep(float(answer.headers["Retry-After"]))

    def _content(self, answer: requests.Response) -> bytes:
        return answer.content

    def sha256(self, model_id: str, version: str, filename: str) -> str:
        """SHA-256 of a file as it is downloaded."""
        return sha256(self.download(model_id, version, filename))

    def digests(self, model_id: str, version: str, paths: Iterable[str]) -> dict[str, str]:
        """SHA-256 of these files as they are downloaded."""
        return {path: self.sha256(model_id, version, path) for path in paths}

    def stores(self) -> str:
        """The URL of the AWS stand-in, as presigned URLs tell it."""
        fields = {"user_id": USER, "model_id": "probe", "name": "Probe", "filename": "probe", "file_size": 1}
        plan = self.plan("single", fields)
        self.ask("DELETE", f"/uploads/{plan['upload_id']}")
        url = urlsplit(plan["files"][0]["parts"][0]["url"])
        return f"{url.scheme}://{url.netloc}"


def pieces(plan: Any, contents: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The URLs of a plan, each with the bytes to send there; where it has a bundle, all contents go into that."""
    size = plan["part_size"]
    sent = [(contents[file["filename"]], file["parts"]) for file in plan["files"]]
    if plan.get("bundle"):
        together = b"".join(contents[name] for name in sorted(contents, key=str.encode))
        sent.append((together, plan["bundle"]["parts"]))
    for data, parts in sent:
        for part in parts:
            begin = (part["part_number"] - 1) * size
            yield part["url"], data[begin : begin + part["size"]]


def sha256(data: bytes) -> str:
    """In hex."""
    return hashlib.sha256(data).hexdigest()


def zipped(contents: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP with these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression, compresslevel=1) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return file.getvalue()
