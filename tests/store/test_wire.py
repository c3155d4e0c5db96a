"""Lean requests to a store that answers as it is told: tried again, gone on with, refused."""

import hashlib
import random
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from chalicelib.settings import settings
from chalicelib.store import bucket, multipart, objects, wire
from chalicelib.store.bucket import ObjectChanged, ObjectMissing
from chalicelib.telemetry.records import Record, current

CONTENT = bytes(range(256)) * 1_000


class Script:
    """What the store does with one request after the other, and what it was asked."""

    def __init__(self) -> None:
        self.answers: deque[tuple[int, dict[str, str], bytes]] = deque()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def will(self, status: int, body: bytes = b"", sent: int | None = None, **headers: str) -> None:
        """Answers so; with `sent` the connection is closed after so many bytes of the body."""
        length = {"Content-Length": str(len(body))}
        self.answers.append((status, {"ETag": '"e"', **length, **headers}, body[:sent]))

    def refuses(self, status: int, code: str) -> None:
        self.will(status, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.script.asked.append((self.command, self.path, headers, body))
        status, answer, content = self.script.answers.popleft()
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in answer.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = len(content) != int(answer["Content-Length"])

    do_GET = do_PUT = _answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    script = Script()
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(wire, "_BASE", 0.0)
    made = (settings, bucket.session, bucket.client, bucket.signer, wire.pool)
    for cached in made:
        cached.cache_clear()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        for cached in made:
            cached.cache_clear()


def test_a_request_is_counted_once_however_often_it_was_tried(store: Script) -> None:
    """botocore tells of a call in its own words, retries included; so do these."""
    record = Record("api", "1")
    before = current.set(record)
    try:
        store.refuses(503, "SlowDown")
        store.will(200)
        objects.put("k", CONTENT)
        for _ in range(2):
            store.will(200, b"<CopyPartResult><ETag>e</ETag></CopyPartResult>")
        multipart.upload_part("k", "id", 1, [b"x"], 1, checksum=False)
        multipart.copy_part("k", "id", 1, "other", '"e"', 0, 5)
        store.will(200, CONTENT)
        objects.get("k")
    finally:
        current.reset(before)
    calls = {name: count for name, (count, _) in record.calls.items()}
    assert calls == {"PutObject": 1, "UploadPart": 1, "UploadPartCopy": 1, "GetObject": 1}


class TestAttempts:
    @pytest.mark.parametrize(
        ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (400, "RequestTimeout")]
    )
    def test_what_may_pass_is_tried_again(self, store: Script, status: int, code: str) -> None:
        store.refuses(status, code)
        store.refuses(status, code)
        store.will(200)
        assert objects.put("k", CONTENT) == '"e"'
        assert [body for *_, body in store.asked] == [CONTENT] * 3

    def test_a_connection_that_breaks_before_the_answer_is_made_again(self, store: Script) -> None:
        store.will(0)
        store.will(200)
        objects.put("k", b"x")
        assert len(store.asked) == 2

    def test_five_attempts_and_no_more(self, store: Script) -> None:
        for _ in range(6):
            store.refuses(503, "SlowDown")
        with pytest.raises(ClientError) as caught:
            objects.put("k", b"x")
        assert caught.value.response["Error"]["Code"] == "SlowDown"
        assert len(store.asked) == 5

    def test_a_store_that_is_away_is_out_of_reach(self, store: Script) -> None:
        for _ in range(5):
            store.will(0)
        with pytest.raises(wire.OutOfReach):
            objects.put("k", b"x")

    @pytest.mark.parametrize(
        ("status", "code", "error"),
        [
            (404, "NoSuchKey", ObjectMissing),
            (404, "NoSuchUpload", ObjectMissing),
            (412, "PreconditionFailed", ObjectChanged),
            (403, "AccessDenied", ClientError),
        ],
    )
    def test_what_is_refused_is_refused_once(
        self, store: Script, status: int, code: str, error: type[Exception]
    ) -> None:
        store.refuses(status, code)
        with pytest.raises(error):
            list(objects.stream("k", etag='"other"'))
        assert len(store.asked) == 1
        assert store.asked[0][2]["if-match"] == '"other"'

    @pytest.mark.parametrize("sent", [0, 1, 90])
    def test_a_list_that_breaks_off_is_asked_for_again(self, store: Script, sent: int) -> None:
        when = b"<LastModified>2026-01-01T00:00:00Z</LastModified>"
        part = b"<Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>5</Size>%s</Part>" % when
        found = b"<ListPartsResult>%s<IsTruncated>false</IsTruncated></ListPartsResult>" % part
        store.will(200, found, sent=sent)
        store.will(200, found)
        assert [part.number for part in multipart.list_parts("k", "id", 1)] == [1]
        assert len(store.asked) == 2

    @pytest.mark.parametrize("sent", [0, 1, 30])
    def test_an_error_that_breaks_off_is_asked_for_again(self, store: Script, sent: int) -> None:
        refused = b"<Error><Code>NoSuchUpload</Code><Message>m</Message></Error>"
        store.will(404, refused, sent=sent)
        store.will(404, refused)
        with pytest.raises(ObjectMissing):
            multipart.list_parts("k", "id", 1)
        assert len(store.asked) == 2

    def test_a_part_in_pieces_is_sent_again_whole(self, store: Script) -> None:
        store.will(0)
        store.will(200)
        part = multipart.upload_part("k", "id", 3, [b"ab", b"cde"], 5)
        assert (part.number, part.size, part.etag) == (3, 5, '"e"')
        assert [body for *_, body in store.asked] == [b"abcde"] * 2
        assert "partNumber=3&uploadId=id" in store.asked[0][1]

    def test_a_copy_that_fails_after_its_answer_has_begun_is_tried_again(self, store: Script) -> None:
        store.refuses(200, "InternalError")
        store.will(200, b"<CopyPartResult><ETag>&quot;c&quot;</ETag></CopyPartResult>")
        part = multipart.copy_part("k", "id", 1, "a b", '"s"', 10, 5)
        assert part.etag == '"c"'
        headers = store.asked[1][2]
        assert headers["x-amz-copy-source"] == "weighthouse/a%20b"
        assert headers["x-amz-copy-source-range"] == "bytes=10-14"
        assert headers["x-amz-copy-source-if-match"] == '"s"'

    @pytest.mark.parametrize(
        "before",
        [
            b"",
            b'<?xml version="1.0" encoding="UTF-8"?>\n',
            b'\xef\xbb\xbf<?xml version="1.0"?>',
            b'<?xml version="1.0" encoding="UTF-8"?>\n\n   \n  \n',
            b" \n ",
        ],
    )
    @pytest.mark.parametrize("root", [b"<Error>", b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'])
    def test_every_way_in_which_a_copy_can_say_that_it_failed(
        self, store: Script, before: bytes, root: bytes
    ) -> None:
        failed = b"%s%s<Code>NoSuchKey</Code></Error>" % (before, root)
        for copy in (
            lambda: multipart.copy_part("k", "id", 1, "s", '"s"', 0, 5),
            lambda: objects.copy("s", '"s"', "k", "a/b"),
        ):
            for _ in range(wire.ATTEMPTS):
                store.will(200, failed)
            with pytest.raises(ObjectMissing):
                copy()
            store.answers.clear()

    def test_a_copy_whose_result_only_speaks_of_errors_has_succeeded(self, store: Script) -> None:
        store.will(200, b'<CopyPartResult><ETag>"c"</ETag><Note><Error>none</Error></Note></CopyPartResult>')
        assert multipart.copy_part("k", "id", 1, "s", '"s"', 0, 5).etag == '"c"'


@pytest.mark.parametrize(
    "content",
    [b"<Error>", b"<Error><Code>InternalError</Code></Error>", b'{"description": "<Error>"}', b"x<Error>"],
)
def test_content_that_looks_like_a_failure_is_content(store: Script, content: bytes) -> None:
    store.will(200, content)
    assert objects.get("k") == content
    store.will(200, content)
    assert b"".join(objects.stream("k")) == content
    store.will(200, content)
    assert objects.put("k", content) == '"e"'
    assert len(store.asked) == 3


class TestConditionalWrites:
    CONDITIONS = [(None, ("if-none-match", "*")), ('"other"', ("if-match", '"other"'))]  # noqa: RUF012

    @pytest.mark.parametrize(("etag", "sent"), CONDITIONS)
    def test_the_condition_is_sent_with_each_attempt(
        self, store: Script, etag: str | None, sent: tuple[str, str]
    ) -> None:
        store.refuses(503, "SlowDown")
        store.will(200)
        assert objects.put_over("k", b"x", etag, content_type="a/b") == '"e"'
        assert [headers.get(sent[0]) for _, _, headers, _ in store.asked] == [sent[1]] * 2

    @pytest.mark.parametrize(("etag", "sent"), CONDITIONS)
    def test_an_attempt_whose_answer_was_lost_has_written(
        self, store: Script, etag: str | None, sent: tuple[str, str]
    ) -> None:
        store.will(0)
        store.refuses(412, "PreconditionFailed")
        store.will(200, b"x")
        assert objects.put_over("k", b"x", etag, content_type="a/b") == '"e"'
        assert [method for method, *_ in store.asked] == ["PUT", "PUT", "GET"]

    @pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
    def test_what_somebody_else_has_written_stays(self, store: Script, code: str) -> None:
        store.refuses(412 if code == "PreconditionFailed" else 409, code)
        store.will(200, b"theirs")
        with pytest.raises(ObjectChanged):
            objects.put_over("k", b"x", None, content_type="a/b")

    def test_what_was_removed_since_is_said_to_have_changed(self, store: Script) -> None:
        store.refuses(412, "PreconditionFailed")
        store.refuses(404, "NoSuchKey")
        with pytest.raises(ObjectChanged):
            objects.put_over("k", b"x", '"other"', content_type="a/b")

    def test_what_is_gone_is_missing(self, store: Script) -> None:
        store.refuses(404, "NoSuchKey")
        with pytest.raises(ObjectMissing):
            objects.put_over("k", b"x", '"other"', content_type="a/b")


class TestBrokenDownloads:
    def test_a_download_goes_on_where_it_broke(self, store: Script) -> None:
        store.will(200, CONTENT, sent=100_000)
        store.will(206, CONTENT[100_000:], sent=50_000)
        store.will(206, CONTENT[150_000:])
        assert b"".join(objects.stream("k")) == CONTENT
        asked = [(headers.get("range"), headers.get("if-match")) for _, _, headers, _ in store.asked]
        last = len(CONTENT) - 1
        assert asked == [(None, None), (f"bytes=100000-{last}", '"e"'), (f"bytes=150000-{last}", '"e"')]

    def test_a_range_goes_on_within_it(self, store: Script) -> None:
        store.will(206, CONTENT[10:110], sent=40)
        store.will(206, CONTENT[50:110])
        assert b"".join(objects.stream("k", offset=10, length=100, etag='"e"')) == CONTENT[10:110]
        assert store.asked[1][2]["range"] == "bytes=50-109"

    def test_another_object_in_its_place_is_noticed(self, store: Script) -> None:
        store.will(200, CONTENT, sent=1_000)
        store.refuses(412, "PreconditionFailed")
        with pytest.raises(ObjectChanged):
            list(objects.stream("k"))

    def test_one_that_breaks_again_and_again_is_given_up(self, store: Script) -> None:
        for _ in range(5):
            store.will(206, CONTENT[:9], sent=0)
        with pytest.raises(wire.OutOfReach):
            list(objects.stream("k", length=9))

    def test_what_is_not_read_to_its_end_leaves_no_connection_behind(self, store: Script) -> None:
        store.will(200, CONTENT)
        store.will(200, CONTENT)
        chunks = objects.stream("k")
        assert next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert b"".join(objects.stream("k")) == CONTENT

    def test_an_empty_object(self, store: Script) -> None:
        store.will(200, b"")
        assert list(objects.stream("k")) == []


@pytest.mark.parametrize("size", [0, 1, 5_000_000, 9_000_001])
def test_an_object_is_hashed_as_it_is_read(store: Script, size: int) -> None:
    content = random.Random(size).randbytes(size)
    store.will(200, content, sent=size // 2)
    store.will(206, content[size // 2 :])
    told: list[int] = []
    digest = objects.digest("k", progress=told.append)
    assert digest == (hashlib.sha256(content).hexdigest(), zlib.crc32(content), size)
    assert sum(told) == size


def test_an_object_that_breaks_off_for_good_has_no_hash(store: Script) -> None:
    store.will(200, bytes(9_000_000), sent=6_000_000)
    for _ in range(5):
        store.refuses(503, "SlowDown")
    with pytest.raises(ClientError):
        objects.digest("k")
