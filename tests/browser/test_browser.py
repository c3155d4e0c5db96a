"""What a real browser lets pages of other origins do to `make run` and to the AWS stand-in behind it: nothing."""

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from chromium import Chromium
from elsewhere import Elsewhere

from devserver.emulator import Emulator
from devserver.folder import Folder
from devserver.process import LocalService

CONTENT = b"published bytes"
KEY = "models/mira/m/v1/model.bin"

ATTACKS = """
const fields = (id) => ({user_id: "mira", model_id: id, name: "Evil"});
const form = (id, file = "file") => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields(id))) form.append(name, value);
  form.append(file, new Blob(["evil"]), "model.bin");
  return form;
};
const text = (id) => JSON.stringify({...fields(id), files: [{filename: "x", file_size: 1}]});
const send = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    return answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return "failed";
  }
};
const load = (tag, url) => new Promise((done) => {
  const element = document.createElement(tag);
  element.onload = () => done("loaded");
  element.onerror = () => done("failed");
  element.src = url;
  document.body.append(element);
});
const submit = (url, enctype) => new Promise((done) => {
  const element = document.createElement("form");
  Object.assign(element, {method: "post", action: url, enctype, target: "hidden"});
  for (const [name, value] of Object.entries({...fields("submitted"), file: "evil"})) {
    const input = document.createElement("input");
    Object.assign(input, {name, value});
    element.append(input);
  }
  const files = new DataTransfer();
  files.items.add(new File(["evil"], "model.bin"));
  element.elements.file.type = "file";
  element.elements.file.files = files.files;
  document.body.append(element);
  const frame = document.querySelector("iframe");
  frame.onload = () => {
    try { done(`${frame.contentDocument.body.textContent}`); } catch { done("opaque"); }
    if (frame.contentDocument === null) done("opaque");
  };
  element.submit();
});
const socket = (url) => new Promise((done) => {
  const opened = new WebSocket(url.replace("http", "ws"));
  opened.onopen = () => done("opened");
  opened.onerror = () => done("failed");
});
const simple = {method: "POST", mode: "no-cors"};
const onService = (url) => ({
  form: () => send(`${url}/ai-models/upload/single`, {...simple, body: form("form")}),
  submit: () => submit(`${url}/ai-models/upload/single`, "multipart/form-data"),
  plain: () => send(`${url}/ai-models/upload/files`, {...simple, body: text("plain")}),
  blob: () => send(`${url}/ai-models/upload/files`, {...simple, body: new Blob([text("blob")])}),
  beacon: () => navigator.sendBeacon(`${url}/ai-models/upload/files`, text("beacon")) && "opaque",
  json: () => send(`${url}/ai-models/upload/files`,
    {method: "POST", headers: {"Content-Type": "application/json"}, body: text("json")}),
  remove: () => send(`${url}/ai-models/mira/m?version=v1`, {method: "DELETE"}),
  change: () => send(`${url}/ai-models/mira/m?version=v1`,
    {method: "PUT", headers: {"Content-Type": "application/json"}, body: '{"name": "Evil"}'}),
  list: () => send(`${url}/ai-models/mira`, {}),
  hidden: () => send(`${url}/ai-models/mira`, {mode: "no-cors"}),
  content: () => send(`${url}/ai-models/mira/m/download?filename=model.bin`, {}),
  script: () => load("script", `${url}/openapi.json`),
});
const onStandIn = (url, key) => ({
  reset: () => send(`${url}/_ministack/reset`, simple),
  config: () => send(`${url}/_ministack/config`, {...simple, body: "{}"}),
  over: () => send(`${url}/weighthouse/${key}`, {method: "PUT", body: "evil"}),
  post: () => {
    const form = new FormData();
    form.append("key", key);
    form.append("file", new Blob(["evil"]));
    return send(`${url}/weighthouse`, {...simple, body: form});
  },
  many: () => send(`${url}/weighthouse?delete`, {...simple,
    body: `<Delete><Object><Key>${key}</Key></Object></Delete>`}),
  remove: () => send(`${url}/weighthouse/${key}`, {method: "DELETE"}),
  list: () => send(`${url}/weighthouse?list-type=2`, {}),
  content: () => send(`${url}/weighthouse/${key}`, {}),
  scan: () => send(url, {method: "POST", headers: {"X-Amz-Target": "DynamoDB_20120810.Scan"},
    body: '{"TableName": "weighthouse"}'}),
  script: () => load("script", `${url}/weighthouse?list-type=2`),
  socket: () => socket(`${url}/_aws/execute-api/a/b`),
});
const all = async (attacks, chosen) => {
  const found = {};
  for (const name of chosen.length ? chosen : Object.keys(attacks)) found[name] = await attacks[name]();
  return found;
};
"""


