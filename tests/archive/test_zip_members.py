import io
import itertools
import random
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ziplies import ALL_ONES, DEFLATED, STORED, Fake, Recorded, build, deflate, zip64

from benchmarks._damage import Unseekable
from chalicelib.archive import members as members_module
from chalicelib.archive.directory import Member, read_directory
from chalicelib.archive.members import OUTPUT_CHUNK, content_offset, flatten, stream_member
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive
from chalicelib.paths import path_key, path_problem

MIB = 1024 * 1024


@pytest.fixture(params=["zlib", "isal.isal_zlib"], autouse=True)
def engine(request, monkeypatch):
    monkeypatch.setattr(members_module, "engine", pytest.importorskip(request.param))


def contents_of(data: bytes, chunk: int = 7):
    source = Recorded(data, chunk)
    return {member.path: b"".join(stream_member(source, member)) for member in read_directory(source).members}


def refusal(fake: Fake, *, chunk: int = 7) -> str:
    """Why the archive's second member is refused, which its directory does not show."""
    source = Recorded(build([Fake(b"first"), fake, Fake(b"next")]), chunk)
    members = read_directory(source).members
    with pytest.raises(InvalidArchive) as caught:
        list(stream_member(source, members[1]))
    assert repr(members[1].path) in caught.value.detail
    assert b"".join(stream_member(source, members[0])) == b"content"
    return caught.value.detail


@pytest.mark.parametrize("chunk", [1, 7, MIB])
@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("content", [b"", b"x", b"weights" * 1_000, random.Random(3).randbytes(3_000)])
def test_contents_come_out_as_they_went_in(content, method, chunk):
    assert contents_of(build([Fake(content=content, method=method)]), chunk) == {"a.bin": content}


names = (
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=3,
    )
    .map(lambda segments: "d/" * (len(segments) - 1) + "-".join(segments))
    # AppleDouble files are left out.
    .filter(lambda path: path_problem(path) is None and "._" not in path)
)


@given(
    files=st.dictionaries(
        names, st.tuples(st.binary(max_size=2_000), st.booleans(), st.integers(1, 50)), min_size=1
    ),
    seekable=st.booleans(),
    force_zip64=st.booleans(),
    chunk=st.integers(1, 3_000),
)
def test_what_zipfile_writes_is_read_back(files, seekable, force_zip64, chunk):
    files = {path_key(name): value for name, value in files.items()}
    files.pop("d", None)
    stream = io.BytesIO() if seekable else Unseekable()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, (content, deflated, times) in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
            with archive.open(info, "w", force_zip64=force_zip64) as member:
                member.write(content * times)
    if files:
        expected = {name: content * times for name, (content, _, times) in files.items()}
        assert contents_of(stream.getvalue(), chunk) == expected


def test_a_stored_members_content_can_be_copied_from_where_it_is_said_to_be():
    data = build(
        [Fake(b"first", local_extra=bytes(4)), Fake(b"second", b"copied", local_extra=b"\x09\0\x04\0four")]
    )
    source = Recorded(data)
    first, second = read_directory(source).members
    assert content_offset(source, first) == 30 + 5 + 4
    assert source.read(content_offset(source, second), second.size) == b"copied"


def test_an_extra_field_longer_than_the_first_read_is_read():
    padding = b"\x09\0\xe8\x03" + bytes(1_000)
    ones = {"size": ALL_ONES, "packed": ALL_ONES}
    fake = Fake(local=ones, local_extra=padding + zip64(7, 7))
    assert contents_of(build([fake])) == {"a.bin": b"content"}
    assert "another size" in refusal(Fake(local=ones, local_extra=padding + zip64(7, 8)))


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"name": b"a.bin2"}, "another name"),
        ({"name_length": 4}, "another name"),
        ({"name_length": 0xFFFF}, "another name"),
        ({"crc": 0}, "another size or CRC-32"),
        ({"packed": 0}, "another size or CRC-32"),
        ({"extra_length": 1}, "runs into"),
        ({"extra_length": 0xFFFF}, "runs into"),
    ],
)
def test_a_local_header_that_leads_astray_is_refused(lie, reason):
    assert reason in refusal(Fake(local=lie))


TEXT = b"weights " * 1_000
SQUEEZED = deflate(TEXT)


