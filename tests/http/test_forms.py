"""multipart/form-data as browsers, curl, requests and older libraries send it, and everything broken."""

import json

import pytest
import requests
from events import Reply, call
from hypothesis import given
from hypothesis import strategies as st
from sample import APP, Fields

from chalicelib.http.forms import FormUpload
from chalicelib.http.gateway import Weighthouse
from chalicelib.http.operations import Operation, operation
from chalicelib.settings import settings

FILE = b'Content-Disposition: form-data; name="file"; filename="model.pkl"\r\n\r\nabc'
NAME = b'Content-Disposition: form-data; name="name"\r\n\r\nn'


def text(name: str, value: bytes | str, header: str = "") -> bytes:
    value = value if isinstance(value, bytes) else value.encode()
    return f'Content-Disposition: form-data; name="{name}"\r\n{header}\r\n'.encode() + value


def form(*parts: bytes, boundary: str = "XX") -> bytes:
    mark = boundary.encode()
    return b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + mark + b"--\r\n"


def post(
    body: bytes, content_type: str = "multipart/form-data; boundary=XX", app: Weighthouse = APP
) -> Reply:
    return call(app, "POST", "/things", body=body, headers={"Content-Type": content_type})


def post_file(disposition: str | bytes, more: bytes = b"") -> Reply:
    raw = disposition if isinstance(disposition, bytes) else disposition.encode()
    header = b'Content-Disposition: form-data; name="file"; ' + raw + b"\r\n" + more
    return post(form(NAME, header + b"\r\nabc"))


def test_fields_and_file_arrive():
    parts = [
        FILE,
        text("name", "é"),
        text("count", "7"),
        text("loss", ".5"),
        text("flag", "No"),
        text("shape", "1,3"),
        text("tags", " a, b,,"),
        text("custom_metadata", '{"a": [1]}'),
        text("kind", ""),
    ]
    reply = post(form(*parts)).json()
    assert (reply["filename"], reply["size"], reply["content_type"]) == ("model.pkl", 3, None)
    fields = reply["fields"]
    assert (fields["name"], fields["count"], fields["loss"], fields["flag"]) == ("é", 7, 0.5, False)
    assert (fields["shape"], fields["tags"], fields["kind"]) == ([1, 3], ["a", "b"], "cat")
    assert fields["custom_metadata"] == {"a": [1]}


def test_lists_can_be_json():
    fields = post(form(FILE, NAME, text("shape", "[1, 2]"), text("tags", ' ["a,b"]'))).json()["fields"]
    assert (fields["shape"], fields["tags"]) == ([1, 2], ["a,b"])


CONTENT: list[FormUpload[Fields]] = []
_operations: list[Operation] = []


@operation("POST", "/things", scope=None, form=Fields, file_field="file", answers={}, into=_operations)
def keep(body: FormUpload[Fields]) -> None:
    """Keeps what arrives."""
    CONTENT[:] = [body]


KEEPER = Weighthouse(app_name="keeper")
KEEPER.register(_operations)

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), min_size=1).filter(
    lambda name: "\\" not in name and name != '"'
)


@given(st.binary(), NAMES, st.text())
def test_what_requests_sends_arrives_whatever_it_is(content, filename, name):
    prepared = requests.Request(
        "POST", "http://x", data={"name": (name[:10] or "n")}, files={"file": (filename, content, "a/b")}
    ).prepare()
    reply = post(prepared.body, prepared.headers["Content-Type"], KEEPER)
    assert reply.status == 200, reply.body
    [upload] = CONTENT
    assert upload.data == content
    assert upload.filename == filename.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
    assert upload.content_type == "a/b"
    assert upload.fields.name == (name[:10] or "n")


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="a b.pkl"', "a b.pkl"),
        ("filename=plain.pkl", "plain.pkl"),
        ('filename="gewicht-ä✓.pkl"', "gewicht-ä✓.pkl"),  # browsers, curl, httpx: raw UTF-8
        ('filename="a%22b%0D%0A.pkl"', 'a"b\r\n.pkl'),  # browsers, curl since 7.81
        ('filename="a\\"b.pkl"', 'a"b.pkl'),  # older curl
        ('filename="100%25.pkl"', "100%25.pkl"),  # only %22, %0D and %0A stand for something
        ('filename="C:\\models\\a.pkl"', "a.pkl"),  # old browsers on Windows
        ('filename="dir/a.pkl"', "dir/a.pkl"),
        ("filename*=utf-8''na%C3%AFve.pkl", "naïve.pkl"),  # urllib3 1
        ("filename*=UTF-8'en'a%20b.pkl; filename=\"a.pkl\"", "a b.pkl"),
        ("filename=\"a.pkl\"; filename*=iso-8859-1''%E9.pkl", "é.pkl"),
        ("filename=\"a; filename*=utf-8''b\"", "a; filename*=utf-8''b"),
    ],
)
def test_file_names_of_all_kinds_of_clients(disposition, filename):
    assert post_file(disposition).json()["filename"] == filename


@pytest.mark.parametrize(
    ("disposition", "said"),
    [
        (b'filename="\xff.pkl"', "The body is not valid multipart/form-data"),
        ("filename*=utf-8''%FF.pkl", "file: its filename '%FF.pkl' is not utf-8"),
        ('filename=""', "file is required"),
        ("size=3", "file must be a file with a filename (curl: -F file=@path)"),
    ],
)
def test_file_names_that_are_none(disposition, said):
    reply = post_file(disposition)
    assert reply.status == 400
    assert reply.detail.startswith(said)


