"""The registry as a Python object."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from weighthouse import login
from weighthouse.addresses import check_service
from weighthouse.answers import DELETED, HEALTH, read
from weighthouse.documents import File, Version
from weighthouse.names import NEXT, check_name, new_version
from weighthouse.progress import OnProgress
from weighthouse.settings import DEFAULT_URL
from weighthouse.transport import Transport

if TYPE_CHECKING:
    from weighthouse.pull.pulling import Pulled
    from weighthouse.pull.remote import RemoteFile
    from weighthouse.push.pushing import Pushed

_FIRST = 101
"""Versions that are asked for first: those that the command line shows, and one to know whether there are more."""


class Client:
    """A registry as one caller sees it. Threads can share it; connections are kept until `close`.

    Processes can share it, too: one that is forked makes its own connections, and so does one that it is pickled for.
    A pickle holds the address, and the token only when that was given to `Client` itself.

    Every method blocks; from an event loop, call it with `asyncio.to_thread`. Where a version is not named, it is
    the latest. Every method raises `WeighthouseError`: `InvalidInput` before anything is sent, a `ServiceError`
    for what the service answered, `Unreachable` when retries did not help.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        """`url`, unless given, is `WEIGHTHOUSE_URL`, else that of the last `weighthouse login`, else
        http://localhost:8000. `token`, unless given, is `WEIGHTHOUSE_TOKEN` where the address is that of
        `WEIGHTHOUSE_URL`, or without it of the last login; else what `weighthouse login` keeps for the address.

        A token is sent to this address alone, and never over plain http to another machine: `InvalidInput`.
        """
        self.url = (url or os.environ.get("WEIGHTHOUSE_URL") or login.last_url() or DEFAULT_URL).rstrip("/")
        check_service(self.url)
        found = login.Found(token, "as given") if token else login.find_token(self.url)
        self.transport = Transport(self.url, found.token, found.withheld)
        self._given = token

    def __reduce__(self) -> tuple[Any, ...]:
        """By its address: what it becomes in another process finds its token there, unless this one was given its."""
        return type(self), (self.url, self._given)

    def close(self) -> None:
        """Closes the connections that are kept."""
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def push(
        self,
        path: str | os.PathLike[str],
        user_id: str,
        model_id: str,
        version: str = NEXT,
        *,
        metadata: Mapping[str, Any] | None = None,
        model_file: str | os.PathLike[str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Pushed:
        """Sends a file or a folder as a new version, and gives it once it is published.

        Only content that the registry lacks travels. After any interruption the same call goes on with what is
        missing. `version` is the number after the highest unless given. A version that exists with the same files
        and metadata is given as it is: the one that is named, else the highest. `metadata` are fields of the
        version document; those that it does not name come from `model_file`, which is `model.yaml` in the folder
        unless given. `name` is the model's id unless given.

        Raises `InvalidInput`, `Conflict` when the version exists with other content, and `FileChanged`.
        """
        from weighthouse.push.pushing import push

        check_name(user_id, model_id, version)
        return push(
            self.transport,
            Path(path),
            user_id,
            model_id,
            new_version(version),
            metadata or {},
            Path(model_file) if model_file is not None else None,
            on_progress,
        )

    def pull(
        self,
        user_id: str,
        model_id: str,
        version: str | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        cache: str | os.PathLike[str] | None = None,
        force: bool = False,
        exact: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Pulled:
        """Fetches the files of a version into `directory`, which is `model_id` unless given.

        Files that are there and equal are not fetched; after any interruption the same call goes on. A file has its
        name only once its SHA-256 and CRC-32 are those of the registry. `include` and `exclude` are patterns as in
        `.gitignore`; files that match `include`, all without it, and not `exclude` are fetched. `cache` is a folder
        that keeps content by its hash and shares it by hard links; do not change files that were pulled with one.

        A file that differs from what a pull or a push last left at its place is not replaced: `LocalEdits` names such
        files before anything is fetched, and `force` has them replaced. `exact` removes what a former pull into
        `directory` put there and the version does not have, with the folders that this leaves empty.

        Raises `NotFound`, `InvalidInput`, `LocalEdits`, and `ContentMismatch`.
        """
        from weighthouse.pull.pulling import pull

        check_name(user_id, model_id, version)
        return pull(
            self.transport,
            user_id,
            model_id,
            version,
            Path(directory if directory is not None else model_id),
            include=tuple(include),
            exclude=tuple(exclude),
            cache=Path(cache) if cache is not None else None,
            force=force,
            exact=exact,
            on_progress=on_progress,
        )

    def open(self, user_id: str, model_id: str, path: str, version: str | None = None) -> RemoteFile:
        """A file of a version as a seekable, read-only binary file, of which only what is read is fetched."""
        from weighthouse.pull.remote import RemoteFile

        check_name(user_id, model_id, version)
        return RemoteFile(self, user_id, model_id, path, version)

    def get(self, user_id: str, model_id: str, version: str | None = None) -> Version:
        """A version with its first 1,000 files; raises `NotFound`."""
        return Version.of(self._on("GET", user_id, model_id, query={"version": version}, version=version))

    def models(
        self,
        user_id: str,
        *,
        framework: str | None = None,
        model_type: str | None = None,
        tags: Iterable[str] = (),
    ) -> Iterator[Version]:
        """The user's versions, newest first; filters are combined with AND."""
        check_name(user_id, "any")
        query = {"framework": framework, "model_type": model_type, "tags": ",".join(tags) or None}
        return self._versions(f"/ai-models/{user_id}", query)

    def search(
        self,
        user_id: str,
        query: str,
        *,
        framework: str | None = None,
        model_type: str | None = None,
        tags: Iterable[str] = (),
    ) -> Iterator[Version]:
        """The user's versions in which every word of `query` occurs, best match first."""
        check_name(user_id, "any")
        asked = {
            "query": query,
            "framework": framework,
            "model_type": model_type,
            "tags": ",".join(tags) or None,
        }
        return self._versions(f"/ai-models/search/{user_id}", asked)

    def versions(self, user_id: str, model_id: str) -> Iterator[Version]:
        """Every version of a model, the highest first; raises `NotFound`."""
        check_name(user_id, model_id)
        return self._versions(f"/ai-models/{user_id}/{model_id}/versions", {})

    def files(self, user_id: str, model_id: str, version: str | None = None) -> Iterator[File]:
        """Every file of a version in path order; raises `NotFound`."""
        check_name(user_id, model_id, version)
        path = f"/ai-models/{user_id}/{model_id}/files"
        pages = self.transport.pages(path, "files", query={"version": version})
        return (File.of(file) for page in pages for file in page["files"])

    def update(self, user_id: str, model_id: str, version: str | None = None, **fields: Any) -> Version:
        """Changes metadata: fields not named stay, None clears. Gives the version as it is then."""
        query = {"version": version}
        return Version.of(self._on("PUT", user_id, model_id, query=query, version=version, body=fields))

    def delete(
        self, user_id: str, model_id: str, version: str | None = None, *, all_versions: bool = False
    ) -> list[str]:
        """Deletes a version, the only one, or all; gives the names of those that are gone. Raises `NotFound`."""
        query = {"version": version, "all_versions": "true" if all_versions else None}
        answer = self._on("DELETE", user_id, model_id, query=query, version=version)
        if answer is None:
            return [version] if version else []
        return list(read(answer, DELETED)["versions"])

    def download_url(
        self, user_id: str, model_id: str, filename: str | None = None, version: str | None = None
    ) -> str:
        """A presigned URL of a file, without `filename` of all files as one ZIP; valid for 15 minutes."""
        check_name(user_id, model_id, version)
        query = {"version": version, "filename": filename}
        return self.transport.locate(f"/ai-models/{user_id}/{model_id}/download", query=query)

    def health(self) -> dict[str, Any]:
        """What the service says of itself and its two stores; raises `Unavailable` when one is out of reach."""
        return dict(read(self.transport.ask("GET", "/health"), HEALTH))

    def _on(self, method: str, user_id: str, model_id: str, *, version: str | None, **request: Any) -> Any:
        check_name(user_id, model_id, version)
        return self.transport.ask(method, f"/ai-models/{user_id}/{model_id}", **request)

    def _versions(self, path: str, query: Mapping[str, Any]) -> Iterator[Version]:
        pages = self.transport.pages(path, "models", query=query, first=_FIRST)
        return (Version.of(version) for page in pages for version in page["models"])
