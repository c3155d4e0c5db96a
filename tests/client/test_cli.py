"""The command, from its arguments to what it prints and the status it ends with, against the whole service."""

import json
import os
import re
import subprocess
import sys

import pytest
import requests
from each import each

from weighthouse.cli.app import SECTIONS, app
from weighthouse.transport import Transport

EVIL = "evil \x1b[31m[bold]\u202e"


@pytest.fixture
def call(command, service, monkeypatch):
    """Runs the command on the service."""
    monkeypatch.setenv("WEIGHTHOUSE_URL", service.url)
    return command


@pytest.fixture(scope="module")
def shelf(service):
    """Two versions of one model; gives the address."""
    for version, accuracy in (("v1", "0.9"), ("v2", "0.97")):
        fields = {
            "user_id": "shell",
            "model_id": "net",
            "version": version,
            "name": EVIL,
            "tags": "demo,small",
        }
        content = b"weights of " + version.encode()
        answer = requests.post(
            f"{service.url}/ai-models/upload/single",
            data={**fields, "test_accuracy": accuracy, "custom_metadata": json.dumps({"by": EVIL})},
            files={"file": ("model.onnx", content)},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
    return "shell/net"


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_a_list_has_a_row_for_each_version(call, shelf):
    for arguments in (["ls", "shell"], ["ls", shelf], ["versions", shelf], ["search", "shell", "net"]):
        status, out, err = call(*arguments)
        assert (status, err) == (0, "")
        assert [line.split()[0] for line in out.splitlines()] == ["VERSION", "shell/net:v2", "shell/net:v1"]
        assert re.search(r" CREATED \([+-]\d\d:\d\d\) ", out.splitlines()[0])
        assert all(re.search(r" 20\d\d-\d\d-\d\d \d\d:\d\d  ", line) for line in each(out.splitlines()[1:]))


def test_a_list_for_programs_has_a_document_a_line(call, shelf):
    assert [found["version"] for found in lines(call("ls", "shell", "--json")[1])] == ["v2", "v1"]
    assert [found["version"] for found in lines(call("--json", "ls", shelf, "-n", "1")[1])] == ["v2"]
    assert [found["filename"] for found in lines(call("files", shelf, "--json")[1])] == ["model.onnx"]


def test_a_list_of_many_asks_for_little_more_than_it_shows(call, shelf, monkeypatch):
    document, asked = lines(call("info", shelf, "--json")[1])[0], []

    def ask(self, method, path, *, query, **request):
        asked.append(query["limit"])
        return {"models": [document] * query["limit"], "next_token": "more"}

    monkeypatch.setattr(Transport, "ask", ask)
    out, err = call("ls", "shell")[1:]
    assert (out.count("shell/net"), err) == (100, "These are the first 100; --limit shows more.\n")
    call("ls", "shell", "-n", "1101")
    assert asked == [101, 101, 1000]


def test_filters_leave_out_what_does_not_match(call, shelf):
    assert call("ls", "shell", "--tag", "demo", "--framework", "onnx")[1].count("shell/net") == 2
    status, out, err = call("search", "shell", "net", "--tag", "other")
    assert (status, out, err) == (0, "", "Nothing found.\n")
    assert call("ls", shelf, "--tag", "demo")[0] == 2


@pytest.mark.parametrize("asked", ["ls", "info", "info --json", "diff", "set"])
def test_nothing_that_a_service_says_can_do_harm_to_a_terminal(call, shelf, asked):
    changes = {"diff": ["v1"], "set": [f"name={EVIL}"]}.get(asked, [])
    status, out, err = call(*asked.split(), "shell" if asked == "ls" else shelf, *changes)
    assert status == 0
    assert not (out + err).replace("\n", "").count("\x1b")
    assert "\u202e" not in out + err
    assert "[bold]" in out or asked == "diff"


def test_info_shows_what_is_known(call, shelf):
    out = call("info", shelf)[1]
    for known in ("shell/net:v2", "onnx", "0.97", "demo, small", "1 file, 13 B", "model.onnx ★"):
        assert known in out


def test_diff_compares_files_by_content_and_the_metadata(call, shelf):
    status, out, _ = call("diff", f"{shelf}:v1", "v2")
    assert status == 0
    assert "~  model.onnx     13 B → 13 B" in out
    assert "~  test_accuracy  0.9 → 0.97" in out
    compared = json.loads(call("diff", f"{shelf}:v1", f"{shelf}:v2", "--json")[1])
    assert compared["metadata"] == {"test_accuracy": {"old": 0.9, "new": 0.97}}
    assert compared["files"]["changed"] == [{"filename": "model.onnx", "old_size": 13, "new_size": 13}]


def test_set_changes_fields_and_adds_and_removes_tags(call, shelf):
    status, out, _ = call(
        "set", f"{shelf}:v1", "-small", "+big", "algorithm=trees", "test_accuracy=", "--json"
    )
    assert status == 0
    changed = json.loads(out)
    assert changed["tags"] == ["demo", "big"]
    assert (changed["algorithm"], changed["test_accuracy"], changed["name"]) == ("trees", None, EVIL)
    status, out, err = call("set", f"{shelf}:v1", "-gone", "algorithm=", 'custom_metadata={"flag": true}')
    assert (status, err) == (0, "weighthouse: shell/net:v1 has no tag 'gone' to remove\n")
    assert '{"flag": true}' in out
    status, out, err = call("set", f"{shelf}:v1", "-gone", "--json")
    assert (status, json.loads(out)["version"], json.loads(err)) == (
        0,
        "v1",
        {"note": "shell/net:v1 has no tag 'gone' to remove"},
    )
    call("set", f"{shelf}:v1", "test-accuracy=0.9", "algorithm=", "tags=demo,small")
    assert json.loads(call("info", f"{shelf}:v1", "--json")[1])["tags"] == ["demo", "small"]


def test_a_link_serves_the_file(call, shelf):
    status, out, _ = call("url", f"{shelf}:v1", "model.onnx")
    assert status == 0
    assert requests.get(out.strip(), timeout=60).content == b"weights of v1"


def test_rm_asks_and_where_nobody_can_be_asked_needs_yes(call, shelf, monkeypatch):
    assert call("rm", shelf)[0] == 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: "n")
    assert call("rm", f"{shelf}:v1")[0] == 1
    assert "2 versions" in call("rm", shelf)[2]
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: "y")
    assert (
        call("rm", f"{shelf}:v2", "--json")[1]
        == '{"user_id": "shell", "model_id": "net", "versions": ["v2"]}\n'
    )
    assert call("rm", shelf, "--all-versions", "--yes")[0] == 0
    assert call("versions", shelf)[0] == 3


