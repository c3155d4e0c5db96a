"""One user's upload from its plan to its end, on a clock that can be put forward, and what it may leave behind."""

import io
import zipfile

import stores
from api import everything
from each import each

from chalicelib.registry import clock
from chalicelib.registry.sweeping import sweep
from chalicelib.schema import records
from chalicelib.settings import settings
from chalicelib.store import keys
from chalicelib.store.rows import Row

FILES = {"empty.txt": b"", "model.pt": b"weights"}
LATER = 20 * 60
"""Seconds after which every lease has lapsed, and all work in the journal is due again."""
AFTER_EXPIRY = 8 * 86_400
"""Seconds after which an upload has expired."""


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Uploader:
    """Uploads version v1 of `ana/m`."""

    address = "/ai-models/ana/m"

    def __init__(self, api):
        self.api = api
        self.late = 0
        """Seconds by which the service's clock is ahead."""
        self.plan = None
        self._removed = set()
        """What the stores held when a deletion left nothing of it."""

    def form(self):
        return self.api.upload(FILES["model.pt"], filename="model.pt", model_id="m", tags="a,b")

    def form_folder(self):
        return self.api.upload_zip(zipped(FILES), user_id="ana", model_id="m", tags="a,b")

    def _asked(self, kind, **fields):
        body = {"user_id": "ana", "model_id": "m", "name": "M", "tags": ["a", "b"], **fields}
        answer = self.api.post(f"/ai-models/upload/{kind}", body)
        if answer.status == 200:
            self.plan = answer.json
        return answer

    def plan_files(self, files=FILES, **fields):
        listed = [{"filename": name, "file_size": len(data)} for name, data in files.items()]
        return self._asked("files", files=listed, **fields)

    def plan_folder(self, archive=None, **fields):
        return self._asked("folder", file_size=len(archive or zipped(FILES)), **fields)

    def send(self, files=FILES, archive=None):
        self.api.send(self.plan, {**files, "archive.zip": archive or zipped(FILES)})

    @property
    def upload(self):
        return f"/ai-models/uploads/{self.plan['upload_id']}"

    def state(self):
        return self.api.get(self.upload).json

    def complete(self):
        return self.api.post(f"{self.upload}/complete")

    def abort(self):
        return self.api.delete(self.upload)

    def run(self):
        """Completes, and plays the notifications that follow."""
        answer = self.complete()
        self.api.deliver()
        return answer

    def wait(self):
        """Lets the time pass that work needs to be taken up again, and takes it up."""
        self.late += LATER
        sweep()
        self.api.deliver()

    def follow(self, answer):
        """Follows an upload that was handed over to its end."""
        if answer.status == 202:
            self.wait()
            answer = self.complete()
        return answer

    def is_there(self):
        return self.api.get(self.address, version="v1").status == 200

    def check_whole(self, files):
        """Fails unless the version is there with these files and no others, in every place where it is looked for."""
        found = self.api.get(self.address, version="v1")
        assert [file["filename"] for file in found.json["files"]] == sorted(files)
        for name, data in each(files.items()):
            answer = self.api.get(
                f"{self.address}/download", filename=name, accept="application/octet-stream"
            )
            assert (answer.status, answer.content) == (200, data)
        objects, parts, _ = everything()
        own = {f"models/ana/m/v1/{name}" for name in files} | {"manifests/ana/m/v1.json"}
        own |= {"manifests/ana/m/v1.files.jsonl"} if len(files) > records.INLINE_FILES else set()
        assert {key for key in objects if not key.startswith(("uploads/", "tasks/"))} == own
        assert not parts
        for found in (
            self.api.get("/ai-models/ana", tags="a").json["models"],
            [self.api.get(self.address).json],
        ):
            assert [version["version"] for version in found] == ["v1"]

    def check_empty(self):
        """Fails when anything is left in the two stores but the history and rows of ended uploads, which go by TTL."""
        objects, parts, rows = everything()
        left = objects, parts, {(pk, sk) for pk, sk in rows if sk != "upload"}
        assert left == (set(), set(), set()), left
        kept = {True: settings().history_ttl, False: AFTER_EXPIRY}
        ending = list(Row.scan())
        left = [
            row
            for row in ending
            if row.expires_at.timestamp() > clock.now() + kept[row.pk.startswith(keys.HISTORY)]
        ]
        assert not left
        for row in ending:
            row.delete()

    def remove(self):
        """Deletes the version if it is there; nothing of the upload may be left then.

        Where the stores hold just what a deletion has removed before, they are emptied without another one.
        """
        held = stores.shape()
        if held in self._removed:
            stores.clear()
            return
        if self.is_there():
            assert self.api.delete(self.address, version="v1").status == 200
        self.wait()
        self.check_empty()
        self._removed.add(held)

    def once(self, prepare):
        """As `stores.once`; the plan and the clock are put back, too."""
        ended = []

        def kept():
            prepare()
            ended.append((self.plan, self.late))

        stored = stores.once(kept)

        def prepared():
            stored()
            self.plan, self.late = ended[0]

        return prepared
