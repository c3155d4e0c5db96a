"""Uploads by presigned URLs: plans, parts, completing, giving up, expiring."""

import hashlib
import urllib.parse

import pytest
import requests
from api import everything
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from uploading import AFTER_EXPIRY

from chalicelib.registry import uploads
from chalicelib.registry.planning import MAX_OBJECT
from chalicelib.registry.sweeping import sweep
from chalicelib.settings import MIB, settings
from chalicelib.store import multipart

PART = 8 * MIB


@pytest.fixture
def pinned_copies(monkeypatch):
    """Makes moto keep x-amz-copy-source-if-match, as S3 does."""
    original = BaseClient._make_api_call

    def call(client, name, arguments):
        if name == "CopyObject":
            bucket, _, key = urllib.parse.unquote(arguments["CopySource"]).partition("/")
            source = original(client, "HeadObject", {"Bucket": bucket, "Key": key})
            if source["ETag"] != arguments["CopySourceIfMatch"]:
                raise ClientError({"Error": {"Code": "PreconditionFailed"}}, name)
        return original(client, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def single(api, filename="model.bin", size=7, **fields):
    body = {"user_id": "ana", "model_id": "m", "name": "M", "filename": filename, "file_size": size, **fields}
    return api.post("/ai-models/upload/single", body)


def many(api, *files, **fields):
    body = {"user_id": "ana", "model_id": "m", "name": "M", "files": list(files), **fields}
    return api.post("/ai-models/upload/files", body)


def file(filename, content=b"", **fields):
    return {"filename": filename, "file_size": len(content), **fields}


def complete(api, plan):
    return api.post(f"/ai-models/uploads/{plan['upload_id']}/complete")


def state(api, plan):
    return api.get(f"/ai-models/uploads/{plan['upload_id']}").json


def test_one_file(api):
    plan = single(api, size=PART + 1).json
    assert (
        plan | {"user_id": "ana", "model_id": "m", "version": "v1", "part_size": PART, "files_total": 1}
        == plan
    )
    (planned,) = plan["files"]
    assert [(part["part_number"], part["size"]) for part in planned["parts"]] == [(1, PART), (2, 1)]
    assert (planned["parts_total"], planned["already_stored"]) == (2, False)
    assert state(api, plan)["state"] == "uploading"
    assert api.get("/ai-models/ana/m").status == 404
    data = b"x" * PART + b"y"
    api.send(plan, {"model.bin": data})
    answer = complete(api, plan)
    assert answer.status == 200
    (stored,) = answer.json["files"]
    assert (stored["file_hash"], stored["hash_verified"]) == (sha256(data), True)
    assert (answer.json["framework"], answer.json["primary_file_path"]) == ("huggingface", "model.bin")
    assert complete(api, plan).json == answer.json == api.get("/ai-models/ana/m").json
    ready = state(api, plan)
    assert (
        ready | {"state": "ready", "files_done": 1, "bytes_done": len(data), "bytes_total": len(data)}
        == ready
    )
    assert api.get(ready["url"]).json == answer.json
    api.delete("/ai-models/ana/m", version="v1")
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})
    assert complete(api, plan).status == 404


def test_many_files(api, monkeypatch):
    monkeypatch.setattr(uploads, "REQUEST_FILES", 100)
    contents = {f"{at % 7}/{at:03}.txt": str(at).encode() for at in range(120)}
    listed = [file(name, data) for name, data in contents.items()]
    listed[5] |= {"description": "The fifth", "is_primary": True, "content_type": "text/x-five"}
    listed.append(file("empty"))
    contents["empty"] = b""
    plan = many(api, *listed).json
    assert plan["files_total"] == 121
    assert [entry["filename"] for entry in plan["files"]] == sorted(contents)
    api.send(plan, contents)
    assert complete(api, plan).status == 202
    assert state(api, plan)["state"] == "verifying"
    api.deliver()
    ready = state(api, plan)
    assert (ready["state"], ready["files_done"], ready["files_total"]) == ("ready", 121, 121)
    document = complete(api, plan).json
    assert [entry["filename"] for entry in document["files"]] == sorted(contents)
    assert {entry["filename"]: entry["file_hash"] for entry in document["files"]} == {
        name: sha256(data) for name, data in contents.items()
    }
    assert document["primary_file_path"] == "5/005.txt"
    (fifth,) = [entry for entry in document["files"] if entry["is_primary"]]
    assert (fifth["description"], fifth["content_type"]) == ("The fifth", "text/x-five")
    api.delete("/ai-models/ana/m", version="v1")
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})


