"""Each function's role allows what the function does, and nothing more."""

import hashlib
import os
import time
from contextlib import contextmanager, nullcontext, suppress
from unittest.mock import patch

import pytest
from api import Context
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError
from each import each
from faults import Fault, Killed
from guarding import READ, WRITE, bearer, guard
from pynamodb.exceptions import TransactWriteError
from rights import Recorder
from uploading import AFTER_EXPIRY, FILES, LATER, Uploader, zipped

import app as service
from chalicelib.archive import units
from chalicelib.registry import api_tokens, clock, deleting, sharing, zipping
from chalicelib.settings import MIB, settings
from chalicelib.store import keys, multipart, objects
from infra.policies import RIGHTS

LARGE = os.urandom(6 * MIB)
"""Enough for what is copied within S3 by its parts."""


@pytest.fixture
def uploader(api, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", str(7 * MIB))
    settings.cache_clear()
    uploader, now = Uploader(api), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + uploader.late)
    return uploader


@contextmanager
def struck(operation, *, twice=False):
    """The first call of this name cut off, or made twice, as botocore makes it when the first answer is lost."""
    original, struck = BaseClient._make_api_call, []

    def call(client, name, arguments):
        if name == operation and not struck:
            struck.append(name)
            if not twice:
                raise EndpointConnectionError(endpoint_url="https://stub.invalid")
            original(client, name, dict(arguments))
            if name == "CompleteMultipartUpload":
                # moto answers as if nothing had happened; other stores do not.
                raise client.exceptions.NoSuchUpload({"Error": {"Code": "NoSuchUpload"}}, name)
        return original(client, name, arguments)

    with patch.object(BaseClient, "_make_api_call", call):
        yield
    assert struck, operation


def upload(uploader, files, *, way="files", **fields):
    """An upload by plan, up to the call that completes it."""
    if way == "folder":
        uploader.plan_folder(zipped(files), **fields)
        uploader.send(archive=zipped(files))
    else:
        uploader.plan_files(files, **fields)
        uploader.send(files)
    return uploader.complete()


def forms(uploader):
    api = uploader.api
    assert api.upload(model_id="form", tags="a").status == 200
    assert api.upload(model_id="form", version="next", file_hash="0" * 64).status == 400
    assert api.upload_zip(zipped({f"{number:02}": b"x" for number in range(60)})).status == 200
    assert api.upload_zip(b"no ZIP", model_id="none").status == 400