def attack(chromium: Chromium, attacks: str, *chosen: str) -> dict[str, str]:
    """What the page that is shown was answered, by the name of the attack: those chosen in this order, or all."""
    script = f"(async () => {{ {ATTACKS} return all({attacks}, {json.dumps(chosen)}); }})()"
    found: dict[str, str] = chromium.run(script)
    return found


def page(origin: str, elsewhere: Elsewhere, port: int) -> str:
    """The address of an empty page of a kind of origin, beside a server on a port."""
    return {
        "another site": "http://evil.test/page",
        "another port of localhost": f"http://localhost:{elsewhere.port}/page",
        "another port of 127.0.0.1": f"http://127.0.0.1:{elsewhere.port}/page",
        "no origin": "data:text/html,<iframe name=hidden></iframe>",
        "a name that leads here later": f"http://rebound.test:{port}/page",
    }[origin]


ORIGINS = [
    "another site",
    "another port of localhost",
    "another port of 127.0.0.1",
    "no origin",
]
REBOUND = "a name that leads here later"


def s3(service: LocalService) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=service.aws_url,
        region_name="us-east-1",
        aws_access_key_id=service.aws_keys.id,
        aws_secret_access_key=service.aws_keys.secret,
        config=Config(s3={"addressing_style": "path"}),
    )


def state(service: LocalService) -> tuple[Any, ...]:
    """Everything that a page could have changed."""
    objects = s3(service).list_objects_v2(Bucket="weighthouse")["Contents"]
    content = s3(service).get_object(Bucket="weighthouse", Key=KEY)["Body"].read()
    listed = requests.get(f"{service.url}/ai-models/mira").json()["models"]
    return [(item["Key"], item["ETag"]) for item in objects], content, listed


def upload(service: LocalService) -> None:
    fields = {"user_id": "mira", "model_id": "m", "name": "Model"}
    file = {"file": ("model.bin", CONTENT)}
    answer = requests.post(f"{service.url}/ai-models/upload/single", data=fields, files=file)
    assert answer.status_code == 200


@pytest.fixture(scope="module")
def published(service: LocalService) -> LocalService:
    """The service with one version in it."""
    upload(service)
    return service


def eventually_read(file: Path) -> bytes:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} was not downloaded"
        time.sleep(0.02)
    return file.read_bytes()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_elsewhere_changes_nothing_and_reads_nothing(
    origin: str, host: str, chromium: Chromium, elsewhere: Elsewhere, published: LocalService
) -> None:
    before, logged = state(published), len(published.log)
    chromium.open(page(origin, elsewhere, published.port))
    found = attack(chromium, f"onService('http://{host}:{published.port}')")
    assert set(found.values()) <= {"opaque", "failed"}, found
    assert found["script"] == "failed"
    assert state(published) == before
    # They all arrived, and were refused.
    lines = [line for line in published.log[logged:].splitlines() if "Mozilla" not in line]
    refused = [line for line in lines if " 403 " in line]
    for method in ("POST /ai-models/upload/single", "POST /ai-models/upload/files", "GET /ai-models/mira"):
        assert any(method in line for line in refused), lines
    assert any("OPTIONS" in line for line in refused), lines


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_elsewhere_does_not_reach_the_stand_in(
    origin: str, chromium: Chromium, elsewhere: Elsewhere, published: LocalService
) -> None:
    before = state(published)
    chromium.open(page(origin, elsewhere, published.port))
    found = attack(chromium, f"onStandIn('{published.aws_url}', '{KEY}')")
    assert set(found.values()) <= {"opaque", "failed"}, found
    assert (found["script"], found["socket"]) == ("failed", "failed")
    assert state(published) == before


