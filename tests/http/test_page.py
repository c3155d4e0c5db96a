"""The page at /docs stands on its own, and its policy lets in nothing else."""

import base64
import hashlib
import re

import pytest
from each import each
from events import Reply, call

from app import app


@pytest.fixture(scope="module")
def page() -> Reply:
    return call(app, "GET", "/docs")


def test_it_is_html(page):
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.body.startswith(b"<!doctype html>")


def test_it_loads_nothing_from_elsewhere(page):
    loading = re.findall(rb"""(?:src|href)\s*=\s*["']([^"']*)|url\(([^)]*)|@import|\bimport\b""", page.body)
    addresses = [first or second for first, second in loading]
    assert addresses
    assert all(each.startswith((b"data:", b"openapi.json")) for each in each(addresses))


def test_the_contract_is_read_by_a_relative_address(page):
    assert b'new URL("openapi.json", root)' in page.body
    assert b'"/openapi.json"' not in page.body


@pytest.mark.parametrize("tag", ["style", "script"])
def test_the_policy_lets_in_exactly_the_pages_own_style_and_script(page, tag):
    [content] = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), page.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    policy = dict(each.split(" ", 1) for each in page.headers["Content-Security-Policy"].split("; "))
    assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"


def test_nothing_in_it_needs_more_than_the_policy_allows(page):
    assert not re.search(
        rb"\son\w+\s*=\s*[\"']|\sstyle\s*=\s*[\"']|\beval\(|new Function|innerHTML", page.body
    )


def test_a_token_is_asked_for_out_of_sight_and_only_where_the_contract_has_a_bearer_scheme(page):
    [label] = re.findall(rb'<label class="token" hidden>(.*?)</label>', page.body, re.DOTALL)
    assert b'type="password"' in label
    assert b'autocomplete="off"' in label
    assert b"localStorage" not in page.body


def test_the_page_and_the_contract_name_no_place_on_the_host_and_so_work_behind_a_base_path(page):
    text = page.body if isinstance(page.body, str) else page.body.decode()
    assert "openapi.json" in text
    assert re.findall(r'(?:href|src|action)="/|fetch\("/', text) == []
    assert call(app, "GET", "/openapi.json").json()["servers"] == [{"url": "."}]
