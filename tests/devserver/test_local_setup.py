"""What `make run` does before it serves: options, the data folder, which AWS, which Python."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.settings import settings
from devserver import folder as folders
from devserver import install
from devserver.console import Halt
from devserver.credentials import keys_of
from devserver.environment import Stores, apply_defaults, check_authentication, use_emulator
from devserver.folder import Folder
from devserver.options import Options, listen
from devserver.signatures import Keys

ROOT = Path(install.__file__).parent.parent
HOLD = "import sys; from pathlib import Path; from devserver.folder import Folder; Folder(Path(sys.argv[1]))"


def test_options_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert Options.from_environment() == Options(8000, Path.cwd() / ".data")


def test_allowed_hosts_are_names_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " Models.example.org, models.lan:8443,,[fe80::1]")
    names = {"models.example.org", "models.lan:8443", "[fe80::1]"}
    assert Options.from_environment().allowed_hosts == names


@pytest.mark.parametrize("hosts", ["*", "https://models.example.org", "models.lan/", "a b", "a;b"])
def test_what_is_no_host_is_told(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)
    with pytest.raises(Halt, match="ALLOWED_HOSTS has"):
        Options.from_environment()


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8000 "])
def test_a_port_is_a_number(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(Halt, match="must be a number from 0 to 65535"):
        Options.from_environment()


def test_a_taken_port_is_named_with_another_one() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Halt, match=f"Port {port} is taken by another program.*PORT={port + 1}"):
            listen(port)


def test_a_port_is_taken_when_it_is_on_all_addresses() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Halt, match="is taken"):
            listen(port)


def test_no_answer_waits_for_an_acknowledgement() -> None:
    async def accepted() -> bool:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()

        listener = listen(0)
        async with await asyncio.start_server(tell, sock=listener):
            with socket.create_connection(listener.getsockname()):
                return bool(await told)

    assert asyncio.run(accepted())


def held(path: Path) -> "subprocess.Popen[bytes]":
    """A process that holds a data folder until its standard input ends."""
    code = f"{HOLD}; print('held', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_folder_in_use_is_refused_with_its_user(tmp_path: Path) -> None:
    with held(tmp_path) as process, pytest.raises(Halt, match=f"in use by process {process.pid}: stop"):
        Folder(tmp_path)


def test_a_folder_is_waited_for_while_its_emulator_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(tmp_path) as process:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / "users.json").write_text(json.dumps({"server": gone.pid}))
        # The first look finds the folder locked by a process that is no server: it lets go then.
        monkeypatch.setattr(folders.time, "sleep", lambda _: process.stdin and process.communicate())
        Folder(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Halt, match="cannot be used"):
        Folder(file)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_data_folder_is_its_users_alone(tmp_path: Path) -> None:
    new, empty, ours = (tmp_path / name for name in ("new/data", "empty", "ours"))
    for path in (empty, ours):
        path.mkdir()
        path.chmod(0o777)
    (ours / "lock").touch()
    (ours / "objects").mkdir()
    for path in (new, empty, ours):
        Folder(path)
        assert mode(path) == 0o700


def test_a_folder_that_others_share_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "theirs").touch()
    with pytest.raises(Halt, match=f"open to other users and has other things in it.*chmod 700 {tmp_path}"):
        Folder(tmp_path)
    assert mode(tmp_path) == 0o755
    assert [file.name for file in tmp_path.iterdir()] == ["theirs"]
    tmp_path.chmod(0o700)
    Folder(tmp_path)


def test_a_folder_that_only_another_user_can_close_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    tmp_path.chmod(0o777)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(Halt, match="only its owner can close it"):
        Folder(tmp_path)


def test_the_stand_ins_keys_are_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        keys = keys_of(tmp_path)
    finally:
        os.umask(umask)
    assert keys_of(tmp_path) == keys
    assert [(file.name, mode(file)) for file in tmp_path.iterdir()] == [("credentials.json", 0o600)]
    (tmp_path / "other").mkdir()
    assert keys_of(tmp_path / "other") != keys


@pytest.mark.parametrize("text", ["", "{", "[]", '{"access_key": "a"}'])
def test_keys_that_can_not_be_read_are_made_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(text)
    (tmp_path / "credentials.new").write_text("cut short")
    keys = keys_of(tmp_path)
    assert keys_of(tmp_path) == keys


def test_only_tables_of_a_clean_stop_are_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.tables.mkdir()
    for name in ("dynamodb.json", "dynamodb.json.tmp", "sqs.json", "s3.json"):
        (folder.tables / name).touch()
    folder.prepare()
    assert [file.name for file in folder.tables.iterdir()] == ["dynamodb.json"]
    folder.use_snapshot()
    assert list(folder.tables.iterdir()) == []


def test_a_rebuild_that_was_cut_short_is_known(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert not folder.rebuilding
    folder.rebuilding = True
    assert folder.rebuilding
    folder.rebuilding = False
    assert not folder.rebuilding


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", Stores(embedded_s3=True, embedded_dynamodb=True, queue=True)),
        ("AWS_ENDPOINT_URL", Stores(embedded_s3=False, embedded_dynamodb=False, queue=True)),
        ("AWS_ENDPOINT_URL_S3", Stores(embedded_s3=False, embedded_dynamodb=True, queue=False)),
        ("AWS_ENDPOINT_URL_DYNAMODB", Stores(embedded_s3=True, embedded_dynamodb=False, queue=True)),
        (
            "AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3",
            Stores(embedded_s3=False, embedded_dynamodb=False, queue=False),
        ),
    ],
)
def test_what_is_named_is_not_embedded(given: str, expected: Stores) -> None:
    assert Stores.named_by(dict.fromkeys(given.split(), "http://x")) == expected


def test_real_keys_never_go_to_the_emulator() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "real", "AWS_PROFILE": "work", "AWS_REGION": "eu-west-1"}
    apply_defaults(environment)
    use_emulator(environment, Stores.named_by({}), "http://127.0.0.1:1", Keys("ours", "secret"))
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) == ("ours", "secret")
    assert environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "AWS_PROFILE" not in environment
    for service in ("S3", "DYNAMODB", "SQS"):
        assert environment[f"AWS_ENDPOINT_URL_{service}"] == "http://127.0.0.1:1"


def test_keys_for_a_store_that_is_named_stay() -> None:
    environment = {"AWS_ENDPOINT_URL_S3": "http://s3", "AWS_ACCESS_KEY_ID": "mine"}
    apply_defaults(environment)
    use_emulator(environment, Stores.named_by(environment), "http://127.0.0.1:1", Keys("ours", "secret"))
    assert environment["AWS_ACCESS_KEY_ID"] == "mine"
    assert environment["AWS_ENDPOINT_URL_S3"] == "http://s3"
    assert environment["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:1"


def test_limits_are_wide_where_no_gateway_stands_in_the_way() -> None:
    environment = {"WEIGHTHOUSE_FORM_LIMIT": "7", "NO_PROXY": "intern"}
    apply_defaults(environment)
    assert environment["WEIGHTHOUSE_FORM_LIMIT"] == "7"
    assert environment["WEIGHTHOUSE_INLINE_LIMIT"] == "104857600"
    assert environment["WEIGHTHOUSE_REQUEST_VERIFY_LIMIT"] == "1073741824"
    assert environment["NO_PROXY"] == "intern,127.0.0.1,localhost"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"WEIGHTHOUSE_AUTH": "jwt"}, "needs WEIGHTHOUSE_JWT_ISSUER"),
        ({"WEIGHTHOUSE_AUTH": "iam"}, "needs API Gateway, which checks signatures"),
        ({"WEIGHTHOUSE_AUTH": "basic"}, "must be one of none, jwt, iam"),
    ],
)
def test_a_way_to_know_callers_that_can_not_work_is_told_at_the_start(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    try:
        with pytest.raises(Halt, match=said):
            check_authentication()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    check_authentication()


def python(path: Path, name: str, code: str) -> None:
    """A Python of another version, as far as `python.sh` can tell."""
    file = path / name
    file.write_text(f"#!{sys.executable}\nimport sys\n{code}\nexec(sys.argv[2])\n")
    file.chmod(0o755)


def found_python(path: Path) -> "subprocess.CompletedProcess[str]":
    (path / "sh").symlink_to("/bin/sh")
    return subprocess.run(
        ["sh", ROOT / "devserver/python.sh"], env={"PATH": str(path)}, capture_output=True, text=True
    )


OLD = "sys.version_info = (3, 9)"
NEW = "sys.version_info = (3, 12)"


def test_the_first_python_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    python(tmp_path, "python3", OLD)
    python(tmp_path, "python3.12", NEW)
    assert found_python(tmp_path).stdout == "python3.12\n"


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    python(tmp_path, "python3", OLD)
    result = found_python(tmp_path)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer; found only: 3.9." in result.stderr


def test_a_python_without_venv_is_told_from_none(tmp_path: Path) -> None:
    assert "there is no python3 here" in found_python(tmp_path).stderr
    (tmp_path / "sh").unlink()
    python(tmp_path, "python3", f"{NEW}\nsys.modules['ensurepip'] = None")
    assert "sudo apt install python3.12-venv" in found_python(tmp_path).stderr


def test_an_environment_that_is_up_to_date_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []

    def run(command: list[str | Path], **_: object) -> "subprocess.CompletedProcess[bytes]":
        commands.append(" ".join(map(str, command[3:])))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(install.subprocess, "run", run)
    lock, stamp, project = tmp_path / "lock.txt", tmp_path / "stamp", tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").touch()
    lock.write_text("a==1 --hash=sha256:0\n")
    install.install(tmp_path, lock, stamp, project)
    installed = [command for command in commands if command.startswith("install")]
    assert [command for command in installed if "--no-deps" not in command] == []
    assert "--require-hashes --only-binary=:all:" in installed[0]
    assert f"--no-build-isolation --editable {project}" in installed[1]
    commands.clear()
    install.install(tmp_path, lock, stamp, project)
    assert commands == ["--version"]
    for changed in (lock, project / "pyproject.toml"):
        commands.clear()
        os.utime(changed, (stamp.stat().st_mtime + 1,) * 2)
        install.install(tmp_path, lock, stamp, project)
        assert len(commands) == 3
        os.utime(changed, (0, 0))
