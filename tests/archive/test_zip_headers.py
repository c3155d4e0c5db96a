"""What is said twice must be said the same: by the directory, by the local header, by the data descriptor."""

import struct
from zlib import crc32

import pytest
from ziplies import ALL_ONES, DEFLATED, Fake, Recorded, build, extra, zip64

from chalicelib.archive.directory import read_directory
from chalicelib.archive.members import stream_member
from chalicelib.errors import InvalidArchive

CONTENT = b"weights " * 100
CRC = crc32(CONTENT)


def read(data: bytes):
    """The contents by path."""
    source = Recorded(data)
    return {member.path: b"".join(stream_member(source, member)) for member in read_directory(source).members}


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidArchive) as caught:
        read(data)
    return caught.value.detail


def said(fake: Fake, header: str, **lie: object) -> Fake:
    return Fake(**{**vars(fake), header: lie})


PLAIN, SQUEEZED = Fake(content=CONTENT), Fake(content=CONTENT, method=DEFLATED)


@pytest.mark.parametrize("header", ["local", "central"])
@pytest.mark.parametrize(
    ("fake", "lie", "reason"),
    [
        (PLAIN, {"signature": b"PK\x05\x04"}, ""),
        (PLAIN, {"name": b"b.bin"}, "another name"),
        (PLAIN, {"name": b"A.bin"}, "another name"),
        (PLAIN, {"flags": 0}, "other flags"),
        (PLAIN, {"flags": 0x0801}, ""),
        (PLAIN, {"flags": 0x0840}, ""),
        (PLAIN, {"flags": 0x2800}, ""),
        (PLAIN, {"method": DEFLATED}, "another method"),
        (SQUEEZED, {"method": 0}, ""),
        (PLAIN, {"crc": CRC ^ 1}, "another size or CRC-32"),
        (PLAIN, {"size": 799, "packed": 799}, "another size or CRC-32"),
        (SQUEEZED, {"size": 799}, "another size or CRC-32"),
        (SQUEEZED, {"size": 801}, "another size or CRC-32"),
        (SQUEEZED, {"packed": 5}, "another size or CRC-32"),
        (SQUEEZED, {"packed": ALL_ONES}, "lacks the ZIP64"),
        (SQUEEZED, {"size": ALL_ONES}, "lacks the ZIP64"),
    ],
)
def test_a_header_that_contradicts_its_twin_is_refused(header, fake, lie, reason):
    detail = refusal(build([said(fake, header, **lie), Fake(b"next")]))
    assert reason in detail
    # With no signature in the directory there is no member to name.
    assert "'a.bin'" in detail or "member 1" in detail or "'b.bin'" in detail or "'A.bin'" in detail


@pytest.mark.parametrize("values", [(800, 799), (799, 800)])
def test_zip64_sizes_of_the_local_header_must_be_right_too(values):
    ones = {"size": ALL_ONES, "packed": ALL_ONES}
    fake = Fake(content=CONTENT, local=ones, local_extra=zip64(*values))
    assert "'a.bin' has another size" in refusal(build([fake]))


@pytest.mark.parametrize("offset", [1, 7, 41])
def test_an_offset_that_points_elsewhere_is_refused(offset):
    data = build([Fake(b"first", bytes(200), central={"offset": offset, "size": 9, "packed": 9}), Fake()])
    assert "'first' is not where" in refusal(data)


def test_versions_times_and_other_extra_fields_may_differ():
    fake = Fake(content=CONTENT, extra=extra(0x5455, b"\1abcd"), local_extra=extra(0x7875, b"local only"))
    data = bytearray(build([fake]))
    data[4:6] = b"\x0a\0"
    data[10:14] = b"time"
    assert read(bytes(data)) == {"a.bin": CONTENT}


# Data descriptors (APPNOTE 4.3.9)

SIGNATURE = b"PK\x07\x08"
NARROW, WIDE = struct.Struct("<LLL"), struct.Struct("<LQQ")


def streamed(descriptor: bytes, *, fake: Fake = SQUEEZED, **local: int) -> bytes:
    """A member whose header leaves its CRC-32 and sizes to the descriptor, but for those named."""
    header = {"flags": 0x0808, "crc": 0, "packed": 0, "size": 0, **local}
    return build(
        [Fake(**{**vars(fake), "flags": 0x0808, "local": header, "trailer": descriptor}), Fake(b"z")]
    )


@pytest.mark.parametrize("fake", [PLAIN, SQUEEZED])
@pytest.mark.parametrize("signature", [b"", SIGNATURE])
@pytest.mark.parametrize("form", [NARROW, WIDE])
def test_the_four_forms_of_descriptor_are_read(fake, signature, form):
    packed = len(fake.packed())
    assert read(streamed(signature + form.pack(CRC, packed, 800), fake=fake))["a.bin"] == CONTENT
    for wrong in ((CRC ^ 1, packed, 800), (CRC, packed + 1, 800), (CRC, packed, 799), (0, 0, 0)):
        detail = refusal(streamed(signature + form.pack(*wrong), fake=fake))
        assert "'a.bin' has another size or CRC-32 in its data descriptor" in detail


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_a_descriptor_that_is_cut_off_is_refused(missing):
    whole = NARROW.pack(CRC, len(SQUEEZED.packed()), 800)
    assert "data descriptor" in refusal(streamed(whole[:-missing]))


def test_a_descriptor_that_nothing_is_left_to_is_not_asked_for():
    local = {"crc": CRC, "packed": len(SQUEEZED.packed()), "size": 800}
    assert read(streamed(b"", **local))["a.bin"] == CONTENT


@pytest.mark.parametrize("lie", [{"crc": 5}, {"packed": 5}, {"size": 5}])
def test_a_header_with_a_descriptor_leaves_a_value_out_or_is_right(lie):
    right = SIGNATURE + NARROW.pack(CRC, len(SQUEEZED.packed()), 800)
    assert "'a.bin' has another size or CRC-32 in its own header" in refusal(streamed(right, **lie))