def test_a_name_that_is_led_here_later_reads_refusals_alone(
    chromium: Chromium, elsewhere: Elsewhere, published: LocalService
) -> None:
    before = state(published)
    chromium.open(page(REBOUND, elsewhere, published.port))
    found = attack(chromium, f"onService('http://rebound.test:{published.port}')")
    answered = {name: text for name, text in found.items() if text not in ("failed", "opaque")}
    assert {"form", "remove", "list", "content"} <= answered.keys()
    assert {text[:4] for name, text in answered.items() if name != "submit"} == {"403 "}, found
    aws_port = int(published.aws_url.rpartition(":")[2])
    chromium.open(page(REBOUND, elsewhere, aws_port))
    found = attack(chromium, f"onStandIn('http://rebound.test:{aws_port}', '{KEY}')")
    assert {text[:4] for text in found.values()} <= {"403 ", "fail"}, found
    assert found["reset"].startswith("403 ")
    assert state(published) == before


def test_without_the_shield_the_same_page_does_it_all(
    chromium: Chromium, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    emulator = Emulator(Folder(tmp_path / "data"), None)
    try:
        put = f"{emulator.url}/weighthouse"
        requests.put(put)
        requests.put(f"{put}/{KEY}", data=CONTENT)
        chromium.open(page("another site", elsewhere, 0))
        attacks = f"onStandIn('{emulator.url}', '{KEY}')"
        found = attack(chromium, attacks, "over", "list", "content", "reset")
        assert found["content"] == "200 evil"
        assert KEY in found["list"]
        assert requests.get(f"{put}/{KEY}").status_code == 404
    finally:
        emulator.stop()


def test_a_page_of_a_host_that_is_allowed_may_send(
    chromium: Chromium, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    with LocalService(tmp_path / "data", env={"ALLOWED_HOSTS": "evil.test"}) as service:
        upload(service)
        chromium.open(page("another site", elsewhere, service.port))
        found = attack(chromium, f"onService('{service.url}')")
        assert found["list"] == "failed"
        versions = requests.get(f"{service.url}/ai-models/mira").json()["models"]
        assert {version["model_id"] for version in versions} == {"m", "form", "submitted"}


def test_the_services_own_page_works(chromium: Chromium, published: LocalService) -> None:
    url = f"http://localhost:{published.port}"
    chromium.open(f"{url}/docs")
    shown = "document.querySelectorAll('.operation').length"
    wait = f"new Promise(done => {{ const look = () => {shown} ? done({shown}) : setTimeout(look, 10); look(); }})"
    assert chromium.run(wait) > 20
    found = attack(chromium, f"onService('{url}')", "list", "form", "json", "change")
    assert {text[:4] for text in found.values()} == {"200 "}, found


@pytest.mark.parametrize("origin", ["the service's own", "another site"])
def test_a_link_to_a_download_can_be_followed(
    origin: str, chromium: Chromium, elsewhere: Elsewhere, published: LocalService
) -> None:
    url = f"http://localhost:{published.port}"
    chromium.open(f"{url}/docs" if origin == "the service's own" else page(origin, elsewhere, published.port))
    file = chromium.downloads / "model.bin"
    file.unlink(missing_ok=True)
    link = f"{url}/ai-models/mira/m/download?filename=model.bin"
    chromium.run(f"Object.assign(document.createElement('a'), {{href: '{link}'}}).click()")
    assert eventually_read(file) == CONTENT
