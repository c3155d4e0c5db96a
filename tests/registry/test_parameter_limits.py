"""Every parameter of every route, at and beyond its limit: 400 that names it, and never an error of ours."""

import pytest
from each import each
from planting import plant

HOSTILE = [
    "9" * 5_000,
    "-" + "9" * 400,
    "1e400",
    "NaN",
    "١",
    "a\x00b",
    "\ud800",
    "%",
    "%zz%ff",
    "x" * 9_000,
    "ﷺ" * 2_000,
    "[" * 2_000,
    ",".join(f"t{n}" for n in range(170)),
    "../" * 200,
    "\u202e",
    "#",
]
PATHS = ["%00", "%", "%zz", "%ff", "%ed%a0%80", "x" * 5_000, "9" * 5_000, "%2e%2e", "a%2Fb", "%23", "\ud800"]
NAMES = {"user_id": "ana", "model_id": "iris", "upload_id": "0" * 32, "token_id": "0" * 20}


@pytest.fixture
def routes(api):
    """(method, path, parameters) of each route, with a version to find."""
    plant(tags=["t"], description="alpha")
    paths = api.get("/openapi.json").json["paths"]
    found = [
        (
            method.upper(),
            path,
            [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"],
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in ("get", "put", "post", "delete")
    ]
    assert len(found) >= 15
    return found


def ours(answer):
    """Whether an answer is an error of ours: for what a client did there is none."""
    return answer.status >= 500


def test_no_query_parameter_is_an_error_of_ours(api, routes):
    asked = 0
    for method, path, parameters in each(routes):
        for name in [*parameters, "unknown"]:
            for value in HOSTILE:
                answer = api.request(method, path.format(**NAMES), **{name: value})
                assert not ours(answer), (method, path, name, value[:40], answer.content)
                asked += 1
                if name in ("limit", "skip", "next_token", "unknown") and method == "GET":
                    # Who has no such upload is told so first.
                    assert answer.status in (400, 403, *([404] * ("/uploads/" in path))), (path, name, value)
    assert asked > 400


def test_no_path_is_an_error_of_ours(api, routes):
    for method, path, _ in each(routes):
        for name in NAMES:
            if f"{{{name}}}" in path:
                for value in PATHS:
                    answer = api.request(method, path.format(**{**NAMES, name: value}))
                    assert 400 <= answer.status < 500, (method, path, name, value[:40], answer.content)


HUGE = 10**400
DEEP = "[" * 5_000 + "]" * 5_000
BODIES = [
    '{"custom_metadata": {"a": NaN}}',
    '{"custom_metadata": {"a": 1e400}}',
    '{"custom_metadata": {"a": -1e400}}',
    f'{{"custom_metadata": {{"a": {HUGE}}}}}',
    f'{{"custom_metadata": {{"a": {"9" * 5_000}}}}}',
    f'{{"custom_metadata": {{"a": {"9" * 39}}}}}',
    f'{{"custom_metadata": {{"a": -{2**63}}}}}',
    f'{{"custom_metadata": {{"a": {2**64}}}}}',
    '{"custom_metadata": {"a": 1e-400}}',
    f'{{"custom_metadata": {{"a": {DEEP}}}}}',
    f'{{"custom_metadata": {{"a": {"[" * 99}{"]" * 99}}}}}',
    '{"custom_metadata": {"": ""}}',
    '{"custom_metadata": {"a\\u0000": "\\u0000"}}',
    '{"custom_metadata": {"\\ud800": 1}}',
    '{"name": "\\ud800"}',
    '{"name": "a\\u0000b"}',
    '{"description": "' + "ﷺ" * 20_000 + '"}',
    '{"training_loss": 1e308}',
    '{"training_loss": 1e309}',
    '{"training_loss": 5e-324}',
    f'{{"training_loss": {HUGE}}}',
    f'{{"num_parameters": {HUGE}}}',
    f'{{"num_parameters": {2**63 - 1}}}',
    f'{{"input_shape": [{HUGE}]}}',
    f'{{"limit": {HUGE}}}',
    f'{{"users": ["{"u" * 5_000}"]}}',
    f'{{"expires_in_days": {HUGE}, "label": "x"}}',
    f'{{"files": [{{"filename": "a", "first_part": {HUGE}}}]}}',
    "[" * 100_000,
    '{"a":' * 100_000,
    "9" * 100_000,
    "\x00",
]


def test_no_body_is_an_error_of_ours_and_what_is_kept_is_read_again(api, routes):
    for method, path, _ in each(routes):
        if method not in ("PUT", "POST") or "/upload/" in path:
            continue
        for body in BODIES:
            answer = api.request(method, path.format(**NAMES), json_body=body)
            assert not ours(answer), (method, path, body[:60], answer.content)
            if answer.status == 200 and path == "/ai-models/{user_id}/{model_id}":
                for reading in ("/ai-models/ana/iris", "/ai-models/ana", "/ai-models/search/ana?query=iris"):
                    assert api.get(reading).status == 200, (body[:60], reading)


@pytest.mark.parametrize(
    "path", ["/ai-models/ana", "/ai-models/search/ana?query=alpha", "/ai-models/search/ana"]
)
def test_50_tags_filter_and_more_are_refused(api, path):
    tags = [f"{n:03}" + "t" * 125 for n in range(51)]
    plant("m", "v1", tags=tags[:50], description="alpha")
    found = api.get(path, tags=",".join(tags[:50])).json["models"]
    assert [one["model_id"] for one in found] == ["m"]
    assert len(api.get(path, tags=",".join(tags[:50] * 3)).json["models"]) == 1
    for count in (51, 170, 1_000):
        answer = api.get(path, tags=",".join(f"t{n}" for n in range(count)))
        assert answer.status == 400
        assert all(word in answer.json["detail"] for word in ("tags", str(count), "50"))