def test_a_plan_of_hundreds_of_files_has_a_url_for_each(api):
    plan = many(api, *(file(f"{at:03}", b"x") for at in range(101))).json
    assert [len(entry["parts"]) for entry in plan["files"]] == [1] * 101
    assert len(api.get(f"/ai-models/uploads/{plan['upload_id']}/parts").json["files"]) == 100
    assert api.delete(f"/ai-models/uploads/{plan['upload_id']}").status == 204
    assert everything() == (set(), set(), set())


def test_files_that_need_no_sending(api):
    plan = many(api, file("a"), file("b/c.pt")).json
    assert [(entry["already_stored"], entry["parts"]) for entry in plan["files"]] == [(True, []), (True, [])]
    document = complete(api, plan).json
    assert [entry["file_size"] for entry in document["files"]] == [0, 0]
    assert document["framework"] == "pytorch"


@pytest.mark.parametrize(
    ("size", "part_size", "parts"),
    [
        (1, PART, 1),
        (PART, PART, 1),
        (10_000 * PART, PART, 10_000),
        (10_000 * PART + 1, 9 * MIB, 8_889),
        (MAX_OBJECT, 5 * 1024 * MIB, 10_000),
    ],
)
def test_parts_fit_any_size_that_s3_takes(api, size, part_size, parts):
    plan = single(api, size=size).json
    (planned,) = plan["files"]
    assert (plan["part_size"], planned["parts_total"]) == (part_size, parts)
    given = planned["parts"]
    assert len(given) == min(parts, 1_000)
    asked = {"files": [{"filename": "model.bin", "first_part": parts, "last_part": parts}]}
    last = api.post(f"/ai-models/uploads/{plan['upload_id']}/parts", asked).json["files"][0]["parts"]
    assert [part["part_number"] for part in last] == [parts]
    assert (parts - 1) * part_size + last[0]["size"] == size


def test_a_file_that_s3_can_not_take(api):
    before = everything()
    answer = single(api, size=MAX_OBJECT + 1)
    assert answer.status == 413
    assert str(MAX_OBJECT) in answer.json["detail"]
    answer = many(api, file("a"), {"filename": "b", "file_size": MAX_OBJECT + 1})
    assert answer.status == 413
    assert "files[1].file_size" in answer.json["detail"]
    assert everything() == before


def test_no_answer_has_more_than_a_thousand_urls(api):
    sizes = {"a": 600 * PART, "b": 600 * PART, "c": 1}
    plan = many(api, *({"filename": name, "file_size": size} for name, size in sizes.items())).json
    numbers = {entry["filename"]: [part["part_number"] for part in entry["parts"]] for entry in plan["files"]}
    assert numbers == {"a": list(range(1, 601)), "b": list(range(1, 401))}
    address = f"/ai-models/uploads/{plan['upload_id']}/parts"
    rest = api.post(address, {"files": [{"filename": "b", "first_part": 401}, {"filename": "c"}]}).json
    numbers = {entry["filename"]: [part["part_number"] for part in entry["parts"]] for entry in rest["files"]}
    assert numbers == {"b": list(range(401, 601)), "c": [1]}
    everything_again = api.post(address, {"files": [{"filename": name} for name in sizes]}).json
    assert sum(len(entry["parts"]) for entry in everything_again["files"]) == 1_000
    assert len(everything()[1]) == 3


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"files": [{"filename": "other"}]}, "files[0].filename: the upload expects no file 'other'"),
        ({"files": [{"filename": "model.bin", "first_part": 3}]}, "parts 1 to 2"),
        ({"files": [{"filename": "model.bin", "last_part": 3}]}, "parts 1 to 2"),
        ({"files": [{"filename": "model.bin", "first_part": 2, "last_part": 1}]}, "parts 1 to 2"),
        ({"files": [{"filename": "model.bin", "first_part": 0}]}, "files[0].first_part"),
        ({"files": [{"filename": "model.bin", "last_part": -1}]}, "parts 1 to 2"),
        ({"files": []}, "files"),
        ({"files": [{"filename": "model.bin"}] * 1_001}, "files"),
        (
            {"files": [{"filename": "model.bin"}] * 2},
            "files[1]: its parts of 'model.bin' overlap those of files[0]",
        ),
        ({"files": [{"first_part": 1}]}, "files[0].filename is required"),
        ({"files": [{"filename": "model.bin", "part": 1}]}, "part"),
        ({"file": "model.bin"}, "file"),
        ([], "body"),
    ],
)
def test_parts_that_can_not_be_had(api, asked, named):
    plan = single(api, size=2 * PART).json
    before = everything()
    answer = api.post(f"/ai-models/uploads/{plan['upload_id']}/parts", asked)
    assert answer.status == 400, answer.content
    assert named in answer.json["detail"]
    assert everything() == before


