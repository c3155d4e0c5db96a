"""Every parameter of every route of uploads: at its limit it is taken, and just beyond it refused, never a 500."""

import json

import pytest
from uploading import zipped

from chalicelib.registry.metadata import METADATA_LIMIT
from chalicelib.registry.planning import MAX_OBJECT, SMALLEST_PART
from chalicelib.settings import settings

AT = {
    "user_id": "u" * 128,
    "model_id": "m" * 128,
    "version": "v" * 64,
    "name": "n" * 256,
    "description": "ü" * 20_000,
    "framework": "huggingface",
    "model_type": "reinforcement_learning",
    "algorithm": "a" * 1_000,
    "training_dataset": "d" * 1_000,
    "python_version": "3" * 1_000,
    "hardware_requirements": "h" * 1_000,
    "input_shape": [2**31 - 1] * 64,
    "output_shape": [-(2**31)] * 64,
    "num_parameters": 2**63 - 1,
    "training_accuracy": 1.7976931348623157e308,
    "validation_accuracy": -1.7976931348623157e308,
    "test_accuracy": 5e-324,
    "training_loss": -0.0,
    "dependencies": ["p" * 256] * 300,
    "tags": [f"{at:02}" + "t" * 126 for at in range(50)],
    "custom_metadata": {"a": "c" * 50_000},
}
"""All metadata at once; all dependencies and all of `custom_metadata` would be more than metadata may have together."""
ALONE = {
    "dependencies": ["p" * 256] * 500,
    "custom_metadata": {"a": "c" * (65_536 - len('{"a":""}'))},
}
BEYOND = {
    "user_id": ["u" * 129, ""],
    "model_id": ["m" * 129, ""],
    "version": ["v" * 65, ""],
    "name": ["n" * 257, "", " "],
    "description": ["x" * 20_001],
    "framework": ["sklearn2", ""],
    "model_type": ["other2", ""],
    "algorithm": ["x" * 1_001],
    "training_dataset": ["x" * 1_001],
    "python_version": ["x" * 1_001],
    "hardware_requirements": ["x" * 1_001],
    "input_shape": [[1] * 65, [2**31], [-(2**31) - 1], [10**30]],
    "output_shape": [[1] * 65, [2**31], [-(2**31) - 1], [10**30]],
    "num_parameters": [2**63, -1, 10**30],
    "dependencies": [["p" * 257], [""], ["p"] * 501],
    "tags": [["t" * 129], [""], [str(at) for at in range(51)]],
    "custom_metadata": [{"a": "c" * 65_536}],
}
"""Values of which each alone is refused."""
HUGE = "9" * 5_000
"""A number of more digits than Python reads."""
PLAN = {"user_id": "ana", "model_id": "m", "name": "M"}
OWN = {
    "single": {
        "filename": "f" * 512,
        "file_size": MAX_OBJECT,
        "file_hash": "F" * 64,
        "content_type": f"{'a' * 127}/b",
    },
    "folder": {"file_size": MAX_OBJECT, "preserve_structure": False},
    "files": {
        "files": [
            {
                "filename": "é" * 256,
                "file_size": 1,
                "description": "x" * 500,
                "content_type": f"a/{'b' * 127}",
            }
        ]
    },
}
FILE = {
    "filename": ["f" * 513, "é" * 257, ""],
    "file_size": [-1, 10**30],
    "file_hash": ["f" * 63, "f" * 65, ""],
    "content_type": [f"{'a' * 128}/b", f"a/{'b' * 128}", ""],
}


def refused(answer, field, status=400):
    assert answer.status == status, answer.content[:500]
    assert field in answer.json["detail"]
    assert len(answer.json["detail"]) < 2_000


@pytest.mark.parametrize("door", OWN)
def test_a_plan_at_every_limit_is_made(api, door):
    for fields in (AT, {**PLAN, **ALONE}):
        answer = api.post(f"/ai-models/upload/{door}", {**fields, **OWN[door], "upload_id": "f" * 32})
        assert answer.status == 200, answer.content[:500]
        assert api.delete(f"/ai-models/uploads/{'f' * 32}").status == 204


