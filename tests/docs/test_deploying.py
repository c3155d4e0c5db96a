"""The page on deploying names what there is, and its sums are right."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from each import each

from chalicelib.settings import Settings
from infra.functions import FUNCTIONS
from infra.parameters import AROUND

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deploying.md").read_text()


@pytest.mark.parametrize("parameter", AROUND, ids=lambda parameter: parameter.name)
def test_every_parameter_is_named_with_its_default(parameter):
    [row] = re.findall(rf"^\|[^|]*`{parameter.variable}`[^|]*\| ([^|]*) \|", PAGE, re.MULTILINE)
    default = f"`{parameter.default}`" if parameter.default else "empty"
    assert default in row.split(" · ")


def test_no_other_variable_is_named():
    known = {parameter.variable for parameter in AROUND}
    known |= {f"WEIGHTHOUSE_{setting.name.upper()}" for setting in fields(Settings)}
    assert set(re.findall(r"WEIGHTHOUSE_\w+", PAGE)) <= known


def test_the_functions_are_as_it_says():
    for function in each(FUNCTIONS):
        time = f"{function.seconds} s" if function.seconds < 60 else f"{function.seconds // 60} min"
        assert f"`{function.name}` ({time}, {function.memory:,} MB" in PAGE


def test_the_table_of_costs_is_what_the_formula_gives():
    script = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]
    ran = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=True)
    columns = [
        dict(re.findall(r"^(.+?) +([\d.]+)$", month, re.MULTILINE)) for month in ran.stdout.split("\n\n")
    ]
    cells = re.findall(r"^\| (.+?) \| (\*{0,2}[\d.]+\*{0,2}) \| (\S+) \| (\S+) \|", PAGE, re.MULTILINE)
    written = [{row[0].strip("*"): row[column].strip("*") for row in cells} for column in (1, 2, 3)]
    assert written == columns[:3]
    assert len(cells) == 14
