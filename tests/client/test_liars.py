"""A registry that lies, in whatever it says, gets an error for it: no file, no token, no screen of its caller."""

import io
import itertools
import json

import pytest
from each import each
from liar import (
    ANSWERS,
    CONTENT,
    DOCUMENT,
    FILE,
    HOSTILE,
    MISSING,
    NAME,
    SERVICE,
    STATE,
    STORE,
    Liar,
    changed,
    places,
)

from weighthouse import Client, InvalidAnswer, InvalidInput, NotFound, Version, WeighthouseError
from weighthouse.answers import LARGEST, parse
from weighthouse.cli import showing
from weighthouse.cli.session import console
from weighthouse.patience import Patience, Transient
from weighthouse.transport import Transport


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Fails at the first failure, and never waits."""

    def once(self, attempt):
        try:
            return attempt()
        except Transient as failure:
            raise failure.cause from None

    monkeypatch.setattr(Patience, "keep_trying", once)
    monkeypatch.setattr(Patience, "wait", lambda self, seconds: None)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def lie(monkeypatch):
    """A client of a registry that says this in place of the truth."""

    def say(**said):
        liar = Liar(**said)
        monkeypatch.setattr("weighthouse.transport.Connections", lambda: liar)
        return Client(SERVICE, "wh_secret"), liar

    return say


@pytest.fixture
def home(tmp_path):
    """A folder with what nobody may touch, and a destination inside."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"mine")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.bin").write_bytes(CONTENT)
    (tmp_path / "net" / "tiny").write_bytes(b"123")
    return tmp_path


def outside(home):
    """All that is not the destination, the cache and the state."""
    own = {home / "to", home / "cache", home / "state"}
    return {
        str(path): path.read_bytes()
        for top in home.iterdir()
        if top not in own
        for path in [top, *top.rglob("*")]
        if path.is_file()
    }


def try_it(act):
    """Whether it worked; anything but an error of the client's own is a failure, and so is one that can't be shown."""
    try:
        act()
    except WeighthouseError:
        return False
    return True


SOME = [None, -1, 2**63, "../../outside/secret", []]
"""Values that are enough where each takes its time."""
USED = [value for value in HOSTILE if isinstance(value, str)]
"""Values that a file's name, hash or URL may have."""


def lies(name, values=HOSTILE):
    """Every place of an answer with every value in it."""
    for place, value in itertools.product(places(ANSWERS[name]), values):
        yield place, value, changed(ANSWERS[name], place, value)


def test_a_true_registry_is_believed(lie, home):
    client, _ = lie()
    assert client.pull("u", "m", directory=home / "to", cache=home / "cache").bytes_fetched == len(CONTENT)
    assert client.push(home / "net", "u", "n").version.version == "v1"
    assert client.open("u", "m", NAME).read() == CONTENT
    assert client.download_url("u", "m") == STORE
    assert client.delete("u", "m") == ["v1"]
    assert [version.name for version in client.models("u")] == ["M"]


def test_whatever_a_version_document_says_is_an_error_or_can_be_shown():
    screen = console(stderr=False)
    for place, value, document in each(lies("document")):
        screen.file = shown = io.StringIO()

        def show(document=document):
            version = Version.of(json.loads(json.dumps(document)))
            for part in showing._parts(version):
                screen.print(part)

        try_it(show)
        assert all(line.isprintable() for line in each(shown.getvalue().split("\n"))), (place, value)


def test_custom_metadata_may_nest_as_the_registry_lets_it_and_no_deeper():
    def nested(levels):
        value = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return {**DOCUMENT, "custom_metadata": value}

    assert Version.of(nested(100))
    with pytest.raises(InvalidAnswer, match="custom_metadata"):
        Version.of(nested(120))


@pytest.mark.parametrize("answer", ["listed", "linked"])
def test_whatever_a_list_of_files_says_nothing_outside_is_touched(lie, home, answer):
    before = outside(home)
    for number, (place, value, said) in each(enumerate(lies(answer, SOME + USED))):
        if value in USED and place[-1:] not in (
            ("filename",),
            ("file_hash",),
            ("crc32",),
            ("url",),
            ("next_token",),
        ):
            continue
        client, liar = lie(**{answer: said})
        to = home / "to" / str(number)
        worked = try_it(
            lambda client=client, to=to: client.pull("u", "m", "v1", directory=to, cache=home / "cache")
        )
        assert outside(home) == before, (place, value)
        if worked and (to / NAME).exists():
            assert (to / NAME).read_bytes() == CONTENT, (place, value)
        check_token(liar)


EVIL = "evil \x1b[31m\x07\u202egpj.exe\u2066\r\n\x9b2J\u200b"
"""A text that clears a screen, turns round and hides, where it reaches a terminal as it is."""


