"""What the client makes of a service and a store that fail, break off, or answer what they were not asked."""

from itertools import count

import pytest
from pretender import TRUE, Pretender, Say

from weighthouse import Client, ContentMismatch, InvalidAnswer, StoreRefused
from weighthouse.patience import Patience
from weighthouse.pull.source import Source

FILES = {"a": b"0123456789", "b": b"b" * 5, "c": b"c"}


@pytest.fixture
def pretended():
    with Pretender(FILES) as pretender:
        yield pretender


@pytest.fixture
def client(pretended, clock):
    with Client(pretended.url) as made:
        yield made


def ranged(start, stop, total, data):
    return Say(206, data, (("Content-Range", f"bytes {start}-{stop - 1}/{total}"),))


def received(client, pretended, start, stop):
    """A range of a file of ten bytes."""
    blocks = []
    source = Source(client.transport, "a", 10, pretended._url("a"), pytest.fail)
    source.read(start, stop, blocks.append, Patience())
    return b"".join(blocks)


@pytest.mark.parametrize(
    "other",
    [
        ranged(0, 4, 10, b"0123"),
        ranged(2, 5, 10, b"234"),
        ranged(2, 7, 10, b"23456"),
        ranged(3, 6, 10, b"345"),
        Say(206, b"2345"),
        Say(206, b"2345", (("Content-Range", "bytes 2-5/*"),)),
        Say(206, b"2345", (("Content-Range", "items 2-5/10"),)),
        Say(206, b"2345678", (("Content-Range", "bytes 2-5/10"),)),
        Say(200, b"0123456789"),
    ],
)
def test_other_bytes_than_were_asked_for_are_not_used(client, pretended, clock, other):
    pretended.script("GET", "^/store/", other, TRUE, then=other)
    assert received(client, pretended, 2, 6) == b"2345"
    began = clock.now
    with pytest.raises(InvalidAnswer, match=r"was asked for bytes 2-5 of 10, and answered with"):
        received(client, pretended, 2, 6)
    assert clock.now - began == 10


@pytest.mark.parametrize(
    "other", [ranged(0, 10, 11, b"0123456789"), Say(200, b"0123456789+"), ranged(0, 9, 9, b"012345678")]
)
def test_an_object_of_another_size_is_another_object(client, pretended, clock, other):
    pretended.script("GET", "^/store/", then=other)
    with pytest.raises(StoreRefused, match=r"has (9|11) bytes and not 10") as refused:
        client.transport.get(pretended._url("a"), 0, 10, 10)
    assert refused.value.status == 416
    with pytest.raises(ContentMismatch, match="'a' was replaced"):
        received(client, pretended, 0, 10)
    assert clock.waits == []


def test_a_store_that_knows_no_ranges_does_for_the_beginning_alone(client, pretended):
    pretended.script("GET", "^/store/", then=Say(200, FILES["a"]))
    assert received(client, pretended, 0, 10) == FILES["a"]
    assert received(client, pretended, 0, 4) == b"0123"


def page(of, count, token, **more):
    return Say(200, {of: [{}] * count, "next_token": token, **more})


def listed(client, of, **options):
    return client.transport.pages("/list", of, query={}, **options)


@pytest.mark.parametrize("of", ["files", "models"])
def test_a_list_that_names_a_page_again_is_ended(client, pretended, of):
    pretended.script("GET", "^/list", page(of, 1, "a"), page(of, 1, "b"), then=page(of, 1, "a"))
    asked = listed(client, of)
    assert len([next(asked), next(asked)]) == 2
    with pytest.raises(InvalidAnswer, match=r"/list without end, at 'a': tell whoever runs it"):
        next(asked)
    assert [request.path for request in pretended.asked] == [
        "/list?limit=1000", "/list?limit=1000&next_token=a", "/list?limit=1000&next_token=b",
    ]  # fmt: skip


def test_a_page_without_files_is_the_last_or_a_fault(client, pretended):
    pretended.script("GET", "^/list", page("files", 0, None), then=page("files", 0, "a"))
    assert len(list(listed(client, "files"))) == 1
    with pytest.raises(InvalidAnswer, match="without end"):
        next(listed(client, "files"))


def test_a_list_has_no_more_files_than_it_says(client, pretended):
    tokens = map(str, count())
    pretended.script("GET", "^/list", then=lambda _: page("files", 1, next(tokens), files_total=3))
    pretended.script("GET", "^/other", then=lambda _: page("files", 1, next(tokens)))
    asked = listed(client, "files")
    assert len([next(asked), next(asked), next(asked)]) == 3
    with pytest.raises(InvalidAnswer, match="without end"):
        next(asked)
    asked = client.transport.pages("/other", "files", query={}, most=2)
    assert len([next(asked), next(asked)]) == 2
    with pytest.raises(InvalidAnswer, match="without end"):
        next(asked)


def test_a_filter_may_leave_pages_empty_but_not_for_ever(client, pretended):
    tokens = map(str, count())
    some = [page("models", 0, next(tokens)) for _ in range(9)]
    pretended.script("GET", "^/list", *some, page("models", 1, "x"), page("models", 0, None))
    pretended.script("GET", "^/list", then=lambda _: page("models", 0, next(tokens)))
    assert len(list(listed(client, "models", first=7))) == 11
    assert [request.path[:15] for request in pretended.asked[:2]] == ["/list?limit=7", "/list?limit=100"]
    with pytest.raises(InvalidAnswer, match="without end"):
        list(listed(client, "models"))
    assert len(pretended.asked) == 11 + 1001
