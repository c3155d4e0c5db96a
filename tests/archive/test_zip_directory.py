import struct
import unicodedata

import pytest
from ziplies import ALL_ONES, DEFLATED, Fake, Recorded, build, extra, finish, unicode_path, zip64

from chalicelib.archive.central import parse_headers
from chalicelib.archive.directory import read_directory
from chalicelib.archive.ending import MAX_DIRECTORY_BYTES, MAX_MEMBERS, read_central_directory
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive

GIB = 1024**3


def members_of(data: bytes):
    return read_directory(BytesSource(data)).members


def paths_of(data: bytes):
    return [member.path for member in members_of(data)]


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidArchive) as caught:
        read_directory(BytesSource(data))
    return caught.value.detail


def test_members_come_in_archive_order_with_their_extents():
    data = build([Fake(b"z.bin", b"12345"), Fake(b"a/b.bin", b"x" * 100, method=DEFLATED), Fake(b"e", b"")])
    z, a, e = members_of(data)
    assert (z.path, z.size, z.header_offset) == ("z.bin", 5, 0)
    assert (a.path, a.size, a.method) == ("a/b.bin", 100, DEFLATED)
    assert a.header_offset == z.extent_end == 30 + 5 + 5
    assert e.extent_end == data.index(b"PK\x01\x02")


def test_members_are_sorted_by_offset_whatever_the_directory_order():
    one, two = Fake(b"one"), Fake(b"two")
    body = one.local_header() + one.packed()
    second = len(body)
    body += two.local_header() + two.packed()
    data = body + finish([two.central_header(second), one.central_header(0)], len(body))
    assert paths_of(data) == ["one", "two"]


def test_folders_are_dropped_and_litter_is_counted():
    names = [
        b"f/",
        b"f/m.bin",
        b"__MACOSX/",
        b"__MACOSX/f/._m.bin",
        b"f/.DS_Store",
        b"Thumbs.db",
        b"g/h/Thumbs.db",
    ]
    directory = read_directory(BytesSource(build([Fake(name, b"") for name in names])))
    assert [member.path for member in directory.members] == ["f/m.bin"]
    assert directory.left_out == 4


@pytest.mark.parametrize(
    "name", [b"DS_Store", b"a/__MACOSX/b", b"__MACOSX", b"my.DS_Store", b"thumbs.DB.txt"]
)
def test_names_that_only_resemble_litter_stay(name):
    assert paths_of(build([Fake(name)])) == [name.decode()]


def test_small_directories_take_one_read():
    source = Recorded(build([Fake()]))
    read_directory(source)
    assert source.reads == [(0, source.size)]


def test_large_directories_take_two_reads_and_no_content_is_read():
    data = build([Fake(f"{'n' * 100}{i}".encode()) for i in range(1_000)])
    source = Recorded(data)
    assert len(read_directory(source).members) == 1_000
    assert len(source.reads) == 2
    assert source.reads[1][0] == data.index(b"PK\x01\x02")


def test_zip64_ends_and_sizes_are_read():
    fake = Fake(
        extra=zip64(7, 7, 0),
        local_extra=zip64(7, 7),
        central={"size": ALL_ONES, "packed": ALL_ONES, "offset": ALL_ONES},
        local={"size": ALL_ONES, "packed": ALL_ONES},
    )
    ends = {"entries": 0xFFFF, "here": 0xFFFF, "size": ALL_ONES, "offset": ALL_ONES}
    for end in ({}, ends):
        (member,) = members_of(build([fake], end64={}, end=end))
        assert (member.size, member.compressed_size, member.header_offset) == (7, 7, 0)


def test_65535_members_need_no_zip64():
    # Python's zipfile writes so many without a ZIP64 end record, whose sign the same number is.
    directory = read_central_directory(BytesSource(finish([Fake().central_header(0)] * 65_535, 0)))
    assert directory.entries == 65_535
    assert len(parse_headers(directory)) == 65_535


def test_a_comment_is_allowed():
    assert paths_of(build([Fake()], comment=b"made by hand" * 5_000)) == ["a.bin"]


def test_a_stored_zip_as_the_last_member_does_not_confuse():
    assert paths_of(build([Fake(b"inner.zip", build([Fake()]))])) == ["inner.zip"]


