"""What JSON Schema counts as an integer is one, in bodies, forms and queries."""

import pytest
from each import each

from chalicelib.errors import InvalidRequest
from chalicelib.http.bodies import parse_json
from chalicelib.http.texts import parse_texts
from chalicelib.schema.requests import FilesPlan, ListQuery, SingleForm

FILE = '{"filename": "a", "file_size": %s}'
PLAN = '{"user_id": "ana", "model_id": "m", "name": "N", "num_parameters": %s, "input_shape": [%s], "files": [%s]}'
WHOLE = {"3.0": 3, "2e5": 200_000, "2E+5": 200_000, "20e-1": 2, "7": 7}
NOT_WHOLE = ["2.5", "1e400", "-1.0", "1e-3"]


def test_a_body_takes_whole_numbers_however_they_are_written():
    for text, number in each(WHOLE.items()):
        plan = parse_json((PLAN % (text, text, FILE % text)).encode(), FilesPlan)
        assert (plan.num_parameters, plan.input_shape, plan.files[0].file_size) == (number, [number], number)
        assert type(plan.num_parameters) is int


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_a_body_takes_no_other_numbers_for_them_and_names_the_field(text):
    with pytest.raises(InvalidRequest, match=r"^num_parameters: "):
        parse_json((PLAN % (text, 1, FILE % 1)).encode(), FilesPlan)
    with pytest.raises(InvalidRequest, match=r"^files\[0\]\.file_size: "):
        parse_json((PLAN % ("3.0", "3.0", FILE % text)).encode(), FilesPlan)


def test_forms_and_queries_take_the_same():
    names = {"user_id": "ana", "model_id": "m", "name": "N"}
    for text, number in each(WHOLE.items()):
        assert parse_texts({"skip": text}, ListQuery).skip == number
        assert parse_texts({**names, "num_parameters": text}, SingleForm).num_parameters == number
    for text in each(NOT_WHOLE):
        with pytest.raises(InvalidRequest, match=r"^num_parameters: "):
            parse_texts({**names, "num_parameters": text}, SingleForm)


def test_metadata_of_ones_own_stays_as_it_was_sent():
    body = (PLAN % ("3.0", 1, FILE % 1)).replace("{", '{"custom_metadata": {"n": 3.0}, ', 1)
    assert type(parse_json(body.encode(), FilesPlan).custom_metadata["n"]) is float
