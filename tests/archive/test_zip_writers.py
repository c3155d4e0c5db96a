"""ZIPs as common programs write them: what is taken, and what each refusal advises (docs/compatibility.md)."""

import struct
import unicodedata

import pytest
from each import each
from ziplies import ALL_ONES, DEFLATED, Fake, Recorded, build, deflate, extra, unicode_path, zip64

from chalicelib.archive.directory import read_directory
from chalicelib.archive.members import stream_member
from chalicelib.archive.source import BytesSource
from chalicelib.errors import InvalidArchive

DOS, UNIX, NTFS, VFAT, MACOS = 0, 3, 10, 14, 19
MODEL = Fake(b"model.onnx", flags=0)


def contents_of(data: bytes) -> dict[str, bytes]:
    source = BytesSource(data)
    return {member.path: b"".join(stream_member(source, member)) for member in read_directory(source).members}


def paths_of(*members: Fake) -> list[str]:
    return list(contents_of(build(members)))


def refusal(*members: Fake) -> str:
    with pytest.raises(InvalidArchive) as caught:
        contents_of(build(members))
    return caught.value.detail


def folder(name: bytes, **other) -> Fake:
    return Fake(name, b"", mode=0o040755, flags=0, **other)


# Paths


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"./model.bin", "model.bin"),
        (b"./sub/x.json", "sub/x.json"),
        (b"././x", "x"),
        (b"a./b", "a./b"),
        (b"a/.b", "a/.b"),
        (b".", None),
        (b"./", None),
        (b"/", None),
        (b"././", None),
        (b"./.", None),
        (b"./a/", None),
    ],
)
def test_the_folder_itself_in_front_of_names_is_dropped(name, path):
    # `bsdtar --format zip -cf x.zip .` begins all names with "./" and has an entry of it; Dropbox has one of "/".
    found = paths_of(Fake(name, b"" if path is None else b"content"), MODEL)
    assert found == [*([path] if path else []), "model.onnx"]


def test_a_folder_of_everything_with_content_is_refused():
    for name in each([b"/", b"./", b".", b".//"]):
        assert f"{name.decode()!r} is a folder, yet has 7 bytes" in refusal(Fake(name), MODEL)


def test_two_names_of_one_path_collide():
    assert "'a' is in it twice" in refusal(Fake(b"./a"), Fake(b"a"))
    assert "'a' is a file where 'a/b' needs a folder" in refusal(Fake(b"./a"), Fake(b"././a/b"))
    names = [unicodedata.normalize(form, "é.bin").encode() for form in ("NFC", "NFD")]
    assert "but for case, Unicode composition" in refusal(*map(Fake, names))


@pytest.mark.parametrize("name", [b"folder\\file", b"folder\\", b"a/b\\c"])
def test_backslashes_are_refused_with_who_writes_them(name):
    # Compress-Archive of Windows PowerShell 5 (https://github.com/PowerShell/PowerShell/issues/2140).
    detail = refusal(Fake(name, b"", host=DOS, mode=0), MODEL)
    assert "Windows PowerShell 5" in detail
    assert "make the ZIP again with" in detail


# Folders


@pytest.mark.parametrize(
    "entry",
    [
        Fake(b"sub/", b"", mode=0),
        Fake(b"sub/", b"", mode=0o100644),
        Fake(b"sub/", b"", mode=0xFFFF),
        Fake(b"sub/", b"", host=DOS, mode=0, method=DEFLATED),
        Fake(b"sub", b"", mode=0o040755),
        Fake(b"sub", b"", host=DOS, mode=0, attributes=0x10),
        Fake(b"sub", b"", host=DOS, mode=0, attributes=0x10, method=DEFLATED),
        Fake(b"sub/", b"", flags=8, trailer=struct.pack("<4sLLL", b"PK\x07\x08", 0, 0, 0)),
        Fake(b"sub/", b"", flags=8, method=9, data=b"\3\0"),
    ],
)
def test_folders_of_every_kind_are_dropped(entry):
    # With no mode, a file's mode, or a mode of all ones; a folder by its mode alone, or by MS-DOS's attribute alone
    # (https://github.com/zlib-ng/minizip-ng/issues/257); deflated to two bytes; with a data descriptor.
    assert paths_of(entry, Fake(b"sub/x.json"), MODEL) == ["sub/x.json", "model.onnx"]


def test_the_attribute_of_a_folder_counts_where_no_mode_says_that_it_is_a_file():
    assert paths_of(Fake(attributes=0x10)) == ["a.bin"]
    assert "is a folder, yet has 7 bytes" in refusal(Fake(mode=0, attributes=0x10))


