"""Lists of requirements in one text, as the service and the client take them apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.http import texts
from weighthouse import metadata

both = pytest.mark.parametrize(
    "split", [texts.split_requirements, metadata.split_requirements], ids=["service", "client"]
)


@both
@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("torch>=2.0,<3", ["torch>=2.0,<3"]),
        ("torch >= 2.0 , < 3 , numpy", ["torch >= 2.0 , < 3", "numpy"]),
        ("a==1.*,!=1.3,~=1.2,b", ["a==1.*,!=1.3,~=1.2", "b"]),
        ("ray[tune,serve]>=2,<3,numpy", ["ray[tune,serve]>=2,<3", "numpy"]),
        ("requests (>=2,<3),numpy", ["requests (>=2,<3)", "numpy"]),
        ("a; python_version in '3.8,3.9',b", ["a; python_version in '3.8,3.9'", "b"]),
        ('a; extra == "x,y" and os_name == "nt",b', ['a; extra == "x,y" and os_name == "nt"', "b"]),
        ("a,,b,", ["a", "", "b", ""]),
        ("a[b,c", ["a[b,c"]),
        ("", [""]),
    ],
)
def test_a_comma_of_a_requirement_separates_none(split, text, requirements):
    assert [piece.strip() for piece in split(text)] == requirements


names = st.from_regex(r"[a-z][a-z0-9._-]{0,5}[a-z0-9]", fullmatch=True)
extras = st.lists(names, max_size=3).map(lambda found: f"[{','.join(found)}]" if found else "")
bounds = st.lists(st.sampled_from(["<3", ">=2.0", "!=2.1", "~=2.2", "==2.*"]), max_size=3).map(",".join)
requirement = st.builds("{}{}{}".format, names, extras, bounds)


@both
@given(st.lists(requirement, min_size=1, max_size=5))
def test_requirements_that_were_joined_come_apart_again(split, requirements):
    assert split(",".join(requirements)) == requirements


@both
@pytest.mark.parametrize("text", ["[" * 300_000, ",  " * 100_000 + " " * 100_000, "'" * 300_001])
def test_a_long_text_takes_no_time(split, text):
    assert len("".join(split(text))) + text.count(",") == len(text)
