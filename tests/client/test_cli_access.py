"""Logging in, and looking for what is wrong, where the service asks who is calling."""

import io
import json
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

TOKEN = "wh_right"


@pytest.fixture
def door():
    """A service that lets in who has the token; `said` is what it answers beside that, and can be changed."""
    said = {"health": {"service": "ok", "detail": None}, "date": None}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/health":
                self._answer(200, said["health"])
            elif self.headers["Authorization"] == f"Bearer {TOKEN}":
                self._answer(200, {"models": [], "next_token": None})
            else:
                self._answer(401, {"detail": "Send a token"})

        def _answer(self, status, body):
            self.send_response_only(status)
            self.send_header("Date", formatdate(said["date"], usegmt=True))
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said["url"] = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def log_in(door, command, monkeypatch):
    """Logs in with a token on standard input."""

    def log_in_by(token):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
        return command("login", door["url"])

    return log_in_by


def test_a_token_is_tried_and_then_kept_for_its_owner_alone(door, command, log_in, tmp_path):
    status, out, err = log_in(TOKEN)
    assert (status, err) == (0, "")
    assert TOKEN not in out
    (kept,) = tmp_path.rglob("login.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert command("ls", "ana")[0] == 0, "it is used from then on, with the address"
    assert command("logout")[0] == 0
    assert TOKEN not in kept.read_text()
    assert command("ls", "ana", "--url", door["url"])[0] == 5


def test_a_token_may_come_from_a_file_that_windows_made(log_in):
    assert log_in(f"\ufeff{TOKEN}\r")[0] == 0


@pytest.mark.parametrize(("token", "status"), [("wh_wrong", 5), ("", 2), ("two words", 2), ("a\x1b[31m", 2)])
def test_a_token_that_is_refused_is_not_kept(log_in, tmp_path, token, status):
    assert log_in(token)[0] == status
    assert not list(tmp_path.rglob("login.json"))


def test_who_is_not_known_is_told_how_to_log_in(door, command):
    status, _, err = command("ls", "ana", "--url", door["url"])
    assert status == 5
    assert (
        err
        == "weighthouse: Send a token; log in with `weighthouse login`, or set WEIGHTHOUSE_TOKEN and WEIGHTHOUSE_URL\n"
    )


def checks(out):
    return {found["check"]: found["ok"] for found in map(json.loads, out.splitlines())}


def test_doctor_tries_the_token(door, command, monkeypatch):
    status, out, _ = command("doctor", "--url", door["url"], "--json")
    assert (status, checks(out)["token"]) == (1, False)
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "wh_wrong")
    assert "WEIGHTHOUSE_TOKEN is not sent" in command("doctor", "--url", door["url"])[1]
    monkeypatch.setenv("WEIGHTHOUSE_URL", door["url"])
    assert "✗ token     that of WEIGHTHOUSE_TOKEN is refused" in command("doctor", "--url", door["url"])[1]
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", TOKEN)
    status, out, _ = command("doctor", "--url", door["url"], "--json")
    assert (status, checks(out)["token"], checks(out)["transfer"]) == (0, True, None)


def test_doctor_says_which_part_is_not_well(door, command):
    door["health"] = {"service": "unavailable", "detail": "The table can't be reached"}
    door["date"] = 1_000_000_000
    status, out, _ = command("doctor", "--url", door["url"])
    assert status == 1
    assert "✗ stores    The table can't be reached" in out
    assert "✗ clock     " in out
    door["health"] = {"service": "unavailable", "detail": "\x1b[2J\u202e"}
    assert r"✗ stores    \x1b[2J\u202e;" in command("doctor", "--url", door["url"])[1]
    door["health"] = ["another service"]
    status, out, _ = command("doctor", "--url", door["url"])
    assert (status, out.splitlines()[-1][:9]) == (1, "✗ service")


def test_doctor_says_that_nobody_answers(command):
    status, out, _ = command("doctor", "--url", "http://127.0.0.1:1", "--json")
    assert (status, checks(out)) == (1, {"address": True, "service": False})
