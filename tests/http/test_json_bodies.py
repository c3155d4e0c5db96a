"""JSON bodies: what is right arrives, what is wrong is named with what is allowed."""

import json
import time

import pytest
from events import Reply, call
from hypothesis import given
from hypothesis import strategies as st
from sample import APP

from chalicelib.http.bodies import NESTING_LIMIT


def post(body: bytes | str, **headers: str) -> Reply:
    return call(APP, "POST", "/things", body=body, headers=headers or {"Content-Type": "application/json"})


def post_fields(**fields) -> Reply:
    return post(json.dumps({"name": "n", "filename": "f", **fields}))


def test_a_body_arrives_as_its_struct():
    reply = post_fields(count=10**30, loss=1, shape=[], tags=["é"], custom_metadata={"a": [1, None]})
    assert reply.status == 200
    fields = reply.json()["fields"]
    assert (fields["loss"], fields["shape"], fields["tags"]) == (1.0, [], ["é"])
    assert fields["custom_metadata"] == {"a": [1, None]}
    assert b'"count":1' + b"0" * 30 in reply.body


def test_an_object_of_very_many_keys_is_refused_as_fast_as_one_of_few():
    keys = ",".join(f'"k{number}":1' for number in range(60_000))
    began = time.process_time()
    reply = post(f'{{"name":"n","filename":"f","x":1,"custom_metadata":{{{keys},"k59999":2}}}}')
    assert (reply.status, "'k59999' is given more than once" in reply.json()["detail"]) == (400, True)
    # Comparing each with every other takes ten seconds and more.
    assert time.process_time() - began < 3


@pytest.mark.parametrize("body", [b'{"name":"n","filename":"f"}', '{"name":"n","filename":"f"}'])
def test_json_is_known_by_its_content_type(body):
    assert post(body, **{"content-TYPE": "Application/JSON; charset=utf-8"}).status == 200


@pytest.mark.parametrize("headers", [{}, {"Content-Type": ""}, {"Content-Type": ";charset=utf-8"}])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_without_a_content_type_is_refused(method, headers):
    reply = call(APP, method, "/things", body='{"name":"n","filename":"f"}', headers=headers)
    assert reply.status == 415
    assert reply.detail.startswith("Content-Type is missing; send application/json")


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"kind": "fish"}, "kind: 'fish' is not allowed; it must be one of cat, dog"),
        ({"kind": 3}, "kind: 3 is not allowed; it must be one of cat, dog"),
        ({"count": "7"}, "count: '7' is not allowed; it must be a whole number, or null"),
        ({"small": 0}, "small: 0 is not allowed; it must be a whole number from 1 to 1,000"),
        ({"small": None}, "small: null is not allowed; it must be a whole number from 1 to 1,000"),
        ({"shape": [1, 2.5]}, "shape[1]: 2.5 is not allowed; it must be a whole number of 0 or more"),
        (
            {"shape": [1] * 4},
            "shape: [1, 1, 1, 1] is not allowed; it must be a list of up to 3 whole numbers, or null",
        ),
        ({"loss": "nan"}, "loss: 'nan' is not allowed; it must be a finite number, or null"),
        ({"flag": 1}, "flag: 1 is not allowed; it must be true or false"),
        ({"name": ""}, "name: '' is not allowed; it must be text of 1 to 10 characters"),
        ({"name": {"a": 1}}, 'name: {"a": 1} is not allowed; it must be text of 1 to 10 characters'),
        ({"tags": ["a", ""]}, "tags[1]: '' is not allowed; it must be text of 1 or more characters"),
        ({"tags": "a,b"}, "tags: 'a,b' is not allowed; it must be a list of texts"),
        ({"custom_metadata": [1]}, "custom_metadata: [1] is not allowed; it must be a JSON object"),
        ({"items": [{"size": 1}, {}]}, "items[1].size is required"),
        ({"items": [{"size": 1, "z": 2}]}, "items[0]: Unknown field 'z'; known fields are size"),
        ({"items": [3]}, "items[0]: 3 is not allowed; it must be a JSON object"),
        ({"items": {}}, "items: {} is not allowed; it must be a list of objects"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(fields, detail):
    reply = post_fields(**fields)
    assert (reply.status, reply.detail) == (400, detail)


def test_an_unknown_field_is_named_with_the_known_ones_and_the_place_for_own_ones():
    detail = post_fields(foo=1).detail
    assert detail.startswith("Unknown field 'foo'; known fields are name, kind, count")
    assert detail.endswith("; put fields of your own into custom_metadata")


def test_a_missing_field_is_named():
    assert post('{"name": "n"}').detail == "filename is required"


def test_a_long_value_is_cut():
    detail = post_fields(name="x" * 1000).detail
    assert "x" * 80 + "…'" in detail
    assert "x" * 81 not in detail
    assert len(post_fields(items=list(range(1000))).detail) < 200


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "The body is empty; send a JSON object"),
        (" \n", "The body is empty; send a JSON object"),
        ("[]", "The body: [] is not allowed; it must be a JSON object"),
        ("null", "The body: null is not allowed; it must be a JSON object"),
        ("{", "The body is not valid JSON: it ends too early"),
        ('{"name": "n", "filename": "f"} x', "The body is not valid JSON: trailing characters"),
        ('{"name": "n", "loss": NaN}', "The body is not valid JSON: it has NaN"),
        ('{"name": "n", "loss": -Infinity}', "The body is not valid JSON: it has NaN"),
        (
            '{"name": "\\ud800"}',
            "The body is not valid JSON: it has NaN, Infinity or one half of a surrogate",
        ),
        ('{"name": "\ud800"}', "The body is not valid UTF-8"),
        (b'{"name": "\xff"}', "The body is not valid UTF-8"),
        ('{"name": "n"}'.encode("utf-16"), "The body is not valid JSON"),
        ('{"name": 3, "x":', "The body is not valid JSON"),
        ('{"name": "n", "filename": "f", "loss": 1e999}', "loss: 1e999 is not allowed; it must be a finite"),
        ('{"name": "n", "filename": "f", "count": ' + "9" * 5000 + "}", "count: 9999"),
        (
            '{"name": "n", "filename": "f", "custom_metadata": {"a": 1e999}}',
            "custom_metadata: a number in it",
        ),
        (
            '{"name": "n", "filename": "f", "custom_metadata": {"a": ' + "9" * 5000 + "}}",
            "custom_metadata: a number",
        ),
        ('{"items": [{"size": "x"}], "items": []}', "'items' is given more than once"),
        ("[" * 100_000, "The body nests too deeply"),
        ('{"name": 3, "custom_metadata": ' + '{"a":' * 100_000, "The body nests too deeply"),
    ],
)
def test_a_broken_body_is_told_apart(raw, said):
    reply = post(raw)
    assert reply.status == 400
    assert reply.detail.startswith(said)


