"""What no honest client sends: every answer says what is wrong, none is a 500, and nothing is left of it."""

import urllib.parse

import pytest
import requests
from api import everything
from each import each
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

PLAN = {"user_id": "ana", "model_id": "m", "name": "M"}
DOORS = {
    "single": {**PLAN, "filename": "model.pt", "file_size": 7},
    "folder": {**PLAN, "file_size": 7},
    "files": {**PLAN, "files": [{"filename": "model.pt", "file_size": 7}]},
}


@pytest.fixture
def untouched(api):
    """A client whose requests must leave nothing in the two stores."""
    yield api
    assert everything() == (set(), set(), set())


def refused(api, door, body, *named):
    """Sends a plan that must be refused with a detail that names these; gives the detail."""
    answer = api.post(f"/ai-models/upload/{door}", body)
    assert answer.status == 400, answer.content
    assert list(answer.json) == ["detail"]
    assert [name for name in named if name not in answer.json["detail"]] == [], answer.json["detail"]
    return answer.json["detail"]


WRONG = {
    ("user_id", "model_id", "name", "version", "model_type"): [None, 1, True, [], {}],
    ("framework",): [1, True, "Sklearn", []],
    ("description", "algorithm", "training_dataset", "python_version", "hardware_requirements"): [
        1,
        True,
        ["x"],
        {},
    ],
    ("input_shape", "output_shape"): ["3", [1.5], ["1"], [None], [2**31], 3, [1] * 65],
    ("num_parameters",): ["1", 1.5, -1, 2**63, True, [1]],
    ("training_accuracy", "validation_accuracy", "test_accuracy", "training_loss"): ["0.9", True, [], {}],
    ("dependencies",): ["numpy", [1], [None], [""], ["x"] * 501],
    ("tags",): ["a,b", [1], [""], ["a,b"], [" a"], ["x" * 129], ["\u0000"], [str(at) for at in range(51)]],
    ("custom_metadata",): ["{}", [], 1, {"a": "x" * 65_536}],
    ("is_active", "is_production_ready"): ["true", 1, 0, None, []],
}
FIELDS = {field: values for fields, values in WRONG.items() for field in fields}


@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_value_is_refused_by_the_fields_name(untouched, field):
    for value in FIELDS[field]:
        for door in DOORS:
            refused(untouched, door, {**DOORS[door], field: value}, field)


@pytest.mark.parametrize(
    ("door", "field", "value"),
    [
        *(("single", "file_size", value) for value in ("7", 7.5, -1, None, True, [7])),
        *(("folder", "file_size", value) for value in ("7", 7.5, -1, None)),
        *(("single", "filename", value) for value in (None, 7, "", ["a"])),
        *(("single", "file_hash", value) for value in ("abc", "g" * 64, "0" * 63, "0" * 65, 7)),
        *(("single", "content_type", value) for value in ("text", "a/b\n", "a/b; c=d", 7, "é/é")),
        *(("single", "is_primary", value) for value in ("yes", 1, None)),
        *(("folder", "preserve_structure", value) for value in ("no", 0, None)),
        *(
            ("files", "files", value)
            for value in ([], {}, "model.pt", None, [None], ["model.pt"], [[]], [{}])
        ),
    ],
)
def test_what_a_plan_is_about_has_its_type(untouched, door, field, value):
    refused(untouched, door, {**DOORS[door], field: value}, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("file_size", value) for value in ("7", -1, None)),
        *(("file_hash", value) for value in ("abc", 7)),
        *(("description", value) for value in (7, "x" * 501)),
        *(("content_type", value) for value in ("text", 7)),
        *(("is_primary", value) for value in ("yes", None)),
        ("colour", "red"),
    ],
)
def test_a_file_of_many_is_named_by_its_place(api, field, value):
    good = {"filename": "a", "file_size": 1}
    detail = refused(
        api, "files", {**PLAN, "files": [good, {"filename": "b", "file_size": 1, field: value}]}, field
    )
    assert "files[1]" in detail


@pytest.mark.parametrize("door", DOORS)
def test_unknown_fields_and_missing_ones_are_named(untouched, door):
    refused(untouched, door, {**DOORS[door], "colour": "red"}, "colour", "custom_metadata")
    for field in DOORS[door]:
        refused(
            untouched,
            door,
            {name: value for name, value in DOORS[door].items() if name != field},
            field,
            "required",
        )