@pytest.mark.parametrize("door", OWN)
def test_a_plan_beyond_any_limit_is_refused(api, calls, door):
    good = {**PLAN, **OWN[door]}
    with calls.counting() as asked:
        for field, values in BEYOND.items():
            for value in values:
                refused(api.post(f"/ai-models/upload/{door}", {**good, field: value}), field)
        for upload_id in ("f" * 31, "f" * 33, "F" * 32, "", "é" * 32):
            refused(api.post(f"/ai-models/upload/{door}", {**good, "upload_id": upload_id}), "upload_id")
        heavy = {**ALONE, "description": "ü" * 20_000}
        refused(api.post(f"/ai-models/upload/{door}", {**good, **heavy}), str(METADATA_LIMIT))
    assert not asked


def test_a_file_beyond_any_limit_is_refused(api, calls):
    with calls.counting() as asked:
        for field, values in FILE.items():
            for value in values:
                status = 413 if field == "file_size" and value > 0 else 400
                refused(
                    api.post("/ai-models/upload/single", {**PLAN, **OWN["single"], field: value}),
                    field,
                    status,
                )
                [file] = OWN["files"]["files"]
                body = {**PLAN, "files": [{"filename": "first", "file_size": 0}, {**file, field: value}]}
                refused(api.post("/ai-models/upload/files", body), f"files[1].{field}", status)
        for value in (0, -1):
            refused(api.post("/ai-models/upload/folder", {**PLAN, "file_size": value}), "file_size")
        refused(api.post("/ai-models/upload/folder", {**PLAN, "file_size": MAX_OBJECT + 1}), "file_size", 413)
        refused(api.post("/ai-models/upload/files", {**PLAN, "files": []}), "files")
        file = {"filename": "a", "file_size": 1, "description": "x" * 501}
        refused(api.post("/ai-models/upload/files", {**PLAN, "files": [file]}), "files[0].description")
    assert not asked


@pytest.mark.parametrize(
    "text",
    [
        HUGE,
        f"-{HUGE}",
        f"1e{HUGE}",
        "1e999",
        f"0.{HUGE}",
        "NaN",
        f'"{chr(0)}"',
        '"\\ud800"',
        "[" * 5_000 + "]" * 5_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        '{"a":1,"a":2}',
        "[1e400]",
        f"[{HUGE}]",
    ],
    ids=range(13),
)
def test_json_at_its_own_limits_is_taken_or_refused(api, text):
    for door, own in OWN.items():
        good = json.dumps({**PLAN, **own})[:-1]
        for field in (
            "custom_metadata",
            "num_parameters",
            "test_accuracy",
            "file_size",
            "name",
            "tags",
            "other",
        ):
            for value in (text, f'{{"a":{text}}}'):
                answer = api.request(
                    "POST", f"/ai-models/upload/{door}", json_body=f'{good},"{field}":{value}}}'
                )
                assert answer.status in (200, 400, 413), (field, answer.content[:500])
                if answer.status == 200:
                    # As a double, the nines after the point are 1: a whole number, too.
                    is_one = text == f"0.{HUGE}" and field in ("test_accuracy", "num_parameters", "file_size")
                    assert field == "custom_metadata" or is_one
                    assert api.delete(f"/ai-models/uploads/{answer.json['upload_id']}").status == 204


def texts(fields):
    """Fields as a form has them."""
    lists = {name: json.dumps(value) for name, value in fields.items() if isinstance(value, list | dict)}
    return {name: lists.get(name, str(value)).encode() for name, value in fields.items()}


def send(api, door, fields, filename="model.pt"):
    field, data = ("file", b"weights") if door == "single" else ("zip_file", zipped({"model.pt": b"weights"}))
    form = [(field, (filename, data)), *((name, (None, text)) for name, text in fields.items())]
    return api.request("POST", f"/ai-models/upload/{door}", form=form)


@pytest.mark.parametrize("door", ["single", "folder"])
def test_a_form_at_every_limit_is_published(api, door):
    answer = send(api, door, texts(AT), "f" * 512)
    assert answer.status == 200, answer.content[:500]
    address = f"/ai-models/{AT['user_id']}/{AT['model_id']}"
    document = api.get(address, version=AT["version"]).json
    assert document == answer.json
    assert {name: document[name] for name in AT} == AT
    assert api.delete(address, version=AT["version"]).status == 200


@pytest.mark.parametrize("door", ["single", "folder"])
def test_a_form_beyond_any_limit_is_refused(api, calls, door):
    with calls.counting() as asked:
        for field, values in BEYOND.items():
            # An empty text is a field that was not given.
            for value in filter(None, values):
                refused(send(api, door, {**texts(PLAN), **texts({field: value})}), field)
        refused(send(api, door, {**texts(PLAN), "x": b"x"}), "x")
        too_many = [("file", ("a", b"a")), *((f"f{at}", (None, b"")) for at in range(100))]
        assert api.request("POST", f"/ai-models/upload/{door}", form=too_many).status == 400
        too_large = [("file", ("a", bytes(settings().form_limit)))]
        refused(api.request("POST", f"/ai-models/upload/{door}", form=too_large), "The form has", 413)
        if door == "single":
            refused(send(api, door, texts(PLAN), "f" * 513), "filename")
            refused(send(api, door, {**texts(PLAN), "file_hash": b"f" * 65}), "file_hash")
    assert not asked