# What operating systems leave


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/._model.onnx",
        "./__MACOSX/sub/._x",
        ".DS_Store",
        "sub/.DS_Store",
        "._.DS_Store",
        "Thumbs.db",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "sub/Desktop.ini",
        "Icon\r",
        "sub/Icon\r",
        "__MACOSX/._Icon\r",
        "._.",
        "./._.",
        "._model.onnx",
        "._MODEL.onnx",
        "._sub",
        "sub/._x.json",
        "._deep",
        "deep/._er",
    ],
)
def test_litter_is_left_out_and_counted(name):
    data = build([Fake(name.encode()), MODEL, Fake(b"sub/x.json"), Fake(b"deep/er/y")])
    directory = read_directory(BytesSource(data))
    assert [member.path for member in directory.members] == ["model.onnx", "sub/x.json", "deep/er/y"]
    assert directory.left_out == 1


def test_apple_double_files_of_a_name_in_either_form_are_left_out():
    names = [unicodedata.normalize("NFD", "._é"), unicodedata.normalize("NFC", "é")]
    assert paths_of(*(Fake(name.encode()) for name in names)) == ["é"]


@pytest.mark.parametrize(
    "name", ["._other", "._", "sub/._model.onnx", "a._model.onnx", "desktop.ini.txt", "Icon", "_.model.onnx"]
)
def test_what_may_be_a_file_of_the_users_stays(name):
    assert paths_of(Fake(name.encode()), MODEL) == [name, "model.onnx"]


@pytest.mark.parametrize("name", [b"a\r/Icon\r", b"Icons\r", b"Icon\r\r", b"../Icon\r", b"/Icon\r"])
def test_litter_may_not_be_dangerous(name):
    assert refusal(Fake(name), MODEL)


# Names


@pytest.mark.parametrize("host", [UNIX, MACOS])
@pytest.mark.parametrize("name", ["é.bin", "e\u0301.bin", "模型.bin", "том.bin"])
def test_names_in_utf8_that_nothing_declares_are_taken_from_unix_and_macos(host, name):
    # Finder, ditto, and Info-ZIP in the locale C.
    assert paths_of(Fake(name.encode(), flags=0, host=host)) == [name]


@pytest.mark.parametrize("host", [DOS, NTFS, VFAT])
def test_names_of_windows_that_nothing_declares_must_be_surely_utf8(host):
    assert paths_of(Fake("größe für é.bin".encode(), flags=0, host=host)) == ["größe für é.bin"]
    assert paths_of(Fake("模型文件.bin".encode(), flags=0, host=host)) == ["模型文件.bin"]
    assert paths_of(Fake("éàü.bin".encode(), flags=0, host=host)) == ["éàü.bin"]
    for name in each(["é.bin", "éà.bin"]):
        assert "a code page that the ZIP does not tell" in refusal(Fake(name.encode(), flags=0, host=host))


@pytest.mark.parametrize("host", [DOS, UNIX, NTFS])
@pytest.mark.parametrize(
    ("name", "code_page"),
    [
        ("é.bin", "cp437"),
        ("é.bin", "cp850"),
        ("é.bin", "latin-1"),
        ("модель.bin", "cp866"),
        ("модель.bin", "cp1251"),
        ("モデル.bin", "cp932"),
        ("模型.bin", "gbk"),
        ("모델.bin", "cp949"),
        ("模型.bin", "big5"),
    ],
)
def test_names_in_a_code_page_that_nothing_declares_are_refused(host, name, code_page):
    detail = refusal(MODEL, Fake(name.encode(code_page), flags=0, host=host))
    assert "code page that the ZIP does not tell" in detail or "backslash" in detail
    assert "make the ZIP again" in detail


@pytest.mark.parametrize(
    ("name", "code_page"), [("том.bin", "cp866"), ("模.bin", "gbk"), ("ﾃｩ.bin", "cp932")]
)
def test_a_short_name_in_a_code_page_that_is_valid_utf8_by_chance_is_refused(name, code_page):
    raw = name.encode(code_page)
    assert raw.decode() != name
    assert "code page" in refusal(MODEL, Fake(raw, flags=0, host=DOS))


@pytest.mark.parametrize("raw", ["é.bin".encode("cp850"), "模.bin".encode("gbk"), b"_.bin"])
def test_a_unicode_path_tells_a_name_in_any_code_page(raw):
    # Info-ZIP and WinRAR for Windows, 7-Zip with cu=off.
    name = "模型 é.bin"
    assert paths_of(Fake(raw, flags=0, host=DOS, extra=unicode_path(name.encode(), raw))) == [name]


def test_an_empty_unicode_path_field_is_damaged():
    assert "damaged Unicode path" in refusal(Fake(flags=0, extra=extra(0x7075, b"")))


def test_folders_may_have_a_name_in_utf8_that_nothing_declares():
    # Java's zipfs: names of files are declared, those of folders not.
    assert paths_of(folder("é/".encode(), host=DOS), Fake("é/ü".encode(), host=DOS)) == ["é/ü"]
    assert paths_of(folder("é/".encode("cp850"), host=DOS), MODEL) == ["model.onnx"]
    assert "U+0007" in refusal(folder(b"\x82\x07/", host=DOS), MODEL)


# Kinds of writing