# Names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"", "empty"),
        (b"/etc/passwd", "relative"),
        (b"..", "'..'"),
        (b"../x", "'..'"),
        (b"a/../x", "'..'"),
        (b"a/../", "'..'"),
        (b"./../x", "'..'"),
        (b"/./x", "relative"),
        (b"a/./x", "'.'"),
        (b"a/.", "'.'"),
        (b"./C:/x", "drive letter"),
        (b".//x", "relative"),
        (b"a//x", "''"),
        (b"a//", "''"),
        (b"a\\x", "backslash"),
        (b"C:\\x", "backslash"),
        (b"C:/x", "drive letter"),
        (b"c:x", "drive letter"),
        (b"a\0.bin", "U+0000"),
        (b"a\n.bin", "U+000A"),
        ("a\u0085".encode(), "U+0085"),
        ("a\u2028".encode(), "U+2028"),
        (b"n" * 513, "513 bytes"),
        (b"\xff\xfe", "not: rename"),
        (b"\xed\xa0\x80", "not: rename"),
    ],
)
def test_unsafe_names_are_refused(name, reason):
    detail = refusal(build([Fake(b"fine"), Fake(name)]))
    named = repr(name.decode(errors="backslashreplace")[:200])[1:-1]
    assert detail.startswith(f"The ZIP's member '{named}")
    assert reason in detail


def test_an_unsafe_folder_or_left_out_file_is_refused_too():
    assert "'..'" in refusal(build([Fake(), Fake(b"../", b"")]))
    assert "'..'" in refusal(build([Fake(), Fake(b"../.DS_Store")]))


def test_a_unicode_path_replaces_a_local_name():
    raw = "é.bin".encode("latin-1")
    fake = Fake(raw, flags=0, extra=unicode_path("é.bin".encode(), raw))
    (member,) = members_of(build([fake]))
    assert (member.path, member.raw_name) == ("é.bin", raw)


def test_a_unicode_path_must_be_safe_too():
    assert "'..'" in refusal(build([Fake(b"x", flags=0, extra=unicode_path(b"../x", b"x"))]))


@pytest.mark.parametrize(
    ("flags", "field", "reason"),
    [
        (0, unicode_path(b"other", b"renamed"), "second name"),
        (0x0800, unicode_path(b"other", b"a.bin"), "second name"),
        (0, extra(0x7075, b"\x02" + unicode_path(b"x", b"a.bin")[5:]), "second name"),
        (0, unicode_path(b"\xff", b"a.bin"), "damaged Unicode path"),
        (0, extra(0x7075, b"\x01\x00"), "damaged Unicode path"),
        (0, unicode_path(b"x", b"a.bin") * 2, "twice"),
    ],
)
def test_a_unicode_path_that_does_not_belong_is_refused(flags, field, reason):
    assert reason in refusal(build([Fake(flags=flags, extra=field)]))


# Kinds of members


@pytest.mark.parametrize("host", [0, 3, 19])
@pytest.mark.parametrize("kind", [0o120000, 0o010000, 0o020000, 0o060000, 0o140000, 0o030000])
def test_special_files_are_refused_whatever_system_is_named(kind, host):
    detail = refusal(build([Fake(b"link", mode=kind | 0o777, host=host)]))
    assert "'link' is a symbolic link or another special file" in detail


def test_a_folder_may_not_pose_as_a_file_nor_a_file_as_a_folder():
    assert "is a folder, yet has 7 bytes" in refusal(build([Fake(b"file", mode=0o040755)]))
    assert "7 bytes of content" in refusal(build([Fake(b"folder/")]))


@pytest.mark.parametrize("mode", [0, 0o600, 0o100755])
def test_regular_modes_are_fine(mode):
    assert paths_of(build([Fake(mode=mode)])) == ["a.bin"]


@pytest.mark.parametrize(
    "fake",
    [Fake(flags=0x0001), Fake(flags=0x0041), Fake(flags=0x0040), Fake(flags=0x2000), Fake(method=99)],
)
def test_encrypted_members_are_refused(fake):
    assert "'a.bin' is encrypted" in refusal(build([fake]))


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 95])
def test_other_methods_are_refused(method):
    assert f"compression method {method}" in refusal(build([Fake(method=method)]))