@pytest.mark.parametrize(("sent", "arrives"), [("Text/Plain; charset=x", "text/plain"), ("a/b", "a/b")])
def test_the_content_type_of_the_file_arrives(sent, arrives):
    assert post_file('filename="a"', f"Content-Type: {sent}\r\n".encode()).json()["content_type"] == arrives


@pytest.mark.parametrize("sent", ["/", "binary", "a/é", "a/b/c", "a/" + "b" * 200])
def test_a_content_type_that_is_none_is_refused(sent):
    detail = post_file('filename="a"', f"Content-Type: {sent}\r\n".encode()).detail
    assert detail.startswith("Content-Type of file: ")
    assert detail.endswith("it must be text such as application/octet-stream")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([FILE], "name is required"),
        ([NAME], "file is required: send the file's content under this name"),
        ([FILE, NAME, NAME], "name is given more than once; give it once"),
        ([FILE, NAME, FILE], "file is given more than once; give it once"),
        ([FILE, NAME, text("foo", "1")], "Unknown field 'foo'; known fields are file, name, kind"),
        ([FILE, text("name", "")], "name is required"),
        ([FILE, NAME, text("count", "many")], "count: 'many' is not allowed; it must be a whole number"),
        ([FILE, NAME, text("flag", "maybe")], "flag: 'maybe' is not allowed; it must be true or false"),
        ([FILE, NAME, text("loss", "nan")], "loss: 'nan' is not allowed; it must be a finite number"),
        (
            [FILE, NAME, text("custom_metadata", "{")],
            "custom_metadata: '{' is not allowed; it must be a JSON",
        ),
        (
            [FILE, NAME, text("custom_metadata", '{"a":' * 200 + "1" + "}" * 200)],
            "custom_metadata nests too deeply",
        ),
        ([FILE, NAME, text("custom_metadata", '{"a":' * 99_999)], "custom_metadata: "),
        ([FILE, text("name", b"\xff")], "name is not valid UTF-8"),
        (
            [FILE, text("name", "n", "Content-Type: text/plain; charset=utf-7\r\n")],
            "name: charset 'utf-7' is not",
        ),
        ([FILE, NAME, text("tags", "a" * 1_100_000)], "tags has 1,100,000 bytes; it may have 1,048,576"),
    ],
)
def test_a_wrong_part_is_named(parts, said):
    reply = post(form(*parts))
    assert reply.status == 400
    assert reply.detail.startswith(said)


def test_a_text_part_may_name_its_charset():
    latin = text("name", b"\xe9", "Content-Type: text/plain; charset=ISO-8859-1\r\n")
    assert post(form(FILE, latin)).json()["fields"]["name"] == "é"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=XX"),
        (form(FILE, NAME), "multipart/form-data"),
        (form(FILE, NAME), "multipart/form-data; boundary=YY"),
        (form(FILE, NAME)[:-4], "multipart/form-data; boundary=XX"),
        (form(FILE, NAME).replace(b"\r\n", b"\n"), "multipart/form-data; boundary=XX"),
        (form(b"no header"), "multipart/form-data; boundary=XX"),
        (form(b"Content-Disposition: attachment; name=a\r\n\r\nx"), "multipart/form-data; boundary=XX"),
        (form(b"Content-Disposition: form-data\r\n\r\nx"), "multipart/form-data; boundary=XX"),
        (form(b"X: " + b"y" * 10_000 + b"\r\n" + FILE), "multipart/form-data; boundary=XX"),
        (form(b"X: y\r\n" * 20 + FILE), "multipart/form-data; boundary=XX"),
        (form(*(text(f"f{at}", "x") for at in range(200))), "multipart/form-data; boundary=XX"),
    ],
)
def test_a_broken_form_is_refused(body, content_type):
    reply = post(body, content_type)
    assert reply.status == 400
    assert reply.detail.startswith(("The body is not valid multipart/form-data: ", "Unknown field 'f0'"))


def test_text_around_the_parts_is_passed_over():
    assert post(b"preamble\r\n" + form(FILE, NAME) + b"epilogue").json()["size"] == 3


def test_content_that_looks_like_a_boundary_is_content():
    content = b"\r\n--X\r\n--\r\n\r\n--XX\x00"[:-3] + b"\r\n--"
    header = b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    assert post(form(NAME, header + content)).json()["size"] == len(content)


def test_a_form_above_the_limit_is_413_and_names_the_limit_and_the_other_way(monkeypatch):
    body = form(FILE, NAME)
    monkeypatch.setenv("WEIGHTHOUSE_FORM_LIMIT", str(len(body)))
    settings.cache_clear()
    try:
        assert post(body).status == 200
        reply = post(body + b" ")
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert reply.status == 413
    assert f"{len(body):,}" in reply.detail
    assert reply.detail.endswith(
        "POST the same fields as application/json with filename in place of file to /things; "
        "it answers with an upload plan of any size"
    )


VALID = form(FILE, NAME, text("custom_metadata", json.dumps({"a": "é"})))


@given(st.binary(max_size=30), st.integers(0, len(VALID)), st.integers(0, 20))
def test_no_bytes_are_a_server_error(noise, at, gone):
    assert post(VALID[:at] + noise + VALID[at + gone :]).status in (200, 400)


@given(st.text())
def test_no_boundary_is_a_server_error(boundary):
    assert post(VALID, f"multipart/form-data; boundary={boundary}").status in (200, 400)


@given(st.text(), st.binary())
def test_no_header_of_a_part_is_a_server_error(disposition, more):
    assert post_file(disposition.encode("utf-8", "replace"), more).status in (200, 400)
