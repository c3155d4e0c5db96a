"""The documentation names all that there is, and its links lead somewhere."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from click import Option

import app  # noqa: F401 - declares the operations
from chalicelib.http.operations import OPERATIONS
from chalicelib.schema.documents import FileDocument, VersionDocument
from chalicelib.schema.uploads import State
from chalicelib.settings import Settings
from weighthouse.cli.app import app as weighthouse

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs/api.md").read_text()
CLIENT = (ROOT / "docs/client.md").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()
COMMANDS = weighthouse.list_commands(None)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "client/README.md"])


def names(page):
    return set(re.findall(r"`([\w.]+)`", page))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_api_page_has_every_operation_with_its_parameters(operation):
    described = re.search(rf"`{operation.method} {re.escape(operation.path)}(\?[\w=&]*)?`", API)
    assert described, f"{operation.method} {operation.path} is missing"
    parameters = re.findall(r"(\w+)=", described[1] or "")
    assert sorted(parameters) == sorted(operation.query.__struct_fields__ if operation.query else ())


def test_the_api_page_has_no_other_operation():
    described = set(re.findall(r"`(GET|POST|PUT|DELETE) (/[^?`]*)", API))
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("struct", [VersionDocument, FileDocument])
def test_the_api_page_has_every_field_of_a_document(struct):
    assert set(struct.__struct_fields__) - names(API) == set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_api_page_has_every_field_of_a_request(operation):
    known = names(API) | set(re.findall(r'"(\w+)"', API))
    structs = filter(None, (operation.json, operation.form))
    assert {field for struct in structs for field in struct.__struct_fields__} - known == set()


def test_the_api_page_has_every_state_of_an_upload():
    assert set(get_args(State)) - names(API) == set()


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_the_operating_page_has_every_setting_with_its_default(setting):
    default = f"`{setting.default}`" if setting.default != "" else "empty"
    assert f"| `WEIGHTHOUSE_{setting.name.upper()}` | {default} |" in OPERATING


def test_the_operating_page_has_no_other_setting():
    known = {f"WEIGHTHOUSE_{setting.name.upper()}" for setting in fields(Settings)}
    assert set(re.findall(r"WEIGHTHOUSE_\w+", OPERATING)) == known


@pytest.mark.parametrize("command", COMMANDS)
def test_the_client_page_has_every_command_with_its_options(command):
    section = re.search(rf"^### {command}\n(.*?)(?=^##|\Z)", CLIENT, re.MULTILINE | re.DOTALL)
    assert section, f"{command} is missing"
    taken = [param for param in weighthouse.get_command(None, command).params if isinstance(param, Option)]
    options = [name for option in taken for name in (*option.opts, *option.secondary_opts)]
    # Said once for all commands, or for all lists.
    assert {name for name in options if name not in section[1]} <= {"--url", "--json", "-n"}


def test_the_client_page_has_no_other_command():
    assert re.findall(r"^### (.*)$", CLIENT, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    assert [target for target in targets if not leads_somewhere(page, target)] == []


def leads_somewhere(page, target):
    """Whether a link's target is there, with its anchor; what is elsewhere is not asked."""
    if target.startswith("https://"):
        return True
    path, _, anchor = target.partition("#")
    led_to = page.parent / path if path else page
    return led_to.exists() and (not anchor or anchor in anchors(led_to))


def anchors(page):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