def test_a_stored_member_has_one_size():
    assert "sizes 7 and 9" in refusal(build([Fake(central={"size": 9})]))


# Members together


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "a"), ("dir/Model.bin", "dir/model.bin"), ("é", unicodedata.normalize("NFD", "É")), ("ß", "SS")],
)
def test_two_members_of_one_path_are_refused(one, other):
    detail = refusal(build([Fake(b"between"), Fake(one.encode()), Fake(b"b"), Fake(other.encode())]))
    assert repr(one) in detail
    assert repr(other) in detail or (one == other and "in it twice" in detail)
    assert "rename one of them" in detail


@pytest.mark.parametrize(
    ("file", "below"), [("a", "a/b"), ("a", "a/"), ("x/A", "x/a/b/c"), ("é", "e\u0301/b"), ("a", "a/b/")]
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_where_a_folder_is_needed_is_refused(file, below, swapped):
    fakes = [Fake(file.encode(), b""), Fake(b"a-b", b""), Fake(b"a.b", b""), Fake(below.encode(), b"")]
    detail = refusal(build(fakes[::-1] if swapped else fakes))
    assert f"member {file!r} is a file where {below.rstrip('/')!r} needs a folder" in detail


def test_neighbouring_names_do_not_collide():
    names = ["a", "a-", "a.b", "aa/b", "b/a", "b/", "b/", "B/c", "d/e/f", "d/e/g"]
    assert len(paths_of(build([Fake(name.encode(), b"") for name in names]))) == 8


def test_an_archive_without_files_is_refused():
    for fakes in ([], [Fake(b"folder/", b"")], [Fake(b"__MACOSX/a"), Fake(b"b/.DS_Store")]):
        assert "holds no file" in refusal(build(fakes))


# Expansion


def wide(size: int, packed: int = 7) -> Fake:
    lie = {"size": ALL_ONES, "packed": ALL_ONES}
    return Fake(b"wide", method=DEFLATED, central=lie, extra=zip64(size, packed))


def test_more_than_a_tebibyte_in_all_is_refused():
    detail = refusal(build([wide(1024 * GIB), Fake(b"one more", b"1")]))
    assert "'wide'" in detail
    assert str(1024 * GIB + 1) in detail


@pytest.mark.parametrize(("size", "refused"), [(GIB, False), (GIB + 1, True)])
def test_past_a_gibibyte_the_ratio_counts(size, refused):
    data = build([wide(size)])
    if refused:
        assert "'wide'" in refusal(data)
        assert "over 200 times" in refusal(data)
    else:
        assert paths_of(data) == ["wide"]


def test_the_ratio_is_200_times_the_whole_archive():
    packed = 8 * 1024 * 1024
    for size, refused in ((200 * packed, False), (201 * packed, True)):
        fake = wide(size, packed)
        source = BytesSource(bytes(packed + 100) + finish([fake.central_header(0)], packed + 100))
        if refused:
            with pytest.raises(InvalidArchive, match="over 200 times"):
                read_directory(source)
        else:
            assert read_directory(source).members[0].size == size


# End records


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a ZIP"),
        (b"PK", "not a ZIP"),
        (b"\x1f\x8b" + bytes(100_000), "not a ZIP"),
        (build([Fake()])[:-22], "not a ZIP"),
        (build([Fake()], after=b"x"), "after its end"),
        (build([Fake()], after=bytes(70_000)), "cut off"),
        (build([Fake()], end={"comment_length": 3}), "cut off"),
        (b"stub" + build([Fake()]), "not where"),
        (build([Fake()], end={"offset": 3}), "not where"),
        (build([Fake()], end={"size": 51 + 1}), "not where"),
        (build([Fake()], end={"entries": 2, "here": 2}), "too small"),
        (build([Fake(b"n" * 50), Fake()], end={"entries": 3, "here": 3}), "damaged at member 3"),
        (build([Fake(), Fake(b"b")], end={"entries": 1, "here": 1}), "more members in it"),
        (build([Fake()], end={"entries": 0, "here": 0, "size": 51}), "more members in it"),
        (build([Fake()], end={"disk": 1}), "several files"),
        (build([Fake()], end={"first_disk": 1}), "several files"),
        (build([Fake()], end={"here": 0}), "several files"),
        (build([Fake(central={"disk": 1})]), "split ZIP"),
        (build([Fake()], end={"offset": ALL_ONES}), "lacks the ZIP64"),
        (build([Fake()], end={"size": ALL_ONES}), "lacks the ZIP64"),
        (build([Fake(central={"signature": b"PK\x01\x03"})]), "damaged at member 1"),
        (build([Fake(central={"name_length": 6})]), "cut off at member 1"),
        (build([Fake(central={"name_length": 0xFFFF})]), "cut off at member 1"),
        (build([Fake(central={"extra_length": 0xFFFF})]), "cut off at member 1"),
    ],
)
def test_damaged_ends_and_directories_are_refused(data, reason):
    assert reason in refusal(data)