def evil(value):
    """A document with that in every text that is free to hold it."""
    fixed = {
        "user_id",
        "model_id",
        "version",
        "file_hash",
        "crc32",
        "created_at",
        "updated_at",
        "url",
        "next_token",
    }
    if isinstance(value, dict):
        return {key: value[key] if key in fixed else evil(value[key]) for key in value}
    if isinstance(value, list):
        return [evil(item) for item in value]
    return EVIL if isinstance(value, str) or value is None else value


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "u/m"],
        ["files", "u/m"],
        ["ls", "u"],
        ["versions", "u/m"],
        ["search", "u", "words"],
        ["diff", "u/m:v1", "v2"],
        ["set", "u/m", "+tag"],
        ["rm", "u/m", "--yes"],
        ["pull", "u/m", "to"],
        ["push", "net", "u/m"],
        ["info", "u/nothing"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("as_json", [False, True])
def test_no_text_of_a_registry_reaches_a_terminal_as_it_is(
    lie, home, command, monkeypatch, arguments, as_json
):
    texts = {"dependencies": [EVIL], "tags": [EVIL], "custom_metadata": {EVIL: EVIL, "list": [EVIL]}}
    numbers = {"input_shape": [1], "output_shape": None, "num_parameters": 7}
    measures = dict.fromkeys(
        ("training_accuracy", "validation_accuracy", "test_accuracy", "training_loss"), 0.5
    )
    document = {**evil({**DOCUMENT, **numbers}), **numbers, **measures, **texts}
    listed = {**ANSWERS["listed"], "files": [evil(FILE)]}
    page = {"models": [document, document], "next_token": None}
    _, liar = lie(document=document, versions=page, listed=listed, health={"service": EVIL, "detail": EVIL})
    if arguments[-1] == "u/nothing":
        monkeypatch.setattr(liar, "_answer", lambda *_: (404, {"detail": EVIL}, {"X-Request-Id": EVIL[:6]}))
    status, out, err = command(*arguments, "--url", SERVICE, *(["--json"] if as_json else []))
    refused = {"pull": 2, "push": 6}.get(arguments[0], 0)
    assert status == (3 if arguments[-1] == "u/nothing" else refused)
    assert "".join((out + err).split("\n")).isprintable()
    assert "exe" not in out or not as_json or out.isascii()


def check_token(liar):
    """Only the service itself may hear the token."""
    elsewhere = [(url, headers) for _, url, headers in liar.asked if not url.startswith(SERVICE + "/")]
    assert [
        url for url, headers in elsewhere if not url.startswith("https://") or "Authorization" in headers
    ] == []


@pytest.mark.parametrize("answer", ["plan", "state"])
def test_whatever_an_upload_says_a_push_ends_and_reads_no_other_file(lie, home, answer):
    before = outside(home)
    for place, value, said in each(lies(answer, SOME)):
        client, liar = lie(**{answer: said, "versions": MISSING})
        try_it(lambda client=client: client.push(home / "net", "u", "m", "next"))
        assert outside(home) == before, (place, value)
        check_token(liar)


def test_other_lies_are_errors(lie):
    for answer, act in (
        ("versions", lambda client: list(client.models("u"))),
        ("deleted", lambda client: client.delete("u", "m")),
        ("health", lambda client: client.health()),
        ("document", lambda client: client.open("u", "m", NAME)),
    ):
        places_of = list(places(ANSWERS[answer]))[:6]
        for place, value in itertools.product(places_of, HOSTILE):
            client, _ = lie(**{answer: changed(ANSWERS[answer], place, value)})
            try_it(lambda act=act, client=client: act(client))


def test_the_hash_of_a_file_never_becomes_a_path(lie, home):
    # What a cache had made of it: cache/..//././outside/secret, which it removed as an entry with other content.
    for sha256 in (
        "../../outside/secret",
        "../../outside/secret".ljust(64, "/"),
        "AB" * 32,
        "ab" * 31,
        "ab" * 33,
    ):
        said = {**ANSWERS["listed"], "files": [{**FILE, "file_hash": sha256}]}
        client, _ = lie(listed=said)
        with pytest.raises(InvalidAnswer, match="file_hash"):
            client.pull("u", "m", "v1", directory=home / "to", cache=home / "cache")
        assert (home / "outside" / "secret").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"files": NaN}',
        b'{"a": ' + b"9" * 10_000 + b"}",
        b" " * (LARGEST + 10),
    ],
)
def test_what_is_no_answer_at_all_is_an_error(lie, home, body):
    client, _ = lie(document=body, listed=body, versions=body, plan=body, health=body, deleted=body)
    for act in (
        lambda: client.get("u", "m"),
        lambda: list(client.files("u", "m")),
        lambda: list(client.versions("u", "m")),
        lambda: client.pull("u", "m", directory=home / "to"),
        lambda: client.push(home / "net", "u", "m"),
        client.health,
    ):
        with pytest.raises(WeighthouseError):
            act()