def streamed(
    *, narrow: bool, local: dict, local_extra: bytes = b"", signature: bytes = b"PK\x07\x08"
) -> Fake:
    content = b"weights " * 9
    form = "<LLL" if narrow else "<LQQ"
    whole = Fake(b"streamed.bin", content, method=DEFLATED)
    truth = whole.truth()
    descriptor = signature + struct.pack(form, truth["crc"], truth["packed"], truth["size"])
    header = {"crc": 0, "packed": 0, "size": 0, **local}
    return Fake(
        **{
            **vars(whole),
            "flags": 0x0808,
            "local": header,
            "local_extra": local_extra,
            "trailer": descriptor,
        }
    )


WIDE = {"packed": ALL_ONES, "size": ALL_ONES}
STREAMED = {
    "Java's ZipOutputStream, Go, JSZip, .NET, Google Drive": streamed(narrow=True, local={}),
    "without the signature": streamed(narrow=True, local={}, signature=b""),
    "Info-ZIP from a pipe with ZIP64 forced": streamed(narrow=False, local=WIDE, local_extra=zip64(0, 0)),
    "Python's zipfile into a pipe with force_zip64": streamed(
        narrow=False, local=WIDE, local_extra=zip64(0, 0)
    ),
    "wide without a ZIP64 field": streamed(narrow=False, local={}),
    "Info-ZIP: the size is known, what it packs to is not": streamed(narrow=True, local={"size": 72}),
}


@pytest.mark.parametrize("writer", STREAMED)
def test_what_is_written_into_a_pipe_is_read(writer):
    assert contents_of(build([STREAMED[writer], MODEL]))["streamed.bin"] == b"weights " * 9


def test_a_member_without_a_name_that_was_read_from_a_pipe_is_refused():
    # `cat model | zip model.zip -` stores it as a pipe that is called "-".
    assert "'-' was read from a pipe" in refusal(Fake(b"-", mode=0o010600))
    assert paths_of(Fake(b"-")) == ["-"]


@pytest.mark.parametrize("zeros", [1, 22, 10_240, 60_000])
def test_zeros_behind_the_archive_are_ignored(zeros):
    # `bsdtar --format zip -cf - . > x.zip` fills up to blocks of 10,240 bytes.
    for options in each([{}, {"comment": b"by hand"}, {"end64": {}}]):
        assert "model.onnx" in contents_of(build([MODEL], after=bytes(zeros), **options))


@pytest.mark.parametrize("after", [b"\n", b"\0\n", bytes(100) + b"x"])
def test_anything_else_behind_the_archive_is_refused(after):
    with pytest.raises(InvalidArchive, match="after its end"):
        contents_of(build([MODEL], after=after))


def test_a_program_that_unpacks_itself_is_read_when_its_offsets_count_the_program():
    assert "model.onnx" in contents_of(build([MODEL], before=b"MZ" + bytes(500)))


def test_fields_that_say_nothing_of_the_content_are_ignored():
    # Times, owners, NTFS's times, Java's mark, padding of zeros.
    fields = [
        extra(0x5455, b"\3" + bytes(8)),
        extra(0x7875, b"\1\4" + bytes(9)),
        extra(0x000A, bytes(32)),
        extra(0xCAFE, b""),
        b"\0\0\0\0",
        b"\0",
    ]
    assert paths_of(Fake(extra=b"".join(fields), local_extra=b"".join(fields))) == ["a.bin"]


def test_dates_that_no_calendar_has_are_ignored():
    for header in each([b"PK\x03\x04", b"PK\x01\x02"]):
        data = bytearray(build([MODEL]))
        place = data.index(header) + (10 if header.endswith(b"\4") else 12)
        data[place : place + 4] = bytes(4)
        assert "model.onnx" in contents_of(bytes(data))


@pytest.mark.parametrize(
    ("method", "name"),
    [(9, "Deflate64"), (12, "BZIP2"), (14, "LZMA"), (93, "Zstandard"), (95, "XZ"), (98, "PPMd"), (77, "77")],
)
def test_other_methods_are_refused_by_name(method, name):
    detail = refusal(Fake(method=method, data=b"?"))
    assert name in detail
    assert "-mm=Deflate" in detail


def test_finders_zips_beyond_what_narrow_fields_hold_are_refused_with_a_way_out():
    # It writes no ZIP64, and cuts what is too large (https://github.com/thejoshwolfe/yauzl/issues/69).
    data = build([MODEL], before=bytes(70_000))
    with pytest.raises(InvalidArchive, match=r"as macOS's Finder writes it.*zip -r"):
        read_directory(Recorded(data, size=len(data) + 2**32))
    many = build([Fake(b"%d" % number, b"") for number in range(3)], end={"entries": 1, "here": 1})
    with pytest.raises(InvalidArchive, match=r"Finder.*zip -r"):
        read_directory(BytesSource(many))


def test_deflated_content_is_what_was_meant():
    assert contents_of(build([Fake(b"x", b"12", method=DEFLATED, data=deflate(b"12", 0))])) == {"x": b"12"}
