"""Downloads: one file, and a whole version as one ZIP."""

import hashlib
import io
import re
import urllib.parse
import zipfile
import zlib

import pytest
import requests
from api import everything, service
from each import each

from chalicelib.registry import clock, zipping
from chalicelib.settings import settings
from chalicelib.store import objects

ONE = "/ai-models/ana/iris"
WEIGHTS = bytes(range(256)) * 40
NET = "/ai-models/ana/net"
MEMBERS = {
    "config.json": b"{}",
    "empty": b"",
    "sub/deeper/模型 1.bin": b"\x00\x01" * 500,
    "sub/weights.pt": WEIGHTS,
}


def folder(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def disposition_name(header):
    return urllib.parse.unquote(re.search("filename\\*=UTF-8''([^;]*)", header)[1])


def test_many_files_are_fetched_by_the_urls_of_a_page(api):
    assert api.upload_zip(folder(MEMBERS)).status == 200
    assert {file["url"] for file in api.get(f"{NET}/files").json["files"]} == {None}
    found = {}
    for file in each(api.get(f"{NET}/files", urls="true").json["files"]):
        served = requests.get(file["url"], timeout=20)
        assert disposition_name(served.headers["content-disposition"]) == file["filename"].split("/")[-1]
        assert served.headers["content-type"] == file["content_type"]
        assert file["crc32"] == f"{zlib.crc32(served.content):08x}"
        found[file["filename"]] = served.content
    assert found == MEMBERS
    redirect = api.get(f"{NET}/download", filename=file["filename"]).headers["location"]
    assert urllib.parse.urlsplit(redirect).path == urllib.parse.urlsplit(file["url"]).path


class TestOneFile:
    @pytest.fixture
    def stored(self, api):
        assert api.upload(WEIGHTS, filename="model.pkl").status == 200
        return api

    @pytest.mark.parametrize(
        "accept", ["application/octet-stream", "application/zip", "Application/Octet-Stream;q=0.9, */*"]
    )
    def test_who_names_a_binary_type_gets_the_bytes_themselves(self, stored, accept):
        answer = stored.get(f"{ONE}/download", filename="model.pkl", accept=accept)
        assert (answer.status, answer.content) == (200, WEIGHTS)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert 'filename="model.pkl"' in answer.headers["content-disposition"]

    @pytest.mark.parametrize(
        "accept", [None, "*/*", "application/json", "text/html,application/octet-stream"]
    )
    def test_everyone_else_is_sent_to_a_url_that_serves_them(self, stored, accept):
        answer = stored.get(f"{ONE}/download", version="v1", filename="model.pkl", accept=accept)
        assert (answer.status, answer.content) == (307, b"")
        served = requests.get(answer.headers["location"], timeout=20)
        assert (served.status_code, served.content) == (200, WEIGHTS)
        assert disposition_name(served.headers["content-disposition"]) == "model.pkl"
        assert served.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        ("range_", "expected"),
        [("bytes=0-0", WEIGHTS[:1]), ("bytes=100-299", WEIGHTS[100:300]), ("bytes=10000-", WEIGHTS[10_000:])],
    )
    def test_the_url_serves_ranges(self, stored, range_, expected):
        url = stored.get(f"{ONE}/download", filename="model.pkl").headers["location"]
        served = requests.get(url, headers={"Range": range_}, timeout=20)
        assert (served.status_code, served.content) == (206, expected)

    def test_a_file_over_the_inline_limit_is_served_by_url_only(self, stored, monkeypatch):
        monkeypatch.setenv("WEIGHTHOUSE_INLINE_LIMIT", str(len(WEIGHTS)))
        settings.cache_clear()
        query = {"filename": "model.pkl", "accept": "application/octet-stream"}
        assert stored.get(f"{ONE}/download", **query).status == 200
        monkeypatch.setenv("WEIGHTHOUSE_INLINE_LIMIT", str(len(WEIGHTS) - 1))
        settings.cache_clear()
        assert stored.get(f"{ONE}/download", **query).status == 307

    def test_clients_that_reach_the_store_elsewhere_get_a_url_there(self, stored, monkeypatch):
        monkeypatch.setenv("WEIGHTHOUSE_PUBLIC_S3_ENDPOINT", "https://files.example.org")
        settings.cache_clear()
        url = stored.get(f"{ONE}/download", filename="model.pkl").headers["location"]
        assert url.startswith(f"https://files.example.org/{settings().bucket}/models/ana/iris/v1/model.pkl?")

    def test_a_version_that_is_not_the_latest_is_named(self, stored):
        stored.upload(b"second", filename="model.pkl", version="v2")
        query = {"filename": "model.pkl", "accept": "application/octet-stream"}
        assert stored.get(f"{ONE}/download", **query).content == b"second"
        assert stored.get(f"{ONE}/download", version="v1", **query).content == WEIGHTS

    @pytest.mark.parametrize(
        ("query", "status", "mentioned"),
        [
            ("filename=nope.pkl", 404, "nope.pkl"),
            ("filename=MODEL.PKL", 404, "MODEL.PKL"),
            ("filename=model.pk", 404, "model.pk"),
            ("filename=model.pkl&version=v2", 404, "v2"),
            ("filename=../v1/model.pkl", 400, "filename"),
            ("filename=/model.pkl", 400, "filename"),
            ("filename=a%00b", 400, "filename"),
            ("filename=" + "x" * 513, 400, "filename"),
            ("file=model.pkl", 400, "file"),
        ],
    )
    def test_a_file_that_is_not_there_is_named(self, stored, query, status, mentioned):
        for accept in ("*/*", "application/octet-stream"):
            answer = stored.get(f"{ONE}/download?{query}", accept=accept)
            assert answer.status == status
            assert answer.headers["content-type"] == "application/json"
            assert mentioned in answer.json["detail"]