BAD_NAMES = {
    "up": "../model.pt",
    "up inside": "a/../../b",
    "here": "./a",
    "up alone": "..",
    "absolute": "/etc/passwd",
    "empty segment": "a//b",
    "folder": "a/",
    "backslash": "a\\b",
    "drive": "C:\\a",
    "NUL": "a\0b",
    "newline": "a\nb",
    "delete": "a\x7fb",
    "C1": "a\x85b",
    "line separator": "a\u2028b",
    "long": "é" * 256 + "x",
}


@pytest.mark.parametrize("kind", BAD_NAMES)
def test_a_name_that_is_no_path_is_refused(untouched, kind):
    name = BAD_NAMES[kind]
    refused(untouched, "single", {**DOORS["single"], "filename": name}, "filename")
    files = [{"filename": "fine", "file_size": 1}, {"filename": name, "file_size": 1}]
    refused(untouched, "files", {**PLAN, "files": files}, "files[1].filename")


@pytest.mark.parametrize("field", ["filename", "name", "user_id", "description", "tags"])
def test_half_a_surrogate_pair_is_refused(untouched, field):
    refused(untouched, "single", {**DOORS["single"], field: ["\ud800"] if field == "tags" else "a\ud800"})


@pytest.mark.parametrize(
    "name", ["é" * 256, "CON", "a b", " a", "~", "%2e%2e", "net:b", "<script>", "🌱/🌳", "a'b\"c"]
)
def test_an_odd_name_that_is_a_path_is_taken(api, name):
    plan = api.post("/ai-models/upload/single", {**DOORS["single"], "filename": name}).json
    api.send(plan, {name: b"weights"})
    document = api.post(f"/ai-models/uploads/{plan['upload_id']}/complete").json
    assert document["files"][0]["filename"] == name
    answer = api.get("/ai-models/ana/m/download", filename=name, accept="application/octet-stream")
    assert answer.content == b"weights"


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("Model.pt", "model.PT"),
        ("a", "a/b"),
        ("A/x", "a"),
        ("é", "e\u0301"),
        ("straße", "STRASSE"),
    ],
)
def test_two_names_that_are_one_place_are_both_named(untouched, names):
    files = [{"filename": name, "file_size": 1} for name in names]
    detail = refused(untouched, "files", {**PLAN, "files": files}, "filename")
    for name in each(names):
        assert repr(name) in detail


@pytest.mark.parametrize(
    "user_id", ["upload", "uploads", "search", "", "-a", "a/b", "a#b", "a b", "é", "a" * 129, "a\n"]
)
def test_a_user_id_that_is_none(untouched, user_id):
    for door in DOORS:
        refused(untouched, door, {**DOORS[door], "user_id": user_id}, "user_id")


@pytest.mark.parametrize("model_id", ["", ".", "..", "a/b", "a#b", "a@b", "a" * 129, "a\n"])
def test_a_model_id_that_is_none(untouched, model_id):
    refused(untouched, "single", {**DOORS["single"], "model_id": model_id}, "model_id")


@pytest.mark.parametrize("version", ["", ".", "v/1", "v#1", "v 1", "v" * 65, "v1\n", "é"])
def test_a_version_that_is_none(untouched, version):
    refused(untouched, "single", {**DOORS["single"], "version": version}, "version")


def test_metadata_has_limits(api):
    most = {**DOORS["files"], "custom_metadata": {"a": "x" * (65_536 - len('{"a":""}'))}}
    assert api.post("/ai-models/upload/files", most).status == 200
    refused(
        api, "single", {**DOORS["single"], "custom_metadata": {"a": "x" * 65_536}}, "custom_metadata", "65536"
    )
    heavy = {"description": "ü" * 20_000, "dependencies": ["é" * 256] * 400}
    refused(api, "single", {**DOORS["single"], **heavy}, "metadata", "204800")
    deep = []
    for _ in range(200):
        deep = [deep]
    refused(api, "single", {**DOORS["single"], "custom_metadata": {"a": deep}}, "custom_metadata", "deep")


