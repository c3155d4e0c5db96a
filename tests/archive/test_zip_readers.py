"""Our ZIPs open everywhere: nothing of ZIP64 where nothing needs it, and real tools where they are installed."""

import os
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from laidout import FILES, ONES16, ONES32, Sparse, gather, plan, records_of

from chalicelib.archive import layout as layouts
from chalicelib.archive.layout import Content, Entry, plan_archive
from chalicelib.archive.parts import plan_parts

GIB = 1024**3


def layout_of(*sizes: int):
    return plan_archive([Entry(f"{number:05}", size, number) for number, size in enumerate(sizes)])


# ZIP64 only where it is needed


def test_a_small_archive_has_nothing_of_zip64():
    found = records_of(plan(FILES))
    assert [member.name for member in found.members] == sorted(FILES, key=str.encode)
    assert not found.wide_end
    for member in each(found.members):
        assert (member.local_wide, member.central_wide, member.versions) == ((), (), (20, 20))


@pytest.mark.parametrize("size", [ONES32 - 1, ONES32, ONES32 + 1])
def test_a_member_has_wide_sizes_when_narrow_ones_would_not_do(size):
    found = records_of(layout_of(size))
    wide = (size, size) if size >= ONES32 else ()
    (member,) = found.members
    assert (member.local_wide, member.central_wide) == (wide, wide)
    assert member.versions == ((45, 45) if wide else (20, 20))
    # Behind it lies the directory.
    assert found.wide_end


@pytest.mark.parametrize("missing", [1, 0, -1])
def test_a_member_has_a_wide_offset_when_a_narrow_one_would_not_do(missing):
    header = 30 + len("00000")
    found = records_of(layout_of(ONES32 - header - missing, 7))
    first, second = found.members
    assert second.offset == ONES32 - missing
    assert (first.local_wide, first.central_wide) == ((), ())
    # The offset alone, and in the directory alone.
    assert second.local_wide == ()
    assert second.central_wide == ((second.offset,) if missing <= 0 else ())
    assert second.versions == ((20, 45) if missing <= 0 else (20, 20))


@pytest.mark.parametrize("missing", [1, 0, -1])
def test_the_end_is_wide_when_the_directory_begins_too_far_behind(missing):
    header = 30 + len("00000")
    found = records_of(layout_of(ONES32 - header - missing))
    assert found.wide_end == (missing <= 0)


def test_a_large_member_behind_a_far_offset_has_all_three_wide():
    found = records_of(layout_of(5 * GIB, 6 * GIB, 1))
    assert found.members[1].local_wide == (6 * GIB, 6 * GIB)
    assert found.members[1].central_wide == (6 * GIB, 6 * GIB, 5 * GIB + 35 + 20)
    assert found.members[2].central_wide == (11 * GIB + 2 * (35 + 20),)


@pytest.mark.parametrize(("count", "wide"), [(ONES16 - 1, False), (ONES16, True), (ONES16 + 1, True)])
def test_the_end_is_wide_from_65535_members_on(count, wide):
    assert len(layouts._end_records(count, 0, 0)) == (22 + 56 + 20 if wide else 22)


@pytest.mark.parametrize(("size", "wide"), [(ONES32 - 1, False), (ONES32, True)])
def test_the_end_is_wide_when_the_directory_is_too_large(size, wide):
    assert len(layouts._end_records(1, 0, size)) == (22 + 56 + 20 if wide else 22)


@pytest.mark.parametrize(("count", "wide"), [(4, False), (5, True), (6, True)])
def test_the_end_counts_the_members_of_the_archive(count, wide, monkeypatch):
    monkeypatch.setattr(layouts, "UINT16", 5)
    end = layout_of(*[1] * count).pieces[-1].data[-98:]
    assert end.startswith(b"PK\x06\x06") == wide


