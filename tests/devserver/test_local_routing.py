import pytest
from hypothesis import given
from hypothesis import strategies as st

from devserver.routing import Router, allowed

ROUTES = {
    "/": {"GET": None},
    "/ai-models/{user_id}": {"GET": None},
    "/ai-models/{user_id}/{model_id}": {"GET": None, "DELETE": None},
    "/ai-models/{user_id}/{model_id}/files": {"GET": None},
    "/ai-models/search/{user_id}": {"GET": None},
    "/ai-models/upload/single": {"POST": None},
}

segments = st.text("abz09._-%~+@", min_size=1).filter(lambda text: text not in ("search", "upload"))


def resource(path: str) -> str | None:
    match = Router(ROUTES).match(path)
    return match and match.resource


def test_a_fixed_segment_wins_over_a_variable_one() -> None:
    match = Router(ROUTES).match("/ai-models/search/me")
    assert match is not None
    assert (match.resource, match.parameters) == ("/ai-models/search/{user_id}", {"user_id": "me"})
    assert resource("/ai-models/find/me") == "/ai-models/{user_id}/{model_id}"


def test_a_fixed_segment_that_leads_nowhere_gives_way() -> None:
    match = Router(ROUTES).match("/ai-models/upload/other")
    assert match is not None
    assert match.parameters == {"user_id": "upload", "model_id": "other"}


@given(segments, segments)
def test_variables_are_handed_on_as_they_came(user_id: str, model_id: str) -> None:
    match = Router(ROUTES).match(f"/ai-models/{user_id}/{model_id}/files")
    assert match is not None
    assert match.parameters == {"user_id": user_id, "model_id": model_id}


def test_an_encoded_slash_does_not_part_segments() -> None:
    match = Router(ROUTES).match("/ai-models/a%2Fb")
    assert match is not None
    assert match.parameters == {"user_id": "a%2Fb"}


def test_a_fixed_segment_is_known_in_any_encoding() -> None:
    assert resource("/ai%2Dmodels/me") == "/ai-models/{user_id}"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", "/"),
        ("/ai-models/me/", "/ai-models/{user_id}"),
        ("/ai-models/me//", None),
        ("/ai-models//m", None),
        ("/ai-models", None),
        ("/ai-models/me/m/files/x", None),
        ("*", None),
        ("", None),
    ],
)
def test_slashes(path: str, found: str | None) -> None:
    assert resource(path) == found


def test_two_names_for_one_segment_are_refused() -> None:
    with pytest.raises(ValueError, match="another route"):
        Router({"/a/{user_id}": {}, "/a/{id}/b": {}})


def test_the_gateway_adds_head_and_options() -> None:
    assert allowed(["GET", "DELETE"]) == "DELETE, GET, HEAD, OPTIONS"
    assert allowed(["POST"]) == "OPTIONS, POST"