def test_ranges_of_one_file_come_together_and_bounded(api):
    plan = many(api, file("a", file_size=1_300 * PART), file("b", file_size=2 * PART), file("c")).json
    address = f"/ai-models/uploads/{plan['upload_id']}/parts"

    def asked(*ranges):
        answer = api.post(
            address,
            {"files": [{"filename": name, "first_part": f, "last_part": to} for name, f, to in ranges]},
        )
        return answer, {
            found["filename"]: [part["part_number"] for part in found["parts"]]
            for found in answer.json.get("files", [])
        }

    _, numbers = asked(("a", 7, 7), ("b", 2, 2), ("a", 1, 3), ("a", 5, 6), ("c", 1, 1), ("c", 1, 1))
    assert numbers == {"a": [7, 1, 2, 3, 5, 6], "b": [2], "c": []}
    # However many ranges, and whatever they are of.
    answer, numbers = asked(*(("a", 10 * at + 1, 10 * at + 9) for at in range(130)))
    assert len(numbers["a"]) == len(set(numbers["a"])) == 1_000
    assert len(answer.json["files"]) == 1
    for wrong, named in (
        ([("a", 1, 5), ("b", 1, 1), ("a", 5, 6)], "files[2]"),
        ([("a", 4, 4), ("a", 1, 9)], "files[1]"),
    ):
        answer, _ = asked(*wrong)
        assert (answer.status, named in answer.json["detail"]) == (400, True), answer.content


def test_a_client_that_lost_everything_but_the_id_goes_on(api):
    contents = {"a.pt": b"a" * (PART + 5), "b.txt": b"b", "c.txt": b""}
    plan = many(api, *(file(name, data) for name, data in contents.items())).json
    first = plan["files"][0]["parts"][0]
    requests.put(first["url"], data=contents["a.pt"][:PART], timeout=20).raise_for_status()
    address = f"/ai-models/uploads/{plan['upload_id']}/parts"
    arrived = api.get(address).json
    assert arrived["next_token"] is None
    found = {entry["filename"]: entry for entry in arrived["files"]}
    assert found["a.pt"]["parts"] == [{"part_number": 1, "size": PART}]
    assert (found["a.pt"]["parts_total"], found["b.txt"]["parts"]) == (2, [])
    assert (found["c.txt"]["already_stored"], found["c.txt"]["parts_total"]) == (True, 0)
    missing = [
        {"filename": name, "first_part": number, "last_part": number}
        for name, entry in found.items()
        for number in range(1, entry["parts_total"] + 1)
        if number not in [part["part_number"] for part in entry["parts"]]
    ]
    fresh = api.post(address, {"files": missing}).json
    assert sum(len(entry["parts"]) for entry in fresh["files"]) == 2
    api.send(fresh, contents)
    document = complete(api, plan).json
    assert [entry["file_hash"] for entry in document["files"]] == [sha256(data) for data in contents.values()]
    assert not everything()[1]