@pytest.mark.parametrize(
    "filename",
    [
        "模型 (最终) v2.bin",
        'it\'s 100% "mine"; really.bin',
        "semi;colon=, comma.bin",
        "naïve+plus&amp.bin",
        "tab\u00a0and\u3000wide.bin",
        "..hidden",
        "a?b#c.bin",
        "%41%2F.bin",
        "🌷.bin",
    ],
)
def test_a_file_of_any_name_comes_back_under_its_name(api, filename):
    path = f"sub folder/{filename}"
    assert api.upload_zip(folder({path: WEIGHTS, "other": b""})).status == 200
    inline = api.get(f"{NET}/download", filename=path, accept="application/octet-stream")
    assert (inline.status, inline.content) == (200, WEIGHTS)
    assert disposition_name(inline.headers["content-disposition"]) == filename
    assert inline.headers["content-disposition"].isascii()
    served = requests.get(api.get(f"{NET}/download", filename=path).headers["location"], timeout=20)
    assert served.content == WEIGHTS
    assert disposition_name(served.headers["content-disposition"]) == filename


@pytest.mark.parametrize("number", [0, 10, 49, 50, 119])
def test_a_file_among_many_is_found(api, number):
    api.upload_zip(folder({f"{n:03}": b"%d" % n for n in range(120)}))
    answer = api.get(f"{NET}/download", filename=f"{number:03}", accept="application/octet-stream")
    assert answer.content == b"%d" % number
    for missing in ("0", f"{number:03}a", "120"):
        assert api.get(f"{NET}/download", filename=missing).status == 404