def test_a_folder_goes_there_and_back(call, tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"weights")
    (folder / "model.yaml").write_text("description: Small\nalgorithm: trees\n")
    (tmp_path / "other.yaml").write_text("algorithm: forests\n")
    flags = ("--tag", "a", "--tag", "b", "--metadata", "seed=42", "--inactive", "--input-shape", "1x28")
    status, out, err = call("push", "net", "shell/there", *flags)
    assert (status, err) == (0, "")
    assert out.startswith("✓ shell/there:v1 is published: 2 files, ")
    said = json.loads(call("info", "shell/there:v1", "--json")[1])
    assert (said["description"], said["algorithm"], said["is_active"]) == ("Small", "trees", False)
    assert (said["tags"], said["custom_metadata"], said["input_shape"]) == (["a", "b"], {"seed": 42}, [1, 28])
    status, out, _ = call("push", "net", "shell/there:v2", "--model-file", "other.yaml", "--json")
    pushed = json.loads(out)
    assert (pushed["version"]["algorithm"], pushed["version"]["description"]) == ("forests", None)
    assert (pushed["bytes_sent"], pushed["existed"]) == (0, False)

    status, out, _ = call("pull", "shell/there", "back", "--include", "*.bin", "--json")
    pulled = json.loads(out)
    assert (pulled["version"], pulled["directory"], pulled["files_total"]) == ("v2", "back", 1)
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["a.bin"]
    assert call("pull", "shell/there", "back", "--quiet") == (0, "", "")
    assert (tmp_path / "back" / "model.yaml").read_bytes() == (folder / "model.yaml").read_bytes()
    (folder / "a.bin").write_bytes(b"others")
    assert call("push", "net", "shell/there:v2")[0] == 4


def test_doctor_tries_the_way_there_and_back_and_leaves_nothing(call):
    status, out, _ = call("doctor", "shell-doctor", "--json")
    assert status == 0
    checks = [found["check"] for found in lines(out)]
    assert checks == ["address", "service", "stores", "clock", "token", "upload", "download"]
    assert call("ls", "shell-doctor")[1:] == ("", "Nothing found.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["info", "shell/none"], 3, "weighthouse: "),
        (["info", "shell"], 2, "weighthouse info --help"),
        (["frobnicate"], 2, "No such command"),
        (["ls", "shell", "--url", "ftp://x"], 2, "it must be like https://"),
        (["set", "shell/net", "acuracy=1"], 2, "there is no field 'acuracy'"),
        (["set", "shell/net", "test_accuracy=high"], 2, "it must be a number"),
        (["set", "shell/net", "test_accuracy=12e4567"], 2, 'test_accuracy is "12e4567"; it must be a number'),
        (["set", "shell/net", 'custom_metadata={"a": 1e999}'], 2, "it must be JSON"),
    ],
)
def test_an_error_is_one_line_and_a_status(call, arguments, status, said):
    found, out, err = call(*arguments)
    assert (found, out, err.count("\n")) == (status, "", 1)
    assert said in err
    found, out, err = call(*arguments, "--json")
    assert (found, out) == (status, "")
    assert json.loads(err)["error"]["exit_status"] == status


def test_a_service_that_asks_nobody_needs_no_token(call, service, monkeypatch):
    monkeypatch.delenv("WEIGHTHOUSE_URL")
    status, out, _ = call("login", service.url)
    assert status == 0
    assert "no token is needed" in out
    assert call("versions", "shell/none")[2].startswith("weighthouse: "), "the address is kept"
    assert "forgotten" in call("logout")[1]


def test_every_command_has_the_help_that_the_list_of_commands_shows():
    for commands in each(SECTIONS.values()):
        for name, (_, text) in each(commands.items()):
            command = app.get_command(None, name)
            assert command.help.splitlines()[0] == text


def test_help_imports_nothing_that_takes_long():
    script = "import sys; sys.argv = ['weighthouse', '--help']\nfrom weighthouse.cli import main\n" + (
        "try: main()\nexcept SystemExit: print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "push " in ran.stdout
    assert {"rich", "urllib3", "yaml", "json.tool", "asyncio"} & set(ran.stdout.split()) == set()


def test_a_reader_that_has_gone_ends_it_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = subprocess.run(
            [sys.executable, "-m", "weighthouse", "--help"], stdout=pipe, stderr=subprocess.PIPE
        )
    assert (ran.returncode, ran.stderr) == (1, b"")