def test_what_has_arrived_comes_in_pages(api):
    contents = {f"{at:03}": b"x" for at in range(250)}
    plan = many(api, *(file(name, data) for name, data in contents.items())).json
    other = single(api, version="v2").json
    address = f"/ai-models/uploads/{plan['upload_id']}/parts"
    seen, token = [], None
    for expected in (100, 100, 50):
        page = api.get(address, **({"next_token": token} if token else {})).json
        assert len(page["files"]) == expected
        seen += [entry["filename"] for entry in page["files"]]
        token = page["next_token"] or token
    assert page["next_token"] is None
    assert seen == sorted(contents)
    assert len(api.get(address, limit=1).json["files"]) == 1
    assert [entry["filename"] for entry in api.get(address, filename="123").json["files"]] == ["123"]
    assert api.get(address, filename="x").status == 404
    for wrong in (
        {"limit": 0},
        {"limit": 1_001},
        {"next_token": "zz"},
        {"next_token": token, "filename": "123"},
    ):
        assert api.get(address, **wrong).status == 400
    assert api.get(f"/ai-models/uploads/{other['upload_id']}/parts", next_token=token).status == 400


def test_completing_too_early_names_what_is_missing(api):
    plan = many(api, file("a", b"a" * (PART + 1)), file("b", b"b"), file("c")).json
    api.send(
        {**plan, "files": [{**plan["files"][0], "parts": plan["files"][0]["parts"][:1]}]}, {"a": b"a" * PART}
    )
    answer = complete(api, plan)
    assert answer.status == 400
    assert "a part 2" in answer.json["detail"]
    assert "b part 1" in answer.json["detail"]
    assert "a part 1" not in answer.json["detail"]
    assert state(api, plan)["state"] == "uploading"
    api.send(plan, {"a": b"a" * (PART + 1), "b": b"b"})
    assert complete(api, plan).status == 200


def test_of_many_missing_parts_twenty_are_named(api):
    plan = single(api, size=10_000 * PART).json
    detail = complete(api, plan).json["detail"]
    assert detail.count("model.bin part") == 20
    assert "9980 more" in detail


@pytest.mark.parametrize("wrong", [b"", b"short", b"longer than it is"])
def test_a_part_of_another_size_is_named_and_can_be_sent_again(api, wrong):
    plan = single(api, size=7).json
    requests.put(plan["files"][0]["parts"][0]["url"], data=wrong, timeout=20).raise_for_status()
    answer = complete(api, plan)
    assert answer.status == 400
    assert f"model.bin part 1 ({len(wrong)} bytes instead of 7)" in answer.json["detail"]
    api.send(plan, {"model.bin": b"weights"})
    assert complete(api, plan).status == 200


def test_a_part_sent_again_while_completing(api, monkeypatch):
    plan = single(api, size=7).json
    api.send(plan, {"model.bin": b"weights"})
    original = multipart.complete

    def late_part(*arguments):
        monkeypatch.setattr(multipart, "complete", original)
        api.send(plan, {"model.bin": b"changed"})
        return original(*arguments)

    monkeypatch.setattr(multipart, "complete", late_part)
    answer = complete(api, plan)
    assert answer.status == 400
    assert "model.bin: a part was sent again" in answer.json["detail"]
    assert complete(api, plan).status == 200
    answer = api.get("/ai-models/ana/m/download", filename="model.bin", accept="application/octet-stream")
    assert answer.content == b"changed"


def test_a_url_is_dead_once_the_upload_has_ended(api):
    plan = single(api, size=7).json
    api.send(plan, {"model.bin": b"weights"})
    assert complete(api, plan).status == 200
    late = requests.put(plan["files"][0]["parts"][0]["url"], data=b"hostile", timeout=20)
    assert late.status_code == 404
    given_up = single(api, size=7, version="v2").json
    api.send(given_up, {"model.bin": b"weights"})
    assert api.delete(f"/ai-models/uploads/{given_up['upload_id']}").status == 204
    late = requests.put(given_up["files"][0]["parts"][0]["url"], data=b"hostile", timeout=20)
    assert late.status_code == 404
    answer = api.get("/ai-models/ana/m/download", filename="model.bin", accept="application/octet-stream")
    assert answer.content == b"weights"


def test_giving_up_leaves_nothing(api):
    before = everything()
    plan = many(api, file("a", b"a"), file("b", b"b")).json
    api.send(plan, {"a": b"a", "b": b"b"})
    address = f"/ai-models/uploads/{plan['upload_id']}"
    answer = api.delete(address)
    assert (answer.status, answer.content) == (204, b"")
    assert everything() == before
    for again in (api.get(address), api.delete(address), complete(api, plan), api.get(f"{address}/parts")):
        assert again.status == 404
    assert api.post(f"{address}/parts", {"files": [{"filename": "a"}]}).status == 404
    assert single(api).status == 200


