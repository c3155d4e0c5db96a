"""A file of the registry as Python's own libraries read it."""

import io
import json
import random
import struct
import threading
import zipfile

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from pretender import Pretender, once

from weighthouse import Client, ContentMismatch, NotFound
from weighthouse.pull.blocks import BLOCK, Blocks

MIB = 1 << 20
DATA = random.Random(2).randbytes(9 * MIB + 5)


@pytest.fixture
def pretended():
    with Pretender({"sub/weights.bin": DATA, "empty": b""}) as pretender:
        yield pretender


@pytest.fixture
def remote(pretended):
    with Client(pretended.url) as client, client.open("u", "m", "sub/weights.bin") as opened:
        yield opened


def ranges(pretended):
    return [asked[1:3] for asked in pretended.requests]


@given(
    st.integers(0, 5 * BLOCK),
    st.lists(st.tuples(st.integers(0, 6 * BLOCK), st.integers(0, 3 * BLOCK)), max_size=8),
)
def test_blocks_give_what_the_content_has(size, reads):
    content = (DATA[: 2 * BLOCK] + DATA)[:size]
    blocks = Blocks(size, lambda start, stop: content[start:stop])
    for start, count in reads:
        buffer = bytearray(count)
        found = blocks.read_into(memoryview(buffer), start)
        assert bytes(buffer[:found]) == content[start : start + count]


def test_reading_in_order_takes_few_requests_and_holds_little():
    asked = []

    def fetch(start, stop):
        asked.append(stop - start)
        return bytes(stop - start)

    blocks = Blocks(256 * MIB, fetch)
    buffer = memoryview(bytearray(64 * 1024))
    for start in each(range(0, 256 * MIB, len(buffer))):
        assert blocks.read_into(buffer, start) == len(buffer)
    assert sum(asked) == 256 * MIB
    assert len(asked) < 40
    assert max(asked) == 8 * MIB
    assert sum(map(len, blocks._held.values())) <= 16 * MIB


def test_it_reads_seeks_and_tells_as_any_file(remote):
    assert (remote.name, remote.size, remote.readable(), remote.seekable(), remote.writable()) == (
        "sub/weights.bin",
        len(DATA),
        True,
        True,
        False,
    )
    assert remote.read(10) == DATA[:10]
    assert remote.tell() == 10
    assert remote.seek(-5, io.SEEK_END) == len(DATA) - 5
    assert remote.read() == DATA[-5:]
    assert remote.read(1) == b""
    assert remote.seek(4 * MIB) == 4 * MIB
    assert remote.read(3 * MIB) == DATA[4 * MIB : 7 * MIB]
    assert remote.seek(-MIB, io.SEEK_CUR) == 6 * MIB
    assert remote.read() == DATA[6 * MIB :]
    assert remote.seek(len(DATA) + 9) == len(DATA) + 9
    assert remote.read(5) == b""
    with pytest.raises(ValueError, match="no position -1"):
        remote.seek(-1)


def test_a_closed_file_says_so(remote):
    remote.close()
    for call in (remote.read, remote.tell, lambda: remote.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_an_empty_file_is_empty(pretended):
    with Client(pretended.url).open("u", "m", "empty") as opened:
        assert opened.read() == b""
    assert pretended.requests == []


def test_a_header_is_read_without_the_rest(pretended):
    header = json.dumps({"layer": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    pretended.files["model.safetensors"] = struct.pack("<Q", len(header)) + header + bytes(20 * MIB)
    with Client(pretended.url).open("u", "m", "model.safetensors") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        assert json.loads(opened.read(length))["layer"]["shape"] == [2, 2]
    assert ranges(pretended) == [(0, BLOCK)] or sum(stop - start for start, stop in ranges(pretended)) <= MIB


def test_a_zip_is_listed_and_a_member_read_by_few_requests(pretended):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.bin", DATA[number : number + MIB // 4])
    pretended.files["model.zip"] = buffer.getvalue()
    with Client(pretended.url).open("u", "m", "model.zip") as opened, zipfile.ZipFile(opened) as archive:
        assert len(archive.namelist()) == 40
        assert archive.read("20.bin") == DATA[20 : 20 + MIB // 4]
    assert len(pretended.requests) <= 4
    assert sum(stop - start for start, stop in ranges(pretended)) <= 2 * MIB


def test_threads_can_share_it(remote):
    found = []

    def run():
        while block := remote.read(100_000):
            found.append(block)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(DATA[start : start + 100_000] for start in range(0, len(DATA), 100_000))


def test_what_breaks_off_is_gone_on_with(pretended, remote):
    pretended.faults = [once(0.5), once(503)]
    assert remote.read() == DATA


def test_an_expired_url_is_replaced(pretended, remote):
    remote.read(1)
    pretended.generation += 1
    remote.seek(5 * MIB)
    assert remote.read(7) == DATA[5 * MIB : 5 * MIB + 7]


def test_an_object_that_was_replaced_is_noticed(pretended, remote):
    remote.read(1)
    pretended.etags["sub/weights.bin"] = '"two"'
    remote.seek(5 * MIB)
    with pytest.raises(ContentMismatch, match=r"sub/weights\.bin"):
        remote.read(1)


def test_a_file_beyond_the_document_is_found(pretended):
    pretended.page_size = 1
    pretended.files["zebra"] = b"stripes"
    with Client(pretended.url).open("u", "m", "zebra") as opened:
        assert opened.read() == b"stripes"


def test_a_file_that_is_not_there_is_not_found(pretended):
    with pytest.raises(NotFound, match="has no file 'nowhere'"):
        Client(pretended.url).open("u", "m", "nowhere")


def test_it_reads_from_the_whole_service(client, stored):
    stored("reader", "net", {"a/weights.bin": DATA, "b": b"b"})
    with client.open("reader", "net", "a/weights.bin", "v1") as opened:
        opened.seek(-7, io.SEEK_END)
        assert opened.read() == DATA[-7:]
        opened.seek(0)
        assert opened.read() == DATA
    with pytest.raises(NotFound):
        client.open("reader", "net", "c")


def test_a_file_is_opened_in_either_unicode_form():
    files = {**{f"{number:04}": b"" for number in range(3)}, "caf\u00e9": b"x", "mode\u0300le": b"y"}
    with Pretender(files) as pretended, Client(pretended.url) as client:
        for path, content in each((("cafe\u0301", b"x"), ("caf\u00e9", b"x"), ("mod\u00e8le", b"y"))):
            with client.open("u", "m", path) as opened:
                assert opened.read() == content
