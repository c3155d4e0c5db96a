"""What stands in the address: decoded once, converted, and refused by name."""

from urllib.parse import quote

import pytest
from events import Reply, call
from hypothesis import given
from hypothesis import strategies as st
from sample import APP


def get(owner: str = "o", thing: str = "t", headers: dict[str, str] | None = None, **query: str) -> Reply:
    given_once = {name: [text] for name, text in {"name": "n", **query}.items()}
    path = {"owner": owner, "thing": thing}
    return call(APP, "GET", "/things/{owner}/{thing}", path=path, query=given_once, headers=headers)


@given(st.text(), st.text())
def test_path_parameters_are_decoded_once(owner, thing):
    path = get(quote(owner, safe=""), quote(thing, safe="")).json()["path"]
    assert path == {"owner": owner, "thing": thing}


def test_a_plus_in_a_path_stays_and_encoded_percents_are_decoded_once_only():
    assert get("a+b", "100%2525").json()["path"] == {"owner": "a+b", "thing": "100%25"}


@pytest.mark.parametrize("raw", ["%ff", "a%C3", "%ed%a0%80", "\ud800"])
def test_a_path_that_is_no_utf_8_is_refused(raw):
    reply = get(raw)
    assert reply.status == 400
    assert reply.detail.startswith("owner: ")


def test_parameters_are_converted():
    reply = get(count="-7", small="1000", loss="1e-3", flag="Off", shape="1, 2,", tags=" a,b ,,", kind="dog")
    fields = reply.json()["fields"]
    assert (fields["count"], fields["small"], fields["loss"]) == (-7, 1000, 0.001)
    assert (fields["flag"], fields["shape"], fields["tags"]) == (False, [1, 2], ["a", "b"])
    assert fields["kind"] == "dog"


def test_an_empty_parameter_counts_as_not_given():
    assert get(small="", kind="", flag="", shape="").json() == get().json()
    assert get(name="").detail == "name is required"


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("small", "0", "a whole number from 1 to 1,000"),
        ("small", "1001", "a whole number from 1 to 1,000"),
        ("small", "1_0", "a whole number from 1 to 1,000"),
        ("small", "١", "a whole number from 1 to 1,000"),
        ("small", "9" * 5000, "a whole number from 1 to 1,000"),
        ("count", "1.5", "a whole number"),
        ("loss", "nan", "a finite number"),
        ("loss", "Infinity", "a finite number"),
        ("loss", "1e999", "a finite number"),
        ("loss", "one", "a finite number"),
        ("flag", "maybe", "true or false"),
        ("kind", "null", "one of cat, dog"),
        ("shape", "[1", "a list of up to 3 whole numbers"),
        ("shape", "1,2,3,4", "a list of up to 3 whole numbers"),
        ("custom_metadata", "[]", "a JSON object"),
        ("custom_metadata", '{"a": NaN}', "a JSON object"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(name, text, allowed):
    reply = get(**{name: text})
    assert reply.status == 400
    assert reply.detail.startswith(f"{name}: ")
    assert reply.detail.endswith(f" is not allowed; it must be {allowed}")


def test_a_wrong_entry_of_a_list_is_named_by_its_place():
    assert get(shape="1,x").detail == "shape[1]: 'x' is not allowed; it must be a whole number of 0 or more"
    assert get(shape="[1,-2]").detail == "shape[1]: -2 is not allowed; it must be a whole number of 0 or more"


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "True", "YES", " On "])
def test_all_words_for_true(word):
    assert get(flag=word).json()["fields"]["flag"] is True


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "False", "NO", "oFF"])
def test_all_words_for_false(word):
    assert get(flag=word).json()["fields"]["flag"] is False


def test_an_unknown_parameter_is_refused_by_name_also_where_none_is_taken():
    assert get(foo="1").detail.startswith("Unknown parameter 'foo'; known parameters are name, kind")
    reply = call(APP, "GET", "/things", query={"foo": ["1"]})
    assert (reply.status, reply.detail) == (400, "Unknown parameter 'foo'; none is known here")


def test_a_parameter_given_twice_is_refused_by_name():
    reply = call(
        APP, "GET", "/things/{owner}/{thing}", path={"owner": "o", "thing": "t"}, query={"name": ["a", "a"]}
    )
    assert (reply.status, reply.detail) == (400, "'name' is given 2 times; give it once")


def test_half_a_surrogate_pair_is_refused():
    assert get(name="\ud800").detail == "name: '\\ud800' is not valid UTF-8"
    assert call(APP, "GET", "/things", query={"\ud800": ["1"]}).status == 400


def test_events_without_multi_values_are_read_too():
    reply = APP(
        {
            "requestContext": {"httpMethod": "GET", "resourcePath": "/things/{owner}/{thing}"},
            "pathParameters": {"owner": "o", "thing": "t"},
            "queryStringParameters": {"name": "n"},
        },
        None,
    )
    assert reply["statusCode"] == 200


def test_accept_is_handed_to_who_asks():
    assert get(headers={"aCCept": "x/y"}).json()["accept"] == "x/y"
    assert get().json()["accept"] is None


@given(
    st.dictionaries(st.sampled_from(["name", "count", "loss", "flag", "shape", "custom_metadata"]), st.text())
)
def test_no_text_is_a_server_error(query):
    assert get(**query).status in (200, 400)