@given(st.dictionaries(st.text("ab/é模😀", min_size=1, max_size=9), st.integers(0, 2**43), min_size=1))
def test_zipfile_finds_every_member_of_any_size_where_it_is(sizes):
    layout = plan_archive([Entry(path, size, 7) for path, size in sizes.items()])
    assert layout.size == sum(piece.length for piece in layout.pieces)
    contents = {piece.path: piece.length for piece in layout.pieces if isinstance(piece, Content)}
    assert contents == {path: size for path, size in sizes.items() if size}
    assert {member.name: member.size for member in records_of(layout).members} == sizes
    with zipfile.ZipFile(Sparse(layout)) as archive:
        found = {info.filename: info for info in archive.infolist()}
        assert {name: (i.file_size, i.compress_size, i.CRC) for name, i in found.items()} == {
            path: (size, size, 7) for path, size in sizes.items()
        }
        for info in each(found.values()):
            # Opening compares the name in the local header, and leaves the file where the content begins.
            with archive.open(info):
                pass


def test_the_parts_of_an_archive_with_wide_records_are_planned():
    layout = layout_of(*[65 * 1024] * 500, 5 * GIB, 65 * 1024)
    assert records_of(layout).wide_end
    assert sum(part.size for part in plan_parts(layout)) == layout.size


def test_the_date_of_members_is_of_one_day_and_behind_all_epochs_wherever_the_reader_is():
    (date,) = {info.date_time for info in zipfile.ZipFile(Sparse(plan(FILES))).infolist()}
    for hours in each(range(-12, 12)):
        there = datetime(*date, tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
        assert (there.year, there.month, there.day) == date[:3]
    # Kiritimati, the zone furthest to the east, and a reader that goes through UTC more than once.
    assert datetime(*date) - timedelta(days=2) > datetime(1980, 1, 2)


# Real tools, where they are installed


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "model.zip"
    path.write_bytes(gather(plan(FILES).pieces, FILES))
    return path


TOOLS = {
    "unzip": "unzip -q {zip}",
    "busybox": "busybox unzip -q {zip}",
    "bsdtar": "bsdtar -xf {zip}",
    "7zz": "7zz x {zip}",
    "7z": "7z x {zip}",
    "jar": "jar xf {zip}",
}
ZONES = ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("tool", TOOLS)
def test_other_tools_unpack_it(tool, zone, archive, tmp_path):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    command = [word.format(zip=archive) for word in TOOLS[tool].split()]
    where = os.environ | {"TZ": zone, "LC_ALL": "C.UTF-8"}
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=where)
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == FILES
    for path in each(found.values()):
        assert path.stat().st_mtime > 900_000_000


JSZIP = """
const {readFileSync, writeFileSync} = require("fs"), zip = require("jszip");
(async () => {
    const opened = await zip.loadAsync(readFileSync(process.argv[1]));
    writeFileSync("again.zip", await opened.generateAsync({type: "nodebuffer"}));
})();
"""


@pytest.mark.parametrize("zone", ZONES)
def test_a_tool_that_rewrites_it_keeps_the_day(zone, archive, tmp_path):
    node = shutil.which("node")
    if (
        not node
        or subprocess.run([node, "-e", "require('jszip')"], check=False, capture_output=True).returncode
    ):
        pytest.skip("JSZip is not installed")
    where = os.environ | {"TZ": zone}
    subprocess.run([node, "-e", JSZIP, archive], check=True, cwd=tmp_path, env=where)
    with zipfile.ZipFile(tmp_path / "again.zip") as again:
        assert {info.filename: again.read(info) for info in again.infolist() if not info.is_dir()} == FILES
        kept = [info.date_time for info in again.infolist() if not info.is_dir()]
    assert all(abs(datetime(*date) - datetime(2000, 1, 1, 12)) <= timedelta(hours=14) for date in each(kept))


def test_the_tools_that_are_asked_see_what_is_wrong(archive, tmp_path):
    data = bytearray(archive.read_bytes())
    data[data.index(FILES["model.bin"][:20])] ^= 1
    broken = tmp_path / "broken.zip"
    broken.write_bytes(data)
    for command in (["unzip", "-tq"], ["7z", "t"], ["7zz", "t"], ["bsdtar", "-xOf"]):
        if shutil.which(command[0]):
            assert subprocess.run([*command, str(broken)], check=False, capture_output=True).returncode