class TestWholeVersion:
    @pytest.fixture
    def stored(self, api):
        assert api.upload_zip(folder(MEMBERS)).status == 200
        return api

    @pytest.mark.parametrize("accept", ["application/zip", "application/octet-stream"])
    def test_it_comes_as_a_valid_zip_with_the_folder_structure(self, stored, accept):
        answer = stored.get(f"{NET}/download", accept=accept)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/zip"
        assert disposition_name(answer.headers["content-disposition"]) == "net-v1.zip"
        assert unpacked(answer.content) == MEMBERS

    def test_everyone_else_is_sent_to_a_url_that_serves_it(self, stored):
        answer = stored.get(f"{NET}/download")
        assert answer.status == 307
        served = requests.get(answer.headers["location"], timeout=20)
        assert unpacked(served.content) == MEMBERS
        assert served.headers["content-type"] == "application/zip"
        assert disposition_name(served.headers["content-disposition"]) == "net-v1.zip"
        part = requests.get(answer.headers["location"], headers={"Range": "bytes=5-9"}, timeout=20)
        assert (part.status_code, part.content) == (206, served.content[5:10])

    def test_members_are_stored_in_path_order(self, stored):
        data = stored.get(f"{NET}/download", accept="application/zip").content
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == sorted(MEMBERS, key=str.encode)
            assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}

    def test_it_is_the_same_every_time_however_it_came_about(self, stored):
        first = stored.get(f"{NET}/download", accept="application/zip").content
        assert stored.get(f"{NET}/download", accept="application/zip").content == first
        stored.put(NET, {"name": "Renamed", "primary_file_path": None, "tags": ["x"]})
        assert stored.get(f"{NET}/download", accept="application/zip").content == first
        reversed_members = dict(reversed(MEMBERS.items()))
        stored.upload_zip(folder(reversed_members), version="v2", user_id="bob")
        assert stored.get("/ai-models/bob/net/download", accept="application/zip").content == first

    def test_it_is_made_once_and_goes_with_the_version(self, stored, calls):
        stored.get(f"{NET}/download")
        with calls.counting() as counted:
            stored.get(f"{NET}/download")
        assert "UploadPart" not in counted
        zips = [key for key in everything()[0] if key.startswith("zips/")]
        assert len(zips) == 1
        assert zips[0].startswith("zips/ana/net/v1/")
        stored.delete(NET)
        assert everything() == (set(), set(), set())

    def test_another_form_of_it_lies_elsewhere(self, stored, monkeypatch):
        # So a download that resumes never has the rest of another sequence of bytes.
        stored.get(f"{NET}/download")
        monkeypatch.setattr(zipping, "FORMAT", zipping.FORMAT + 1)
        stored.get(f"{NET}/download")
        zips = sorted(key for key in everything()[0] if key.startswith("zips/"))
        assert [key.rpartition("-")[2] for key in zips] == ["2.zip", "3.zip"]
        stored.delete(NET)
        assert everything() == (set(), set(), set())

    def test_it_is_made_again_when_the_lifecycle_rule_has_removed_it(self, stored):
        first = stored.get(f"{NET}/download", accept="application/zip").content
        objects.delete_prefix("zips/")
        assert stored.get(f"{NET}/download", accept="application/zip").content == first

    def test_a_large_member_is_copied_inside_the_store(self, api, calls):
        members = {"a": b"x" * 10, "big.bin": bytes(12 * 1024 * 1024), "c": b"end"}
        api.upload_zip(folder(members))
        with calls.counting() as counted:
            answer = api.get(f"{NET}/download")
        assert answer.status == 307
        assert counted["UploadPartCopy"] >= 1
        served = requests.get(answer.headers["location"], timeout=20).content
        assert {name: hashlib.sha256(data).digest() for name, data in unpacked(served).items()} == {
            name: hashlib.sha256(data).digest() for name, data in members.items()
        }

    @pytest.mark.parametrize("path", [f"{NET}/download?version=v2", "/ai-models/ana/nope/download"])
    def test_what_is_not_there_is_404(self, stored, path):
        assert stored.get(path, accept="application/zip").status == 404