def test_several_end_records_are_ambiguous():
    other = finish([], 0)
    assert "more than one end record" in refusal(build([Fake()], comment=other))
    assert "more than one end record" in refusal(build([Fake()], comment=other + b"x"))
    assert "more than one end record" in refusal(build([Fake()], comment=b"PK\x05\x06"))


@pytest.mark.parametrize(
    ("end64", "locator", "end", "reason"),
    [
        ({}, {"position": 0}, {}, "wrong place"),
        ({}, {"position": 2**63}, {}, "wrong place"),
        ({}, {"disk": 1}, {}, "several files"),
        ({}, {"disks": 2}, {}, "several files"),
        ({"signature": b"PK\x06\x05"}, {}, {}, "ZIP64 end record is damaged"),
        ({"remainder": 45}, {}, {}, "ZIP64 end record is damaged"),
        ({"disk": 1}, {}, {}, "several files"),
        ({"first_disk": 1}, {}, {}, "several files"),
        ({"here": 2}, {}, {}, "several files"),
        ({}, {}, {"entries": 2, "here": 2}, "disagree"),
        ({}, {}, {"here": 0}, "disagree"),
        ({}, {}, {"size": 1}, "disagree"),
        ({}, {}, {"offset": 1}, "disagree"),
        ({}, {}, {"disk": 1}, "disagree"),
        ({"size": 2**63}, {}, {"size": ALL_ONES}, "at most"),
        ({"offset": 2**64 - 1}, {}, {"offset": ALL_ONES}, "not where"),
    ],
)
def test_zip64_end_records_must_be_right(end64, locator, end, reason):
    assert reason in refusal(build([Fake()], end64=end64, locator=locator, end=end))


def test_a_locator_without_room_for_its_record_is_refused():
    data = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + finish([], 0)
    assert "wrong place" in refusal(data)
    assert "not where" in refusal(b"PK\x06\x07" + finish([Fake().central_header(0)], 0))


@pytest.mark.parametrize(
    ("central", "field"),
    [
        ({"size": ALL_ONES}, b""),
        ({"offset": ALL_ONES}, b""),
        ({"packed": ALL_ONES, "size": ALL_ONES}, zip64(7)),
        ({"size": ALL_ONES}, extra(1, b"1234567")),
    ],
)
def test_missing_zip64_values_are_refused(central, field):
    assert "lacks the ZIP64 sizes" in refusal(build([Fake(central=central, extra=field)]))


def test_extra_fields_must_fit_and_zip64_may_be_there_once():
    assert "damaged extra" in refusal(build([Fake(extra=struct.pack("<HH", 9, 5) + b"1234")]))
    assert "twice" in refusal(build([Fake(extra=zip64(7) * 2)]))
    assert paths_of(build([Fake(extra=extra(9, b"x") + b"\0\0\0")])) == ["a.bin"]


# Limits that are refused before anything large is read


@pytest.mark.parametrize(
    ("end64", "reason"),
    [
        ({"entries": MAX_MEMBERS + 1, "here": MAX_MEMBERS + 1}, "100001 members"),
        ({"entries": 2**64 - 1, "here": 2**64 - 1}, "members"),
        ({"size": MAX_DIRECTORY_BYTES + 1}, "directory has"),
    ],
)
def test_limits_are_refused_before_the_directory_is_read(end64, reason):
    end = {"entries": 0xFFFF, "here": 0xFFFF, "size": ALL_ONES, "offset": ALL_ONES}
    source = Recorded(build([Fake()], end64=end64, end=end))
    with pytest.raises(InvalidArchive, match=reason):
        read_directory(source)
    assert len(source.reads) == 1
