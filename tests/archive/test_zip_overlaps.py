"""Members that share bytes are how small ZIPs expand to large ones (https://www.bamsoftware.com/hacks/zipbomb/)."""

import struct

import pytest
from ziplies import DEFLATED, Fake, build, deflate, extra, finish

from chalicelib.archive.directory import read_directory
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive

KERNEL = bytes(100_000)


def paths_of(data: bytes):
    return [member.path for member in read_directory(BytesSource(data)).members]


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidArchive) as caught:
        read_directory(BytesSource(data))
    return caught.value.detail


def full_overlap(count: int) -> bytes:
    """Every member is the same bytes, local header included."""
    kernel = Fake(b"0000", KERNEL, method=DEFLATED)
    body = kernel.local_header() + kernel.packed()
    fakes = [Fake(b"%04d" % number, KERNEL, method=DEFLATED) for number in range(count)]
    return body + finish([fake.central_header(0) for fake in fakes], len(body))


def deflate_quoted_overlap(count: int) -> bytes:
    """Each member quotes the next one's local header in a deflate block of its own, then shares its data."""
    data, content, body = deflate(KERNEL), KERNEL, b""
    placed: list[tuple[Fake, int]] = []
    for number in reversed(range(count)):
        fake = Fake(b"%04d" % number, content, method=DEFLATED, data=data)
        header = fake.local_header()
        body = header + (body or data)
        placed.append((fake, len(body)))
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF)
        body = quote + body
        data, content = quote + header + data, header + content
    body = body[5:]
    return body + finish([fake.central_header(len(body) - distance) for fake, distance in placed], len(body))


def extra_quoted_overlap(count: int) -> bytes:
    """Each member's local extra field holds the next ones' local headers, and all have the same data."""
    data, body = deflate(KERNEL), b""
    placed: list[tuple[Fake, int]] = []
    for number in reversed(range(count)):
        fake = Fake(b"%04d" % number, KERNEL, method=DEFLATED, local_extra=extra(0x9999, body))
        body = fake.local_header()
        placed.append((fake, len(body)))
    body += data
    return body + finish(
        [fake.central_header(len(body) - len(data) - length) for fake, length in placed], len(body)
    )


def stored_quoted_overlap(count: int) -> bytes:
    """Each member is stored, and its content is the next member, header and all."""
    body = b"kernel"
    placed: list[tuple[Fake, int]] = []
    for number in reversed(range(count)):
        fake = Fake(b"%04d" % number, body)
        body = fake.local_header() + body
        placed.append((fake, len(body)))
    return body + finish([fake.central_header(len(body) - length) for fake, length in placed], len(body))


BOMBS = [full_overlap, deflate_quoted_overlap, extra_quoted_overlap, stored_quoted_overlap]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("count", [2, 50])
def test_overlapping_bombs_are_refused(bomb, count):
    detail = refusal(bomb(count))
    assert detail.startswith("The ZIP's member '00")
    assert "overlaps the member '00" in detail


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_of_one_is_an_honest_archive(bomb):
    assert paths_of(bomb(1)) == ["0000"]


@pytest.mark.parametrize("name", [b"__MACOSX/b", b".DS_Store", b"folder/"])
def test_what_is_left_out_may_not_overlap_either(name):
    one = Fake(b"a")
    body = one.local_header() + one.packed()
    detail = refusal(body + finish([one.central_header(0), Fake(name, b"").central_header(3)], len(body)))
    assert "'a' overlaps" in detail


@pytest.mark.parametrize(("distance", "fine"), [(0, True), (1, False), (36, False)])
def test_members_may_touch_and_no_more(distance, fine):
    one, two = Fake(b"a"), Fake(b"b")
    first, second = one.local_header() + one.packed(), two.local_header() + two.packed()
    data = first + second
    data += finish([one.central_header(0), two.central_header(len(first) - distance)], len(data))
    if fine:
        assert paths_of(data) == ["a", "b"]
    else:
        assert "'a' overlaps the member 'b'" in refusal(data)


@pytest.mark.parametrize("lie", [{"packed": 8, "size": 8}, {"offset": 1}, {"offset": 10**9}])
def test_a_last_member_that_reaches_into_the_directory_is_refused(lie):
    assert "'a.bin' overlaps the central directory" in refusal(build([Fake(central=lie)]))


def test_a_gap_after_a_member_is_no_overlap():
    data = build([Fake(trailer=bytes(24)), Fake(b"b")], gap=b"gap", before=b"stub")
    assert paths_of(data) == ["a.bin", "b"]