def test_what_is_published_can_not_be_given_up(api):
    plan = single(api).json
    api.send(plan, {"model.bin": b"weights"})
    complete(api, plan)
    address = f"/ai-models/uploads/{plan['upload_id']}"
    assert api.delete(address).status == 409
    assert api.get(f"{address}/parts").status == 409
    assert api.post(f"{address}/parts", {"files": [{"filename": "model.bin"}]}).status == 409
    assert api.get("/ai-models/ana/m").status == 200


def test_the_version_is_taken_from_the_plan_on(api):
    plan = single(api).json
    for answer in (single(api), many(api, file("a")), api.upload(model_id="m")):
        assert answer.status == 409
        assert "v1" in answer.json["detail"]
        assert plan["upload_id"] in answer.json["detail"]
    assert single(api, version="v2").status == 200
    assert single(api, user_id="bob").status == 200
    api.send(plan, {"model.bin": b"weights"})
    complete(api, plan)
    for answer in (single(api), many(api, file("a")), api.upload(model_id="m")):
        assert answer.status == 409
        assert "already exists" in answer.json["detail"]


UPLOAD_ID = "0123456789abcdef" * 2


def test_an_upload_has_the_id_that_its_client_chose(api):
    for answer in (
        single(api, upload_id=UPLOAD_ID),
        many(api, file("a", b"1"), model_id="n", upload_id=UPLOAD_ID[::-1]),
    ):
        assert answer.status == 200
    assert state(api, {"upload_id": UPLOAD_ID})["state"] == "uploading"
    assert state(api, {"upload_id": UPLOAD_ID[::-1]})["model_id"] == "n"


@pytest.mark.parametrize("version", ["v1", "v2", "next"])
def test_a_plan_that_is_asked_for_again_makes_no_second_upload(api, version):
    plan = single(api, version="next", upload_id=UPLOAD_ID).json
    before = everything()
    for user in ("ana", "bob"):
        again = many(api, file("other"), user_id=user, version=version, upload_id=UPLOAD_ID)
        assert again.status == 409
        assert UPLOAD_ID in again.json["detail"]
    assert everything() == before
    api.send(plan, {"model.bin": b"weights"})
    assert complete(api, plan).status == 200


@pytest.mark.parametrize("upload_id", ["", "1", UPLOAD_ID.upper(), UPLOAD_ID + "\n", "../" + UPLOAD_ID[3:]])
def test_an_id_that_can_not_be_one_is_refused(api, upload_id):
    answer = single(api, upload_id=upload_id)
    assert answer.status == 400
    assert "upload_id" in answer.json["detail"]


def test_next_takes_the_number_after_all_that_are_there_or_coming(api):
    assert [single(api, version="next").json["version"] for _ in range(3)] == ["v1", "v2", "v3"]
    assert api.upload(model_id="m", version="next").json["version"] == "v4"


def test_an_upload_expires(uploader, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_UPLOAD_TTL", "100")
    settings.cache_clear()
    api = uploader.api
    plan = single(api).json
    api.send(plan, {"model.bin": b"weights"})
    uploader.late = 40
    sweep()
    assert state(api, plan)["state"] == "uploading"
    uploader.late = 101
    assert state(api, plan)["state"] == "expired"
    address = f"/ai-models/uploads/{plan['upload_id']}"
    refused = complete(api, plan), api.get(f"{address}/parts")
    for answer in (*refused, api.post(f"{address}/parts", {"files": [{"filename": "model.bin"}]})):
        assert answer.status == 409
        assert "expired" in answer.json["detail"]
    sweep()
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})
    assert state(api, plan)["state"] == "expired"
    assert complete(api, plan).status == 409
    assert single(api).status == 200
    assert api.delete(address).status == 204
    assert api.get(address).status == 404


@pytest.mark.parametrize("form", [False, True])
def test_an_expired_upload_is_not_in_the_way_of_the_next(uploader, form):
    api = uploader.api
    plan = many(api, file("old", b"old"), file("older", b"older")).json
    api.send(plan, {"old": b"old", "older": b"older"})
    uploader.late = AFTER_EXPIRY
    if form:
        assert api.upload(model_id="m").status == 200
    else:
        new = single(api).json
        api.send(new, {"model.bin": b"weights"})
        assert complete(api, new).status == 200
    assert complete(api, plan).status == 409
    (name,) = [entry["filename"] for entry in api.get("/ai-models/ana/m").json["files"]]
    found, parts, _ = everything()
    assert (found, parts) == ({f"models/ana/m/v1/{name}", "manifests/ana/m/v1.json"}, set())
    api.delete("/ai-models/ana/m", version="v1")
    uploader.late *= 3
    sweep()
    assert {sk for _, sk in everything()[2]} == {"upload"}