@pytest.mark.parametrize("chunk", [1, 7, MIB])
@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        (Fake(content=b"content", data=b"CONTENT"), "CRC-32"),
        (Fake(content=TEXT, data=SQUEEZED[:-1], method=DEFLATED), "cut off"),
        (Fake(content=TEXT, data=SQUEEZED[: len(SQUEEZED) // 2], method=DEFLATED), "cut off"),
        (Fake(content=b"", data=b"", method=DEFLATED), "cut off"),
        (Fake(content=TEXT, data=SQUEEZED + b"\0", method=DEFLATED), "bytes after"),
        (Fake(content=TEXT, data=SQUEEZED + SQUEEZED, method=DEFLATED), "bytes after"),
        (Fake(content=TEXT, data=b"\xff" * 40, method=DEFLATED), "cannot be inflated"),
        (
            Fake(content=TEXT, data=deflate(TEXT[:-1]), method=DEFLATED),
            "7999 bytes instead of the declared 8000",
        ),
        (Fake(content=TEXT, data=deflate(TEXT + b"x"), method=DEFLATED), "more than the declared 8000"),
        (Fake(content=b"", data=SQUEEZED, method=DEFLATED), "more than the declared 0"),
        (Fake(content=TEXT, data=deflate(TEXT[::-1]), method=DEFLATED), "CRC-32"),
    ],
)
def test_a_content_that_is_not_what_was_declared_is_refused(fake, reason, chunk):
    assert reason in refusal(fake, chunk=chunk)


def test_a_bomb_stops_at_its_declared_size():
    zeros = bytes(64 * MIB)
    bomb = Fake(content=b"0" * 10, data=deflate(zeros), method=DEFLATED)
    source = BytesSource(build([bomb]))
    (member,) = read_directory(source).members
    received: list[bytes] = []
    with pytest.raises(InvalidArchive, match="more than the declared 10"):
        received.extend(stream_member(source, member))
    assert sum(map(len, received)) <= 10


def test_a_member_that_expands_a_thousandfold_comes_in_bounded_chunks():
    source = BytesSource(build([Fake(content=bytes(8 * MIB), method=DEFLATED)]))
    (member,) = read_directory(source).members
    chunks = [len(chunk) for chunk in stream_member(source, member)]
    assert max(chunks) <= OUTPUT_CHUNK
    assert sum(chunks) == 8 * MIB


def test_only_what_is_asked_for_is_fetched():
    source = Recorded(build([Fake(content=random.Random(1).randbytes(100_000))]), chunk=1_000)
    (member,) = read_directory(source).members
    source.reads.clear()
    list(itertools.islice(stream_member(source, member), 3))
    assert sum(length for _, length in source.reads) < 5_000


def test_flatten_keeps_base_names():
    members = read_directory(BytesSource(build([Fake(b"a/b/c.bin"), Fake(b"d.txt")]))).members
    flat = flatten(members)
    assert [member.path for member in flat] == ["c.bin", "d.txt"]
    assert [member.raw_name for member in flat] == [b"a/b/c.bin", b"d.txt"]
    source = BytesSource(build([Fake(b"a/b/c.bin")]))
    assert b"".join(stream_member(source, flatten(read_directory(source).members)[0])) == b"content"


@pytest.mark.parametrize(
    ("one", "other"), [("a/x.bin", "b/x.bin"), ("x.bin", "b/X.BIN"), ("a/é", "b/e\u0301")]
)
def test_flatten_names_both_members_of_one_base_name(one, other):
    members = read_directory(BytesSource(build([Fake(one.encode()), Fake(other.encode())]))).members
    with pytest.raises(InvalidArchive) as caught:
        flatten(members)
    assert repr(one) in caught.value.detail
    assert repr(other) in caught.value.detail


segments = st.text(st.sampled_from("aAéÉ\u0301ß."), min_size=1, max_size=3).filter(lambda s: s.strip("."))


@given(st.lists(st.lists(segments, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8))
def test_flatten_gives_each_member_its_base_name_or_names_two_that_share_one(paths):
    members = [Member(path, path.encode(), 0, 0, 0, STORED, 0, n, n + 1) for n, path in enumerate(paths)]
    bases = [path.split("/")[-1] for path in paths]
    if len({path_key(base) for base in bases}) == len(paths):
        flat = flatten(members)
        assert [member.path for member in flat] == bases
        assert [member._replace(path=path) for member, path in zip(flat, paths, strict=True)] == members
    else:
        with pytest.raises(InvalidArchive) as caught:
            flatten(members)
        named = [path for path in paths if repr(path) in caught.value.detail]
        assert any(
            path_key(one.split("/")[-1]) == path_key(other.split("/")[-1])
            for one, other in itertools.product(named, named)
        )
