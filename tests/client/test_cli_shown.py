"""What the command makes of what it is given and of what it shows: plain functions."""

import io
import json
import time

import click
import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from weighthouse import errors
from weighthouse.cli import exits, watching
from weighthouse.cli.changing import read_changes
from weighthouse.cli.differing import Changes, compare_files
from weighthouse.cli.fields import given as given_fields
from weighthouse.cli.listing import _times
from weighthouse.cli.pace import Pace, rows
from weighthouse.cli.text import duration, moment, plain, size, value
from weighthouse.documents import File
from weighthouse.progress import FileProgress, Progress


@given(st.text())
def test_no_text_reaches_a_terminal_with_anything_that_is_not_printable(text):
    assert plain(text).isprintable()


def test_what_is_printable_stays_as_it_is():
    assert plain("Größe 大 [bold]") == "Größe 大 [bold]"
    assert plain("a\x1b[31m\u202e\n") == r"a\x1b[31m\u202e\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (99_960, "100 kB"),
        (999_600, "1.00 MB"),
        (48_800_000_000_000, "48.8 TB"),
        (10**21, "1,000 EB"),
    ],
)
def test_sizes_have_three_digits(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.04 s"), (4.24, "4.2 s"), (5, "5 s"), (9.96, "10 s"), (59.6, "1:00"), (3725, "1:02:05")],
)
def test_durations_are_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_values_are_written_for_people():
    assert value("input_shape", [1, 28, 28]) == "1 × 28 × 28"
    assert value("tags", ["a", "b"]) == "a, b"
    assert (value("tags", []), value("is_active", False), value("num_parameters", 1234567)) == (
        "–",
        "no",
        "1,234,567",
    )
    said = {"flag": True, "none": None, "größe": ["\x1b"]}
    assert value("custom_metadata", said) == r'{"flag": true, "none": null, "größe": ["\u001b"]}'


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "01:17 +00:00"), ("IST-5:30", "06:47 +05:30"), ("XYZ+3", "22:17 -03:00")]
)
def test_a_time_is_shown_with_the_offset_of_its_zone(monkeypatch, zone, shown):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment("2026-12-01T01:17:16Z")[11:] == shown
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_offset_of_all_times_of_a_list_is_in_the_title():
    summer, winter = "2026-07-01 10:00 +02:00", "2026-12-01 10:00 +01:00"
    assert _times([winter, winter]) == ("CREATED (+01:00)", ["2026-12-01 10:00"] * 2)
    assert _times([winter, summer]) == ("CREATED", [winter, summer])


def test_changes_are_fields_and_tags():
    fields, added, removed = read_changes(
        ("tags=a,b", "+c", "-d", "description=", "is-active=no", "primary_file_path=x")
    )
    assert fields == {"tags": ["a", "b"], "description": None, "is_active": False, "primary_file_path": "x"}
    assert (added, removed) == (["c"], ["d"])
    assert read_changes(("+zu\u0308rich", "-zu\u0308rich"))[1:] == (["z\u00fcrich"], ["z\u00fcrich"])


@pytest.mark.parametrize("change", ["plain", "+", "-", "framework=jax", "=1"])
def test_what_is_no_change_is_refused(change):
    with pytest.raises(errors.InvalidInput):
        read_changes((change,))