def test_no_more_of_an_answer_is_read_than_one_can_have(lie):
    client, _ = lie(document=b" " * LARGEST + json.dumps(DOCUMENT).encode())
    with pytest.raises(InvalidAnswer, match="more than"):
        client.get("u", "m")


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_is_no_answer(constant):
    with pytest.raises(ValueError, match="no number"):
        parse(b'{"passed over": ' + constant + b"}")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://store.example.org/object",
        "http://127.0.0.1:9/object",
        "ftp://store.example.org/object",
        "//store.example.org/object",
        "/object",
        "https:///object",
        "https://user:word@store.example.org/object",
        "https://store.example.org/ob ject",
        "https://store.example.org/\r\nHost: x",
        "https://store.example.org:99999/",
        "https://[::1/",
        "",
    ],
)
def test_a_url_of_another_kind_is_not_followed(lie, home, url):
    linked = {**ANSWERS["linked"], "files": [{**FILE, "url": url}]}
    client, liar = lie(location=url, linked=linked)
    for act in (
        lambda: client.download_url("u", "m"),
        lambda: client.pull("u", "m", "v1", directory=home / "to"),
        lambda: client.open("u", "m", NAME).read(),
    ):
        with pytest.raises(InvalidAnswer):
            act()
    assert [asked for _, asked, _ in liar.asked if not asked.startswith(SERVICE)] == []


def test_a_store_may_be_reached_by_plain_http_where_the_service_is():
    for service, url, allowed in (
        ("http://localhost:8000", "http://localhost:9000/x", True),
        ("http://10.0.0.7:8000", "http://10.0.0.7:9000/x", True),
        ("http://localhost:8000", "https://store.example.org/x", True),
        ("https://localhost:8000", "http://localhost:9000/x", False),
    ):
        transport = Transport(service, None)
        if allowed:
            transport._check(url)
        else:
            with pytest.raises(InvalidAnswer, match="https"):
                transport._check(url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_service_is_an_error_that_names_where_to(lie, monkeypatch, status):
    client, liar = lie()
    monkeypatch.setattr(
        liar, "_answer", lambda *_: (status, b"", {"Location": "https://other.example.org/ai-models?token=x"})
    )
    with pytest.raises(InvalidAnswer, match=r"redirects to https://other\.example\.org;"):
        client.get("u", "m")
    assert len(liar.asked) == 1


def test_an_error_of_any_size_and_kind_is_passed_on_short(lie, monkeypatch):
    client, liar = lie()
    for body in (json.dumps({"detail": "x" * 100_000}).encode(), b"[" * 50_000, b'["a"]', b"\xff"):
        monkeypatch.setattr(liar, "_answer", lambda *_, body=body: (404, body, {"Retry-After": "9" * 5000}))
        with pytest.raises(NotFound) as refused:
            client.get("u", "m")
        assert len(refused.value.detail) <= 2000
    monkeypatch.setattr(liar, "_answer", lambda *_: (503, b"", {"Retry-After": "9" * 5000}))
    with pytest.raises(WeighthouseError):
        client.get("u", "m")


def test_a_worker_that_says_nonsense_of_its_progress_is_an_error(lie, home):
    client, _ = lie(state={**STATE, "state": "verifying", "bytes_done": "many"}, versions=MISSING)
    with pytest.raises(InvalidAnswer, match="bytes_done"):
        client.push(home / "net", "u", "m")


@pytest.mark.parametrize("pair", [("a", "A"), ("a", "a/b"), ("é", "e\u0301")])
def test_files_of_one_place_are_refused_before_any_is_fetched(lie, home, pair):
    said = {**ANSWERS["listed"], "files": [{**FILE, "filename": name} for name in pair], "files_total": 2}
    client, _ = lie(listed=said)
    with pytest.raises(InvalidInput, match="one"):
        client.pull("u", "m", "v1", directory=home / "to")
    assert not (home / "to").exists()


def test_links_that_lie_in_the_destination_lead_no_write_outside(lie, home):
    to, target = home / "to", home / "outside"
    to.mkdir()
    client, _ = lie()
    (to / "sub").symlink_to(target)
    with pytest.raises(InvalidInput, match="symbolic link"):
        client.pull("u", "m", "v1", directory=to)
    (to / "sub").unlink()
    (to / "sub").mkdir()
    for name in ("model.bin", ".model.bin.weighthouse-part"):
        (to / "sub" / name).symlink_to(target / "secret")
    client.pull("u", "m", "v1", directory=to, force=True)
    (to / "sub" / "model.bin").unlink()
    (to / "sub" / ".model.bin.weighthouse-part").hardlink_to(target / "secret")
    client.pull("u", "m", "v1", directory=to)
    assert (to / "sub" / "model.bin").read_bytes() == CONTENT
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {"secret": b"mine"}
