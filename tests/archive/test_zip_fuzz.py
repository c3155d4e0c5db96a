"""A short run of `make bench-fuzz`, and that it would find what is wrong."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import fuzz_archives
from benchmarks._damage import originals
from benchmarks.fuzz_archives import CHUNKS, GROWTH_MIB, WARM, Wrong, batch, examine, examined
from chalicelib.archive.directory import Directory, read_directory
from chalicelib.archive.members import stream_member


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    # It reads with every engine in turn: the one that was set comes back.
    monkeypatch.setattr(fuzz_archives.reader, "engine", fuzz_archives.reader.engine)


@pytest.mark.parametrize("archive", originals())
def test_what_is_not_damaged_is_read(archive):
    assert {examine(archive, chunk) for chunk in CHUNKS} == {"read"}


@pytest.mark.parametrize("seed", range(4))
def test_damaged_archives_are_refused_or_read_correctly(seed):
    ends = Counter(examined(seed, number) for number in range(1_500))
    assert set(ends) == {"refused", "partly", "read"}
    assert min(ends.values()) > 80


@given(st.binary(max_size=300), st.integers(0, 100))
def test_noise_before_an_end_record_is_refused(noise, size):
    end = b"PK\x05\x06" + bytes(4) + b"\x01\0\x01\0" + size.to_bytes(4, "little")
    assert examine(noise + end + max(0, len(noise) - size).to_bytes(4, "little") + b"\0\0") == "refused"


def read_with(monkeypatch, change):
    """Lets `change` do what it wants to the members that are found."""

    def changed(source):
        directory = read_directory(source)
        return Directory(tuple(map(change, directory.members)), directory.left_out)

    monkeypatch.setattr(fuzz_archives, "read_directory", changed)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda member: member._replace(path="../" + member.path), "is no path"),
        (lambda member: member._replace(raw_name=b"x" * len(member.raw_name)), "zipfile calls"),
        (lambda member: member._replace(header_offset=member.header_offset + 1), "zipfile knows nothing"),
    ],
)
def test_a_reader_that_misreads_the_directory_would_be_found(monkeypatch, change, finding):
    read_with(monkeypatch, change)
    with pytest.raises(Wrong, match=finding):
        examine(originals()[0])


@pytest.mark.parametrize(
    ("forge", "finding"),
    [
        (lambda content: content[:-1], "another size or CRC-32"),
        (lambda content: content + b"x", "longer than declared"),
        (lambda content: bytes(len(content)), "another size or CRC-32"),
    ],
)
def test_a_reader_that_gives_another_content_would_be_found(monkeypatch, forge, finding):
    def forged(source, member):
        yield forge(b"".join(stream_member(source, member)))

    monkeypatch.setattr(fuzz_archives.reader, "stream_member", forged)
    with pytest.raises(Wrong, match=finding):
        examine(originals()[0])


def test_a_content_that_only_zipfile_reads_otherwise_would_be_found(monkeypatch):
    monkeypatch.setattr(fuzz_archives.zipfile.ZipFile, "read", lambda *_: b"other")
    with pytest.raises(Wrong, match="zipfile reads something else"):
        examine(originals()[0])


def test_other_exceptions_slowness_and_growth_are_findings(monkeypatch):
    held = []

    def misbehaving(seed, number):
        if number == 10:
            raise KeyError("oops")
        while number == 20:
            pass
        if number == WARM + 30:
            held.append(number)
        return "read"

    monkeypatch.setattr(fuzz_archives, "examined", misbehaving)
    monkeypatch.setattr(fuzz_archives, "SECONDS", 0.05)
    monkeypatch.setattr(fuzz_archives, "_peaks", [])
    # The peak of a process that ran other tests is as high already.
    monkeypatch.setattr(fuzz_archives, "_peak", lambda: len(held) * 2 * GROWTH_MIB)
    ends, findings = batch(0, 0, WARM + 60)
    assert findings == [
        "input 10: KeyError: 'oops'",
        "input 20: TimeoutError: over 0.05 s",
        f"input {WARM + 30}: the process grew by {2 * GROWTH_MIB} MiB",
    ]
    assert ends == {"read": WARM + 58, "wrong": 2}