def test_numbers_and_lists_in_a_form_are_never_a_failure(api):
    for text in (HUGE, f"[{HUGE}]", f'{{"a":{HUGE}}}', "1e999", "[" * 5_000, "NaN", "\ud800"):
        for field in (
            "num_parameters",
            "test_accuracy",
            "input_shape",
            "is_active",
            "tags",
            "custom_metadata",
        ):
            fields = {**texts(PLAN), field: text.encode("utf-8", "surrogatepass")}
            answer = send(api, "single", fields)
            expected = (200, 400) if field in ("tags", "custom_metadata") else (400,)
            assert answer.status in expected, (field, answer.content[:500])
            if answer.status == 200:
                assert api.delete("/ai-models/ana/m").status == 200


@pytest.fixture
def upload(api):
    """The address of an upload of a file of 10,000 parts, and the file's name."""
    name = "f" * 512
    files = [{"filename": name, "file_size": 10_000 * SMALLEST_PART}]
    plan = api.post("/ai-models/upload/files", {**PLAN, "files": files}).json
    return f"/ai-models/uploads/{plan['upload_id']}", name


def test_parts_at_every_limit_have_urls_and_beyond_are_refused(api, upload):
    address, name = upload
    at = [
        [{"filename": name, "first_part": 10_000}],
        [{"filename": name, "first_part": 10_000, "last_part": 10_000}],
        [{"filename": name, "first_part": at, "last_part": at} for at in range(1, 1_001)],
    ]
    for files in at:
        answer = api.post(f"{address}/parts", {"files": files})
        assert answer.status == 200, answer.content[:500]
        assert len(answer.json["files"][0]["parts"]) == len(files)
    beyond = [
        ({"first_part": 10_001}, "files[0]"),
        ({"first_part": 0}, "files[0]"),
        ({"first_part": -1}, "files[0]"),
        ({"last_part": 10_001}, "files[0]"),
        ({"last_part": 0}, "files[0]"),
        ({"last_part": 2**63}, "files[0]"),
        ({"last_part": 10**30}, "files[0]"),
        ({"filename": ""}, "files[0].filename"),
        ({"filename": "f" * 513}, "files[0].filename"),
        ({"filename": "\0"}, "files[0].filename"),
    ]
    for fields, named in beyond:
        refused(api.post(f"{address}/parts", {"files": [{"filename": name, **fields}]}), named)
    refused(api.post(f"{address}/parts", {"files": [{"filename": name}] * 1_001}), "files")
    refused(api.post(f"{address}/parts", {"bundle": {"first_part": 10_001}}), "bundle")
    refused(api.post(f"{address}/parts", {"bundle": {}}), "bundle")
    body = f'{{"files":[{{"filename":"{name}","last_part":{HUGE}}}]}}'
    refused(api.request("POST", f"{address}/parts", json_body=body), "files[0]")


def test_pages_of_what_arrived_at_every_limit_and_beyond(api, upload):
    address, name = upload
    for query in ({"limit": 1}, {"limit": 1_000}, {"filename": name}):
        assert len(api.get(f"{address}/parts", **query).json["files"]) == 1
    for limit in (0, -1, 1_001, HUGE, "1.5", "١", "1e-2"):
        refused(api.get(f"{address}/parts", limit=limit), "limit")
    for token in ("x", "x" * 100_000, "é", "AAAA", HUGE):
        refused(api.get(f"{address}/parts", next_token=token), "next_token")
    for filename in ("f" * 513, "f" * 100_000, "é"):
        assert api.get(f"{address}/parts", filename=filename).status == 404
    refused(api.get(f"{address}/parts", colour="red"), "colour")


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_the_other_routes_of_an_upload_take_no_parameters(api, upload, method):
    path = f"{upload[0]}/complete" if method == "POST" else upload[0]
    for query in ({"version": "v1"}, {"x" * 10_000: "y"}):
        assert api.request(method, path, **query).status == 400
    assert api.get(upload[0]).json["state"] == "uploading"