def test_the_heaviest_upload_that_is_taken_is_published(api):
    metadata = {
        "description": '"' * 20_000,
        "custom_metadata": {"a": "x" * 60_000},
        "dependencies": ["d" * 256] * 250,
        "tags": [f"{at:02}" + "ü" * 126 for at in range(50)],
    }
    files = [
        {"filename": f"{at:03}" + '"' * 509, "file_size": 0, "description": "\u0001" * 500}
        for at in range(120)
    ]
    answer = api.post("/ai-models/upload/files", {**PLAN, **metadata, "files": files})
    assert answer.status == 200, answer.content[:500]
    answer = api.post(f"/ai-models/uploads/{answer.json['upload_id']}/complete")
    assert answer.status == 200, answer.content[:500]
    assert len(answer.json["files"]) == 120
    assert api.get("/ai-models/ana/m").json == answer.json
    api.delete("/ai-models/ana/m")
    assert {sk for _, sk in everything()[2]} == {"upload"}


def test_more_files_than_a_version_holds(untouched):
    files = [{"filename": str(at), "file_size": 0} for at in range(100_001)]
    refused(untouched, "files", {**PLAN, "files": files}, "files", "100,000")


ODD_IDS = [
    "0" * 32,
    "..%2F..%2Fetc",
    "%2e%2e",
    "a" * 10_000,
    "%00",
    "expected%23000000",
    "é",
    "%F0%9F%8C%B1",
    "' or 1=1",
    "0" * 31 + "%0A",
    "0" * 31 + "G",
    "A" * 32,
    " ",
]


@pytest.mark.parametrize("odd", ODD_IDS, ids=range(len(ODD_IDS)))
def test_an_upload_id_that_is_none_is_not_found(api, odd):
    body = {"files": [{"filename": "a"}]}
    for method, path, sent in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/complete", None),
        ("GET", "/parts", None),
        ("POST", "/parts", body),
    ):
        answer = api.request(method, f"/ai-models/uploads/{odd}{path}", json_body=sent)
        assert answer.status == 404, answer.content
        assert len(answer.json["detail"]) < 300


def test_an_upload_id_that_is_no_text(api):
    assert api.get("/ai-models/uploads/%FF%FE").status == 400


def test_an_id_in_other_letters_is_another(api):
    plan = api.post("/ai-models/upload/single", DOORS["single"]).json
    assert api.get(f"/ai-models/uploads/{plan['upload_id'].upper()}").status == 404


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_plan_whatsoever_is_a_500(api, data):
    door = data.draw(st.sampled_from(list(DOORS)))
    names = [*FIELDS, "filename", "file_size", "file_hash", "files", "content_type", "is_primary", "other"]
    junk = data.draw(st.dictionaries(st.sampled_from(names), JUNK, min_size=1, max_size=3))
    answer = api.post(f"/ai-models/upload/{door}", {**DOORS[door], **junk})
    assert answer.status in (200, 400, 413), answer.content
    if answer.status == 200:
        assert api.delete(f"/ai-models/uploads/{answer.json['upload_id']}").status == 204


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(
        st.sampled_from([*FIELDS, "file_hash", "is_primary", "x"]), st.text(max_size=30), max_size=3
    )
)
def test_no_form_whatsoever_is_a_500(api, fields):
    sent = {name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}
    plain = {"user_id": b"ana", "model_id": b"m", "name": b"M"}
    form = [("file", ("m.pt", b"weights"))] + [
        (name, (None, text)) for name, text in {**plain, **sent}.items()
    ]
    answer = api.request("POST", "/ai-models/upload/single", form=form)
    assert answer.status in (200, 400, 413), answer.content
    if answer.status == 200:
        document = answer.json
        path = f"/ai-models/{document['user_id']}/{document['model_id']}"
        assert api.delete(path, version=document["version"]).status == 200


def test_a_url_serves_nothing_but_its_part(api):
    plan = api.post("/ai-models/upload/single", DOORS["single"]).json
    url = plan["files"][0]["parts"][0]["url"]
    address = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(address.query))
    assert query["partNumber"] == "1"
    assert address.path.endswith("models/ana/m/v1/model.pt")
    requests.put(url, data=b"weights", timeout=20).raise_for_status()
    # Nothing lies under the final name before the service puts it there.
    assert everything()[0] == set()