def test_of_a_key_that_is_given_twice_in_a_valid_body_the_last_counts():
    assert post('{"name": "a", "filename": "f", "name": "b"}').json()["fields"]["name"] == "b"


def test_open_objects_nest_up_to_the_limit():
    def nested(levels: int) -> str:
        return '{"name":"n","filename":"f","custom_metadata":' + '{"a":' * levels + "1" + "}" * levels + "}"

    assert post(nested(NESTING_LIMIT)).status == 200
    assert post(nested(NESTING_LIMIT + 1)).detail.startswith("custom_metadata nests too deeply")
    assert (
        post('{"name":"n","filename":"f","custom_metadata":{"a":' + "[" * 100 + "]" * 100 + "}}").status
        == 400
    )


def test_a_content_type_that_is_not_taken_is_named_with_those_that_are():
    reply = post("a=1", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert reply.status == 415
    assert "'application/x-www-form-urlencoded'" in reply.detail
    assert reply.detail.endswith("send application/json or multipart/form-data")
    reply = call(APP, "PUT", "/things", body="x", headers={"Content-Type": "multipart/form-data"})
    assert (reply.status, reply.detail.split("send ")[1]) == (415, "application/json")


def test_a_field_left_out_is_told_from_null():
    assert call(APP, "PUT", "/things", body="{}").status == 202
    assert call(APP, "PUT", "/things", body='{"count": null}').status == 202
    assert call(APP, "PUT", "/things", body='{"name": null}').detail == (
        "name: null is not allowed; it must be text"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "items", "size"]), inner)
    ),
)


@given(
    JSON | st.dictionaries(st.sampled_from(["name", "filename", "shape", "items", "custom_metadata"]), JSON)
)
def test_no_json_is_a_server_error(document):
    assert post(json.dumps(document)).status in (200, 400)


@given(st.binary(), st.integers(0, 60))
def test_no_bytes_are_a_server_error(noise, at):
    valid = json.dumps({"name": "n", "filename": "f", "custom_metadata": {"a": ["é"]}}).encode()
    assert post(valid[:at] + noise + valid[at:]).status in (200, 400)
