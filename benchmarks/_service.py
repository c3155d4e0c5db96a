"""A client of a running service: the requests that uploads and their checks are made of."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

TIMEOUT = 120
USER = "bench"


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

    def __init__(self, url: str) -> None:
        """`url` is the service's, without a slash at the end."""
        self.url = url
        self._local = threading.local()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer of a route; `Refused` when it is an error."""
        answer = self._session.request(method, f"{self.url}/ai-models{path}", timeout=TIMEOUT, **options)
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer

    def form(self, kind: str, fields: Mapping[str, Any], name: str, data: bytes) -> Any:
        """Uploads a file (`single`) or a ZIP (`folder`) as a form; the version's document."""
        field = "file" if kind == "single" else "zip_file"
        answer = self.ask("POST", f"/upload/{kind}", data=dict(fields), files={field: (name, data)})
        return answer.json()

    def plan(self, kind: str, fields: Mapping[str, Any]) -> Any:
        """An upload plan."""
        return self.ask("POST", f"/upload/{kind}", json=dict(fields)).json()

    def send(self, plan: Any, contents: Mapping[str, bytes]) -> requests.Response:
        """Sends the bytes that a plan asks for, by file name, and completes the upload."""
        for file in plan["files"]:
            for part in file["parts"]:
                begin = (part["part_number"] - 1) * plan["part_size"]
                data = contents[file["filename"]][begin : begin + part["size"]]
                self._session.put(part["url"], data=data, timeout=TIMEOUT).raise_for_status()
        return self.ask("POST", f"/uploads/{plan['upload_id']}/complete")

    def sha256(self, model_id: str, version: str, filename: str) -> str:
        """SHA-256 of a file as it is downloaded."""
        answer = self.ask(
            "GET", f"/{USER}/{model_id}/download", params={"version": version, "filename": filename}
        )
        return sha256(answer.content)

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