def test_flags_become_fields():
    flags = {
        "tags": ("a,b", "c"),
        "custom_metadata": ("seed=42", 'by="nora"'),
        "input_shape": "1x28",
        "name": None,
    }
    assert given_fields(flags) == {
        "tags": ["a,b", "c"],
        "custom_metadata": {"seed": 42, "by": "nora"},
        "input_shape": [1, 28],
    }
    assert given_fields({"is_active": False, "test_accuracy": "0.5"}) == {
        "is_active": False,
        "test_accuracy": 0.5,
    }


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12e4567", "12e4567"),
        ("1e10", "1e10"),
        ("1.10", "1.10"),
        ("007", "007"),
        ("-0", "-0"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("9" * 5000, "9" * 5000),
        ("[" * 100_000, "[" * 100_000),
        ("nora", "nora"),
        ("", ""),
        ("a=b", "a=b"),
        ("42", 42),
        ("-0.5", -0.5),
        (str(2**70), 2**70),
        ("true", True),
        ("null", None),
        ('"42"', "42"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_metadata_is_a_number_only_where_writing_it_returns_what_was_typed(typed, kept):
    (found,) = given_fields({"custom_metadata": (f"key={typed}",)})["custom_metadata"].values()
    assert (found, type(found)) == (kept, type(kept))


@given(st.text())
def test_a_text_of_any_kind_is_no_other_number(typed):
    found = given_fields({"custom_metadata": (f"key={typed}",)})["custom_metadata"]["key"]
    if isinstance(found, int | float) and not isinstance(found, bool):
        assert json.dumps(found) == typed


def test_metadata_json_is_json_and_nothing_else():
    flags = {"custom_metadata": ("a=1e3", "b=x"), "custom_metadata_json": ("a=1e3", 'c={"d": [2e-5]}')}
    assert given_fields(flags) == {"custom_metadata": {"a": 1000.0, "b": "x", "c": {"d": [2e-5]}}}
    assert given_fields({"custom_metadata_json": ("a=1",), "custom_metadata": ()}) == {
        "custom_metadata": {"a": 1}
    }
    for typed in each(("a=x", "a=12e4567", "a=NaN", "a={'b': None}", "a=", "a", "=1")):
        with pytest.raises(errors.InvalidInput, match="--metadata-json"):
            given_fields({"custom_metadata_json": (typed,)})


def file(name, size, hashed=None, crc32=None):
    kind = {"file_type": "other", "hash_verified": True, "content_type": "a/b", "is_primary": False}
    return File(filename=name, file_path=name, file_size=size, file_hash=hashed, crc32=crc32, **kind)


def test_files_are_compared_by_what_is_known_of_their_content():
    old = [
        file("gone", 1, "a"),
        file("same", 2, "b"),
        file("moved", 3, "c"),
        file("crc", 4, None, "0"),
        file("?", 5),
    ]
    new = [
        file("same", 2, "b"),
        file("moved", 3, "d"),
        file("crc", 4, "e", "0"),
        file("?", 5),
        file("new", 6, "f"),
    ]
    assert compare_files(old, new) == Changes(
        added=[{"filename": "new", "file_size": 6}],
        removed=[{"filename": "gone", "file_size": 1}],
        changed=[
            {"filename": "moved", "old_size": 3, "new_size": 3},
            {"filename": "?", "old_size": 5, "new_size": 5},
        ],
        unchanged=2,
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.WeighthouseError("x"), 1),
        (OSError(28, "No space left on device"), 1),
        (click.UsageError("x"), 2),
        (errors.InvalidInput("x"), 2),
        (errors.NotFound("x", 404), 3),
        (errors.Conflict("x", 409), 4),
        (errors.NotAuthenticated("x", 401), 5),
        (errors.Forbidden("x", 403), 5),
        (errors.Unavailable("x", 503), 6),
        (errors.Unreachable("x"), 6),
        (errors.ContentMismatch("x"), 7),
        (errors.FileChanged("x"), 7),
    ],
)
def test_each_error_has_its_status(error, status):
    assert exits.status_of(error) == status


def progress(phase="sending", moved=0, seconds=0.0, files=(), total=10_000_000):
    return Progress(phase, 1, 3, moved, total, moved, seconds, files)


def test_the_speed_is_that_of_the_last_seconds():
    pace = Pace()
    pace.add(progress(moved=0, seconds=0.0), 100.0)
    assert pace.speed(100.1) == 0, "too early to say"
    for second in range(1, 31):
        moved = 10 * second + 1000 * max(0, second - 15)
        pace.add(progress(moved=moved, seconds=float(second)), 100.0 + second)
    assert pace.speed(130.0) == pytest.approx(1000, rel=0.1)
    assert pace.speed(150.0) < pace.speed(130.0), "it falls when nothing comes"
    assert pace.idle(137.0) == 7.0
    pace.add(progress("publishing"), 140.0)
    assert pace.speed(141.0) == 0, "another phase begins from nothing"


def test_a_file_keeps_its_row_and_one_that_is_done_stays_until_the_row_is_needed():
    a, b, c, d = (FileProgress(name, 5, 10) for name in "abcd")
    shown = rows([], [a, b, c], 2)
    assert [row.filename for row in shown] == ["a", "b"]
    shown = rows(shown, [b], 2)
    assert shown == [FileProgress("a", 10, 10), b]
    shown = rows(shown, [b, c, d], 2)
    assert shown == [c, b]
    assert rows(shown, [c, b], 1) == [c]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_what_is_drawn_fits_into_the_terminal_and_can_do_no_harm(width):
    bars = watching.Bars("mira/net")
    files = (
        FileProgress("deep/" * 30 + "evil\x1b[31m.bin", 3_000_000, 9_000_000),
        FileProgress("small", 1, 2),
    )
    bars(progress(moved=4_000_000, seconds=2.0, files=files))
    console = Console(file=io.StringIO(), width=width, height=10, force_terminal=True, color_system=None)
    console.print(bars)
    drawn = console.file.getvalue()
    assert all(len(line) <= width for line in each(drawn.splitlines()))
    assert "\x1b" not in drawn
    assert "40 %" in drawn
    assert "small" not in drawn


def test_without_a_terminal_there_is_a_line_every_five_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    written = Console(file=io.StringIO(), width=200)
    lines = watching.Lines(written)
    for second in range(13):
        now[0] = 100.0 + second
        lines(progress(moved=second * 1_000_000, seconds=float(second), total=20_000_000))
    assert written.file.getvalue().splitlines() == [
        "Sending: 1 of 3 files · 5.00 MB of 20.0 MB · 1.00 MB/s · 15 s left",
        "Sending: 1 of 3 files · 10.0 MB of 20.0 MB · 1.00 MB/s · 10 s left",
    ]
    lines(progress("publishing", total=20_000_000))
    assert written.file.getvalue().splitlines()[2:] == [
        "Publishing: the registry checks 3 files, 20.0 MB · 0 s"
    ]