def plans(uploader):
    files = {f"{number:02}.txt": b"%d" % number for number in range(12)} | {"large.bin": LARGE}
    assert upload(uploader, files, model_id="plan").status == 200
    api, hashes = uploader.api, {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    listed = [{"filename": n, "file_size": len(d), "file_hash": hashes[n]} for n, d in files.items()]
    plan = api.post(
        "/ai-models/upload/files", {"user_id": "ana", "model_id": "copy", "name": "C", "files": listed}
    )
    assert all(file["already_stored"] for file in each(plan.json["files"]))
    address = f"/ai-models/uploads/{plan.json['upload_id']}"
    assert api.get(f"{address}/parts").status == 200
    assert api.post(f"{address}/complete").status == 200
    # One with a part that is missing, and given up; one with a hash that is wrong.
    uploader.plan_files({"a.bin": LARGE}, model_id="gone")
    assert api.get(f"{uploader.upload}/parts").status == 200
    assert api.post(f"{uploader.upload}/parts", {"files": [{"filename": "a.bin"}]}).status == 200
    assert uploader.complete().status == 400
    assert uploader.abort().status == 204
    uploader.plan_folder(LARGE, model_id="gone")
    assert uploader.abort().status == 204
    wrong = [{"filename": "a.bin", "file_size": 1, "file_hash": "0" * 64}]
    uploader.plan = api.post(
        "/ai-models/upload/files", {"user_id": "ana", "model_id": "wrong", "name": "W", "files": wrong}
    ).json
    uploader.send({"a.bin": b"x"})
    assert uploader.complete().status == 400


def reading(uploader):
    api = uploader.api
    for path in ("/health", "/ai-models/ana", "/ai-models/ana/plan", "/ai-models/ana/plan/versions"):
        assert api.get(path).status == 200
    assert api.get("/ai-models/ana/plan/files", version="v1").status == 200
    for filters in ({"framework": "other"}, {"model_type": "other"}, {"tags": "a"}):
        assert api.get("/ai-models/ana", **filters).status == 200
    assert api.get("/ai-models/search/ana", query="plan").status == 200
    for accept in (None, "application/octet-stream"):
        assert api.get("/ai-models/ana/plan/download", filename="00.txt", accept=accept).status in (200, 307)
        assert api.get("/ai-models/ana/form/download", accept=accept).status in (200, 307)
    assert api.get("/ai-models/ana/plan/download").status in (202, 307)


def changing(uploader):
    api = uploader.api
    for model_id in ("form", "plan"):
        change = {"name": "Another", "tags": ["b"], "is_active": False, "framework": "onnx"}
        assert api.put(f"/ai-models/ana/{model_id}?version=v1", change).status == 200
        assert api.delete(f"/ai-models/ana/{model_id}", version="v1").status == 200


def worker(uploader):
    """What takes too long for a request: unpacking, checking, and what comes of what is damaged."""
    files = {"large.bin": LARGE, "small.txt": b"x", "again.bin": LARGE[::-1]}
    damaged = zipped(files).replace(LARGE[:64], LARGE[64:128])
    for archive, state in ((zipped(files), "ready"), (damaged, "failed"), (b"no ZIP" * 100, "failed")):
        uploader.plan_folder(archive, model_id=f"folder-{len(archive)}-{state}")
        uploader.send(archive=archive)
        assert uploader.complete().status == 202
        uploader.api.deliver()
        assert uploader.state()["state"] == state
    assert upload(uploader, {"a.bin": LARGE, "b.bin": LARGE[::-1]}, model_id="big").status == 202
    # A run that ends between the manifest and the table is followed by one that finds the manifest.
    with struck("TransactWriteItems"), suppress(TransactWriteError):
        uploader.api.deliver()
    uploader.api.deliver()
    assert uploader.state()["state"] == "ready"
    bundled = {"a.bin": LARGE, "b.bin": LARGE[::-1], "c.txt": b"c"}
    assert upload(uploader, bundled, model_id="bundled", bundle=True).status == 202
    uploader.api.deliver()
    assert uploader.state()["state"] == "ready"
    uploader.plan_folder(zipped(FILES), model_id="given-up")
    uploader.send()
    with struck("CompleteMultipartUpload", twice=True):
        assert uploader.complete().status == 202
    assert uploader.abort().status == 204
    # One whose store hides a second multipart upload, and fails once while members are copied.
    with struck("CreateMultipartUpload", twice=True):
        uploader.plan_folder(zipped(files), model_id="struck")
    uploader.send(archive=zipped(files))
    assert uploader.complete().status == 202
    with struck("UploadPartCopy"), suppress(EndpointConnectionError):
        uploader.api.deliver()
    go_on(uploader)
    assert uploader.state()["state"] == "ready"


def shared_out(uploader, monkeypatch):
    """An archive that several runs unpack."""
    monkeypatch.setattr(units, "TOGETHER_MEMBERS", 1)
    monkeypatch.setattr(sharing, "SHARE", units.MEMBER_COST)
    uploader.plan_folder(zipped({f"{number}.txt": b"x" for number in range(4)}), model_id="shared")
    uploader.send(archive=zipped({f"{number}.txt": b"x" for number in range(4)}))
    uploader.complete()
    uploader.api.deliver()
    uploader.api.deliver()
    assert uploader.state()["state"] == "ready"


def left_to_the_worker(uploader, monkeypatch):
    """A ZIP and a deletion that are too large for a request."""
    api, zip_of_big = uploader.api, "/ai-models/ana/big/download"
    monkeypatch.setattr(zipping, "QUICK_BYTES", 0)
    monkeypatch.setattr(zipping, "WAIT", 0.01)
    assert api.get(zip_of_big, version="v1").status == 202
    with struck("UploadPart"), suppress(EndpointConnectionError):
        api.deliver()
    uploader.late += LATER
    api.deliver()
    monkeypatch.setattr(deleting, "REQUEST_FILES", 0)
    assert api.delete("/ai-models/ana/big", version="v1").status == 200
    api.deliver()


def cut_off(uploader):
    """Each way of writing, killed at some of its writes or cut off; what is left is for whoever comes next."""
    api = uploader.api
    ways = {
        "form": lambda: api.upload_zip(zipped(FILES), model_id="m"),
        "change": lambda: api.put("/ai-models/ana/m?version=v1", {"name": os.urandom(4).hex()}),
        "zip": lambda: api.get("/ai-models/ana/m/download", version="v1", accept="application/zip"),
        "delete": lambda: api.delete("/ai-models/ana/m", version="v1"),
    }
    for name, way in ways.items():
        for at in (1, 3):
            if name != "form":
                ways["form"]()
            if name == "delete":
                ways["zip"]()
            with Fault(at, kill=True, reads=False).acting(), suppress(Killed):
                way()
            if at == 1:
                uploader.late += LATER
                way()
            objects.delete_prefix("zips/" if name == "zip" else "none/")
            go_on(uploader)

    ways["form"]()
    with struck("UploadPart"):
        ways["zip"]()


def sharing_models(uploader):
    """Sharing, and its end with the model: by its owner, and by the sweep after a deletion that was cut off."""
    api = uploader.api
    for model_id, versions, kill in (("one", 1, None), ("two", 1, None), ("three", 1, 1), ("four", 2, 1)):
        for number in each(range(versions)):
            assert api.upload(model_id=model_id, version=f"v{number}").status == 200
        address = f"/ai-models/ana/{model_id}"
        assert api.put(f"{address}/access", {"users": ["ben"]}).status == 200
        assert api.get(f"{address}/access").status == 200
        if model_id == "one":
            assert api.put(f"{address}/access", {}).status == 200
        with Fault(kill, kill=True, reads=False).acting() if kill else nullcontext(), suppress(Killed):
            api.delete(address, version=f"v{versions - 1}")
        assert api.get(address).status == (404 if versions == 1 else 200)
    go_on(uploader)


def tokens(uploader, monkeypatch, folder):
    """API tokens: made, used, listed, revoked; one that has expired is removed when another is made."""
    api = uploader.api
    guard(monkeypatch, folder)
    api.token = bearer("ana", WRITE, exp=time.time() + 10**9)
    for days in (1, 366):
        made = api.post("/tokens", {"label": "ci", "scopes": [READ], "expires_in_days": days}).json
        uploader.late += 2 * api_tokens.DAY
    assert len(api.get("/tokens").json["tokens"]) == 1
    api.token = made["token"]
    assert api.get("/ai-models/ben").status == 200
    assert api.get("/ai-models/ben/none").status == 404
    api.token = bearer("ana", WRITE, exp=time.time() + 10**9)
    assert api.delete(f"/tokens/{made['token_id']}").status == 204
    assert api.get("/ai-models/ana/plan/history").status == 200


def go_on(uploader):
    """Lets the time pass that work needs to be taken up again, and takes it up."""
    uploader.late += LATER
    service.sweep({}, Context())
    uploader.api.deliver()


def left_behind(uploader):
    """What nobody comes back for: uploads before and after they were handed over, and a ZIP in the making."""
    uploader.plan_files({"large.bin": LARGE * 2}, model_id="late")
    uploader.plan_folder(LARGE, model_id="later")
    uploader.api.send(uploader.plan, {"archive.zip": LARGE})
    uploader.plan_folder(zipped(FILES), model_id="handed-over")
    uploader.send()
    assert uploader.complete().status == 202
    multipart.create("zips/ana/m/v1/dead.zip", "application/zip")
    uploader.late += LATER
    service.sweep({}, Context())
    uploader.late += AFTER_EXPIRY
    service.sweep({}, Context())
    go_on(uploader)


def test_a_role_allows_what_its_function_does_and_nothing_more(uploader, monkeypatch, tmp_path):
    monkeypatch.setattr(zipping, "WAIT", 1.0)
    recorder = Recorder()
    with recorder.recording():
        for part in (forms, plans, reading, changing, worker, cut_off, left_behind):
            part(uploader)
        shared_out(uploader, monkeypatch)
        left_to_the_worker(uploader, monkeypatch)
        sharing_models(uploader)
        tokens(uploader, monkeypatch, tmp_path)
    allowed = {
        function: {part: sorted(actions) for part, actions in rights.items()}
        for function, rights in RIGHTS.items()
    }
    assert recorder.table() == allowed


def test_every_kind_of_object_is_thought_of():
    prefixes = {value for value in vars(keys).values() if isinstance(value, str) and value.endswith("/")}
    # No function touches it: rebuilding is for people.
    prefixes.remove(keys.QUARANTINE)
    named = {part for rights in RIGHTS.values() for part in rights if part.endswith("/")}
    assert named == prefixes