def test_a_wrong_hash_fails_the_upload_and_leaves_nothing(api):
    declared = sha256(b"other")
    plan = many(
        api, file("a", b"a", file_hash=sha256(b"a")), file("m.pt", b"weights", file_hash=declared)
    ).json
    api.send(plan, {"a": b"a", "m.pt": b"weights"})
    answer = complete(api, plan)
    assert answer.status == 400
    failed = state(api, plan)
    assert failed["state"] == "failed"
    for detail in (answer.json["detail"], failed["detail"]):
        assert declared in detail
        assert sha256(b"weights") in detail
        assert "m.pt" in detail
    assert everything() == (set(), set(), {(f"upload#{plan['upload_id']}", "upload")})
    assert complete(api, plan).status == 409
    assert single(api).status == 200
    assert api.delete(f"/ai-models/uploads/{plan['upload_id']}").status == 204


def test_a_hash_in_any_case_is_the_hash(api):
    plan = single(api, file_hash=sha256(b"weights").upper()).json
    api.send(plan, {"model.bin": b"weights"})
    assert complete(api, plan).json["files"][0]["file_hash"] == sha256(b"weights")


def test_a_file_too_large_to_be_read_keeps_the_hash_that_was_declared(api, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", "6")
    settings.cache_clear()
    declared = sha256(b"other")
    plan = many(
        api, file("big", b"weights", file_hash=declared), file("small", b"x", file_hash=sha256(b"x"))
    ).json
    api.send(plan, {"big": b"weights", "small": b"x"})
    big, small = complete(api, plan).json["files"]
    assert (big["file_hash"], big["hash_verified"]) == (declared, False)
    assert small["hash_verified"] is True
    # No run would ever come to the end of one that is large enough.
    undeclared = single(api, version="v2").json
    api.send(undeclared, {"model.bin": b"weights"})
    (unknown,) = complete(api, undeclared).json["files"]
    assert (unknown["file_hash"], unknown["hash_verified"]) == (None, False)


class TestContentThatIsStoredAlready:
    def test_is_not_sent_again(self, api):
        api.upload(b"weights", model_id="first", filename="a.pt")
        plan = many(
            api,
            file("same.pt", b"weights", file_hash=sha256(b"weights").upper(), description="the same"),
            file("new.txt", b"new", file_hash=sha256(b"new")),
        ).json
        new, same = plan["files"]
        assert (same["already_stored"], same["parts"], same["parts_total"]) == (True, [], 0)
        assert (new["already_stored"], len(new["parts"])) == (False, 1)
        api.send(plan, {"new.txt": b"new"})
        document = complete(api, plan).json
        (copied,) = [entry for entry in document["files"] if entry["filename"] == "same.pt"]
        assert (copied["file_hash"], copied["hash_verified"]) == (sha256(b"weights"), True)
        assert copied["description"] == "the same"
        api.delete("/ai-models/ana/first")
        answer = api.get("/ai-models/ana/m/download", filename="same.pt", accept="application/octet-stream")
        assert answer.content == b"weights"
        # What was copied is content like any other.
        again = single(api, version="v2", file_hash=sha256(b"weights")).json
        assert again["files"][0]["already_stored"] is True
        assert complete(api, again).status == 200

    def test_of_another_user_is_not_known(self, api):
        api.upload(b"weights", user_id="bob")
        assert single(api, file_hash=sha256(b"weights")).json["files"][0]["already_stored"] is False

    def test_of_another_size_is_another(self, api):
        api.upload(b"weights")
        plan = single(api, size=8, file_hash=sha256(b"weights")).json
        assert plan["files"][0]["already_stored"] is False
        api.send(plan, {"model.bin": b"weights!"})
        assert complete(api, plan).status == 400

    def test_with_a_hash_that_nobody_checked_is_sent(self, api, monkeypatch):
        monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", "6")
        settings.cache_clear()
        claimed = sha256(b"what somebody else has")
        plan = single(api, size=7, file_hash=claimed).json
        api.send(plan, {"model.bin": b"weights"})
        assert complete(api, plan).json["files"][0]["hash_verified"] is False
        assert (
            single(api, size=7, version="v2", file_hash=claimed).json["files"][0]["already_stored"] is False
        )

    def test_of_an_upload_that_is_not_published_is_not_known(self, api):
        plan = single(api, file_hash=sha256(b"weights")).json
        api.send(plan, {"model.bin": b"weights"})
        other = single(api, version="v2", file_hash=sha256(b"weights")).json
        assert other["files"][0]["already_stored"] is False

    def test_and_deleted_meanwhile_has_to_be_sent(self, api):
        api.upload(b"weights", model_id="first")
        listed = [file(f"{at}.pt", b"weights", file_hash=sha256(b"weights")) for at in range(3)]
        plan = many(api, *listed, file("own.txt", b"own")).json
        assert [entry["already_stored"] for entry in plan["files"]] == [True, True, True, False]
        api.delete("/ai-models/ana/first")
        api.send(plan, {"own.txt": b"own"})
        answer = complete(api, plan)
        assert answer.status == 400
        # Those of one content are sent once.
        assert "The content of 0.pt was deleted meanwhile" in answer.json["detail"]
        assert state(api, plan)["state"] == "uploading"
        asked = {"files": [{"filename": f"{at}.pt"} for at in range(3)]}
        fresh = api.post(f"/ai-models/uploads/{plan['upload_id']}/parts", asked).json
        assert [len(entry["parts"]) for entry in fresh["files"]] == [1, 0, 0]
        assert [entry["already_stored"] for entry in fresh["files"]] == [False, True, True]
        api.send(fresh, {"0.pt": b"weights"})
        document = complete(api, plan).json
        hashes = {entry["filename"]: entry["file_hash"] for entry in document["files"]}
        assert hashes == dict.fromkeys(("0.pt", "1.pt", "2.pt"), sha256(b"weights")) | {
            "own.txt": sha256(b"own")
        }
        assert not everything()[1]

    def test_and_uploaded_anew_with_other_bytes_is_not_mistaken(self, api, pinned_copies):
        api.upload(b"weights", model_id="first")
        plan = single(api, file_hash=sha256(b"weights")).json
        api.delete("/ai-models/ana/first")
        api.upload(b"gewicht", model_id="first")
        answer = complete(api, plan)
        assert answer.status == 400
        fresh = api.post(
            f"/ai-models/uploads/{plan['upload_id']}/parts", {"files": [{"filename": "model.bin"}]}
        ).json
        api.send(fresh, {"model.bin": b"weights"})
        assert complete(api, plan).json["files"][0]["file_hash"] == sha256(b"weights")


class TestThePrimaryFile:
    @pytest.mark.parametrize(
        ("names", "marked", "primary", "framework"),
        [
            (["notes.md", "net.pt"], [], "net.pt", "pytorch"),
            (["a/model.onnx", "z.h5"], [], "z.h5", "keras"),
            (["a.bin", "model.safetensors"], [], "model.safetensors", "huggingface"),
            (["a.bin", "b.pkl"], ["b.pkl"], "b.pkl", "sklearn"),
            (["a.json", "b.txt"], [], None, "other"),
            (["a.json"], [], "a.json", "other"),
        ],
    )
    def test_is_the_one_named_or_the_one_that_stands_out(self, api, names, marked, primary, framework):
        listed = [file(name, is_primary=name in marked) for name in names]
        document = complete(api, many(api, *listed).json).json
        assert (document["primary_file_path"], document["framework"]) == (primary, framework)
        assert [entry["filename"] for entry in document["files"] if entry["is_primary"]] == [primary] * bool(
            primary
        )

    def test_is_one_alone(self, api):
        answer = many(api, file("a", is_primary=True), file("b", is_primary=True))
        assert answer.status == 400
        assert "'a'" in answer.json["detail"]
        assert "'b'" in answer.json["detail"]

    def test_can_be_none(self, api):
        document = complete(api, single(api, size=0, is_primary=False).json).json
        assert document["primary_file_path"] is None
        assert document["framework"] == "huggingface"
