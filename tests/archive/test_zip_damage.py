"""A ZIP that has lost bytes, gained some, or been put together with another, is refused wherever that is."""

from dataclasses import replace

import pytest
from each import each
from ziplies import Fake, build, finish

from benchmarks._damage import originals
from chalicelib.archive import ending
from chalicelib.archive.central import parse_headers
from chalicelib.archive.directory import read_directory
from chalicelib.archive.ending import read_central_directory
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive

COMMENTED = build([Fake(), Fake(b"b", b"weights " * 9, method=8)], comment=b"made by hand")
WIDE = build([Fake(), Fake(b"b", b"weights " * 9, method=8)], end64={})
ONES = {"entries": 0xFFFF, "here": 0xFFFF}


def is_refused(data: bytes) -> bool:
    try:
        read_directory(BytesSource(data))
    except InvalidArchive:
        return True
    return False


def refusal(source) -> str:
    with pytest.raises(InvalidArchive) as caught:
        read_directory(source)
    return caught.value.detail


@pytest.mark.parametrize("archive", [COMMENTED, WIDE])
def test_the_archives_to_be_damaged_are_fine(archive):
    assert not is_refused(archive)


@pytest.mark.parametrize("archive", [COMMENTED, WIDE, *originals()])
def test_an_archive_that_is_cut_off_anywhere_is_refused(archive):
    step = 1 + len(archive) // 2_000
    for length in each(range(0, len(archive), step)):
        assert is_refused(archive[:length]), f"its first {length} bytes"
        assert is_refused(archive[len(archive) - length :]), f"its last {length} bytes"


@pytest.mark.parametrize("archive", [COMMENTED, WIDE])
def test_an_archive_that_lost_or_gained_a_byte_anywhere_is_refused(archive):
    for place in each(range(len(archive))):
        assert is_refused(archive[:place] + archive[place + 1 :]), f"without byte {place}"
        more = archive[:place] + b"\0" + archive[place:]
        # Zeros behind an archive are no damage.
        assert is_refused(more) == (more != archive + b"\0"), f"with one more at {place}"


def test_a_directory_that_is_cut_off_within_a_header_is_refused():
    # With names this long, two headers of which the second is cut have as many bytes as two short ones.
    archive = build([Fake(b"a" * 60), Fake(b"b" * 60, method=8)])
    whole = read_central_directory(BytesSource(archive))
    assert len(parse_headers(whole)) == 2
    for length in each(range(len(whole.data))):
        with pytest.raises(InvalidArchive):
            parse_headers(replace(whole, data=whole.data[:length]))
        # As an end record says it that knows no better.
        lost = len(whole.data) - length
        end = archive.index(whole.data) + length
        assert is_refused(archive[:end] + finish_of(archive, length)), f"without the last {lost} bytes"


def finish_of(archive: bytes, size: int) -> bytes:
    """The end record of an archive, which says that the directory has so many bytes."""
    record = bytearray(archive[-22:])
    record[12:16] = size.to_bytes(4, "little")
    return bytes(record)


def test_two_archives_one_after_the_other_are_refused():
    for one in (COMMENTED, WIDE):
        for other in (COMMENTED, WIDE):
            refusal(BytesSource(one + other))


def test_an_archive_in_the_comment_of_another_is_refused():
    other = build([Fake(b"other")])
    assert "more than one end record" in refusal(BytesSource(build([Fake()], comment=other)))


def test_a_second_zip64_end_record_is_refused():
    body = Fake().local_header() + b"content"
    headers = [Fake().central_header(0)]
    records = finish(headers, len(body), end64={})[len(headers[0]) :]
    position = len(body) + len(headers[0])
    doubled = body + headers[0] + records[:56] + records
    assert "wrong place" in refusal(BytesSource(doubled))
    moved = finish(headers, len(body), end64={}, locator={"position": position + 56})[len(headers[0]) :]
    assert "not where" in refusal(BytesSource(body + headers[0] + records[:56] + moved))


@pytest.mark.parametrize(("count", "refused"), [(100, False), (101, True)])
def test_there_is_a_most_of_members(count, refused, monkeypatch):
    assert ending.MAX_MEMBERS == 100_000
    monkeypatch.setattr(ending, "MAX_MEMBERS", 100)
    fakes = [Fake(b"%06d" % number, b"") for number in range(count)]
    source = BytesSource(build(fakes, end64={}, end=ONES))
    if refused:
        assert "101 members, at most 100" in refusal(source)
    else:
        assert len(read_directory(source).members) == count


def test_more_members_than_the_end_record_says_are_refused():
    fakes = [Fake(b"%03d" % number, b"") for number in range(101)]
    assert "more members in it" in refusal(BytesSource(build(fakes, end={"entries": 100, "here": 100})))