class TestAZipThatTakesLong:
    @pytest.fixture(autouse=True)
    def large(self, monkeypatch):
        monkeypatch.setattr(zipping, "WAIT", 0)
        monkeypatch.setattr(zipping, "QUICK_FILES", 1)

    def test_it_is_announced_and_made_by_the_worker(self, api):
        api.upload_zip(folder(MEMBERS))
        for _ in range(2):
            answer = api.get(f"{NET}/download", accept="application/zip")
            assert answer.status == 202
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["retry-after"] in answer.json["detail"]
        tasks = [key for key in everything()[0] if key.startswith("tasks/")]
        assert len(tasks) == 1
        api.deliver()
        api.deliver(*tasks)
        answer = api.get(f"{NET}/download", accept="application/zip")
        assert unpacked(answer.content) == MEMBERS
        api.delete(NET)
        assert everything() == (set(), set(), set())

    def test_when_the_version_is_deleted_first_nothing_is_made_or_left(self, api):
        api.upload_zip(folder(MEMBERS))
        assert api.get(f"{NET}/download").status == 202
        tasks = [key for key in everything()[0] if key.startswith("tasks/")]
        assert api.delete(NET).status == 200
        api.deliver(*tasks)
        assert everything() == (set(), set(), set())

    def test_when_the_worker_dies_another_takes_over(self, api, monkeypatch):
        api.upload_zip(folder(MEMBERS))
        assert api.get(f"{NET}/download").status == 202
        objects.delete_prefix("tasks/")
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + 100)
        assert api.get(f"{NET}/download").status == 202
        api.deliver()
        assert api.get(f"{NET}/download").status == 307


def test_head_of_a_file_tells_its_size_and_nothing_is_counted(api, calls):
    assert api.upload(b"weights", filename="net.onnx", version="v1").status == 200
    path = "/ai-models/ana/iris/download"
    with calls.counting() as counted:
        told = api.request("HEAD", f"{path}?version=v1&filename=net.onnx")
    assert (told.status, told.content) == (200, b"")
    assert told.headers["content-type"] == "application/octet-stream"
    assert told.headers["content-length"] == told.headers["x-file-size"] == "7"
    assert "net.onnx" in told.headers["content-disposition"]
    assert re.fullmatch('"[0-9a-f]{32}"', told.headers["etag"])
    assert counted == {"GetItem": 1}
    assert api.get("/ai-models/ana/iris/downloads").json["downloads"] == 0
    assert api.request("HEAD", f"{path}?filename=nope").status == 404


def test_head_of_a_zip_tells_the_size_it_will_have_and_makes_none(api, calls):
    assert api.upload(b"weights", filename="net.onnx", version="v1").status == 200
    path = "/ai-models/ana/iris/download"
    with calls.counting() as counted:
        told = api.request("HEAD", f"{path}?version=v1")
    assert (told.status, counted) == (200, {"GetItem": 1})
    assert told.headers["content-type"] == "application/zip"
    assert "iris-v1.zip" in told.headers["content-disposition"]
    whole = api.request("GET", f"{path}?version=v1", accept="application/zip")
    assert len(whole.content) == int(told.headers["content-length"])
    assert api.request("HEAD", f"{path}?version=v1").headers["etag"] == told.headers["etag"]


def test_head_of_the_files_with_urls_counts_no_download(api):
    assert api.upload().status == 200
    assert api.request("HEAD", "/ai-models/ana/iris/files?urls=true").status == 200
    assert api.get("/ai-models/ana/iris/downloads").json["downloads"] == 0


def test_head_of_every_other_address_is_get_without_its_body(api):
    assert api.upload().status == 200
    plan = api.post(
        "/ai-models/upload/single",
        {"user_id": "ana", "model_id": "net", "name": "N", "filename": "a", "file_size": 1},
    )
    names = {"{user_id}": "ana", "{model_id}": "iris", "{upload_id}": plan.json["upload_id"]}
    changing = {"x-request-id", "content-length"}
    for route, methods in each(service.app.routes.items()):
        assert ("HEAD" in methods) == ("GET" in methods), route
        if "GET" not in methods or route.endswith("/download"):
            continue
        for name, value in names.items():
            route = route.replace(name, value)
        got, told = api.get(route), api.request("HEAD", route)
        assert told.status == got.status, route
        assert told.content == b"", route
        assert int(told.headers["content-length"]) == len(got.content), route
        assert {k: v for k, v in told.headers.items() if k not in changing} == {
            k: v for k, v in got.headers.items() if k not in changing
        }, route
