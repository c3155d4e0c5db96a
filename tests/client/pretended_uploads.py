"""Uploads to a registry that is not there: planned, sent in parts, completed, and checked by a worker."""

import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import quote

OPEN, FAILED, READY = "uploading", "failed", "ready"


@dataclass
class Upload:
    """An upload as the registry has it."""

    upload_id: str
    fields: dict
    sizes: dict
    """The files' bytes by their paths."""
    hashes: dict
    offsets: dict
    """The files in the bundle, with their places in it."""
    state: str = OPEN
    detail: str | None = None
    sent: dict = field(default_factory=dict)
    """Content by file, None for the bundle, and part."""
    polls: list = field(default_factory=list)
    """The bytes that the worker is yet to have done, one for each question for the state."""


class Uploads:
    """The part of a `Pretender` that takes uploads; what is published becomes its files."""

    def __init__(self, pretender):
        self._pretender = pretender
        self.known = {}
        """Uploads by their ids."""
        self.part_size = 1 << 20
        self.small = 4096
        """Bytes of a file that travels in the bundle."""
        self.page_size = 1000
        self.urls = 1000
        """URLs in an answer."""
        self.polls = None
        """What the worker says it has done, question after question; None where `complete` publishes by itself."""
        self.stored = set()
        """SHA-256 of content that need not travel."""

    def answer(self, asked, path, query, body):
        """Status and document for a request, and headers."""
        if path.startswith("/parts/"):
            return self._put(asked, path.split("/")[2], query, body)
        said = json.loads(body) if body else None
        if path == "/ai-models/upload/files":
            return self._plan(said)
        upload_id, _, act = path.removeprefix("/ai-models/uploads/").partition("/")
        upload = self.known.get(upload_id)
        if upload is None or (asked.method == "DELETE" and upload.state == FAILED):
            return 404, {"detail": f"There is no upload {upload_id}"}
        if asked.method == "DELETE":
            del self.known[upload_id]
            return (204,)
        if act == "complete":
            return self._complete(upload)
        if act == "" and asked.method == "GET":
            return 200, self._state(upload, poll=True)
        if upload.state != OPEN:
            return 409, {"detail": f"The upload is {upload.state}"}
        return self._more(upload, said) if asked.method == "POST" else self._arrived(upload, query)

    def _plan(self, said):
        files = said.pop("files")
        upload_id = said.pop("upload_id")
        assert said.pop("bundle") is True
        if upload_id in self.known:
            return 409, {"detail": "This upload exists already"}
        sizes = {file["filename"]: file["file_size"] for file in files}
        hashes = {file["filename"]: file["file_hash"] for file in files}
        offsets, end = {}, 0
        for name in sizes:
            if 0 < sizes[name] <= self.small and hashes[name] not in self.stored:
                offsets[name] = end
                end += sizes[name]
        upload = self.known[upload_id] = Upload(upload_id, said, sizes, hashes, offsets)
        wanted = [(name, number) for name in [*sizes, None] for number in self._numbers(upload, name)]
        return 200, self._document(upload, list(sizes), wanted[: self.urls], bundle=True)

    def _size(self, upload, name):
        if name is None:
            return sum(upload.sizes[name] for name in upload.offsets)
        is_sent = name not in upload.offsets and upload.hashes[name] not in self.stored
        return upload.sizes[name] if is_sent else 0

    def _numbers(self, upload, name):
        return range(1, -(-self._size(upload, name) // self.part_size) + 1)

    def _length(self, upload, name, number):
        return min(self.part_size, self._size(upload, name) - (number - 1) * self.part_size)

    def _document(self, upload, names, wanted, *, bundle):
        size = self._size(upload, None)
        return {
            "upload_id": upload.upload_id,
            "part_size": self.part_size,
            "files": [self._file(upload, name, self._urls(upload, name, wanted)) for name in names],
            "files_total": len(upload.sizes),
            "bundle": {"size": size, "parts": self._urls(upload, None, wanted)} if bundle and size else None,
        }

    def _file(self, upload, name, parts):
        return {
            "filename": name,
            "file_size": upload.sizes[name],
            "already_stored": upload.hashes[name] in self.stored,
            "bundle_offset": upload.offsets.get(name),
            "parts": parts,
        }

    def _urls(self, upload, name, wanted):
        generation = self._pretender.generation
        file = "" if name is None else f"&name={quote(name)}"
        return [
            {
                "part_number": number,
                "size": self._length(upload, name, number),
                "url": f"{self._pretender.url}/parts/{upload.upload_id}?number={number}{file}&generation={generation}",
            }
            for of, number in wanted
            if of == name
        ]

    def _more(self, upload, said):
        ranges = [(file["filename"], file) for file in said["files"]]
        if said["bundle"]:
            ranges.append((None, said["bundle"]))
        wanted = [
            (name, number)
            for name, numbers in ranges
            for number in range(numbers["first_part"], numbers["last_part"] + 1)
        ]
        names = list(dict.fromkeys(name for name, _ in ranges if name is not None))
        return 200, self._document(upload, names, wanted[: self.urls], bundle=bool(said["bundle"]))

    def _arrived(self, upload, query):
        names = list(upload.sizes)
        start = int(query.get("next_token", 0))
        stop = start + self.page_size
        size = self._size(upload, None)
        return 200, {
            "upload_id": upload.upload_id,
            "part_size": self.part_size,
            "files": [self._file(upload, name, self._parts(upload, name)) for name in names[start:stop]],
            "bundle": {"size": size, "parts": self._parts(upload, None)} if size and not start else None,
            "next_token": str(stop) if stop < len(names) else None,
        }

    def _parts(self, upload, name):
        return [
            {"part_number": number, "size": len(data)}
            for (of, number), data in upload.sent.items()
            if of == name
        ]

    def _put(self, asked, upload_id, query, body):
        upload, name, number = self.known.get(upload_id), query.get("name"), int(query["number"])
        if upload is None:
            return _refused(404, "NoSuchUpload")
        if int(query["generation"]) != self._pretender.generation:
            return _refused(403, "AccessDenied")
        # As a store does to whose URLs the length belongs.
        if asked.headers.get("Content-Length") != str(self._length(upload, name, number)):
            return _refused(403, "SignatureDoesNotMatch")
        upload.sent[name, number] = body
        return (200,)

    def _complete(self, upload):
        if upload.state != OPEN:
            return 409, {"detail": f"The upload is {upload.state}"}
        lacking = [
            (name, number)
            for name in [*upload.sizes, None]
            for number in self._numbers(upload, name)
            if (name, number) not in upload.sent
        ]
        if lacking:
            return 400, {"detail": f"There are parts missing: {lacking}"}
        if self.polls is None:
            self._publish(upload)
            if upload.state == FAILED:
                return 400, {"detail": upload.detail}
            user, model = upload.fields["user_id"], upload.fields["model_id"]
            return 200, self._pretender.document(user, model)
        upload.state, upload.polls = "verifying", list(self.polls)
        return 202, self._state(upload), (("Retry-After", "2"),)

    def _publish(self, upload):
        contents = {None: b""}
        for name, number in sorted(upload.sent, key=lambda part: (part[0] or "", part[1])):
            contents[name] = contents.get(name, b"") + upload.sent[name, number]
        for name, size in upload.sizes.items():
            start = upload.offsets.get(name)
            data = contents.get(name, b"") if start is None else contents[None][start : start + size]
            if (
                upload.hashes[name] not in self.stored
                and hashlib.sha256(data).hexdigest() != upload.hashes[name]
            ):
                upload.state, upload.detail = FAILED, f"{name} has not the SHA-256 that was declared"
                return
            contents[name] = data
        upload.state = READY
        version = "v1" if upload.fields["version"] == "next" else upload.fields["version"]
        self._pretender.fields = {**upload.fields, "version": version}
        self._pretender.files = {name: contents[name] for name in upload.sizes}

    def _state(self, upload, *, poll=False):
        done = 0
        if poll and upload.state == "verifying":
            if upload.polls:
                done = upload.polls.pop(0)
            else:
                self._publish(upload)
        return {
            "upload_id": upload.upload_id,
            "state": upload.state,
            "user_id": upload.fields["user_id"],
            "model_id": upload.fields["model_id"],
            "version": "v1" if upload.fields["version"] == "next" else upload.fields["version"],
            "files_done": 0,
            "bytes_done": done,
            "detail": upload.detail,
        }


def _refused(status, code):
    return status, f"<Error><Code>{code}</Code></Error>".encode()
