"""Objects written as their bytes come: in parts, within one budget of memory, and no part left of a failure."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings import MIB
from chalicelib.store import large, multipart
from chalicelib.store.memory import Budget


class Parts:
    """A store that keeps parts in memory; `fails` is the number of the one that it refuses."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.sent: dict[int, bytes] = {}
        self.whole: bytes | None = None
        self.aborted = False

    def upload_part(
        self, key: str, multipart_id: str, number: int, pieces: list[bytes], size: int
    ) -> multipart.Part:
        if number == self.fails:
            raise OSError("no")
        self.sent[number] = b"".join(pieces)
        assert len(self.sent[number]) == size
        return multipart.Part(number, size, str(number), None)

    def complete(self, key: str, multipart_id: str, parts: list[multipart.Part]) -> str:
        assert [part.number for part in parts] == list(range(1, len(parts) + 1))
        self.whole = b"".join(self.sent[part.number] for part in parts)
        return "whole"

    def abort(self, key: str, multipart_id: str) -> None:
        self.aborted = True


def patched(patch: pytest.MonkeyPatch, store: Parts, budget: Budget) -> None:
    patch.setattr(multipart, "create", lambda key, content_type: "id")
    for name in ("upload_part", "complete", "abort"):
        patch.setattr(multipart, name, getattr(store, name))
    patch.setattr(large, "PARTS", budget)


def left(budget: Budget) -> int:
    return budget._left


@given(st.lists(st.integers(0, 3), max_size=30).filter(lambda sizes: sum(sizes) > 8))
def test_the_parts_are_the_object(sizes: list[int]) -> None:
    chunks = [bytes([at]) * (size * MIB) for at, size in enumerate(sizes)]
    store, budget = Parts(), Budget(64 * MIB)
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, store, budget)
        assert large.write_stream("k", iter(chunks), sum(sizes) * MIB, "t") == "whole"
    assert store.whole == b"".join(chunks)
    assert all(len(part) >= 8 * MIB for number, part in store.sent.items() if number < len(store.sent))
    assert left(budget) == 64 * MIB


@pytest.mark.parametrize("fails", [1, 2, 4])
def test_a_part_that_fails_leaves_nothing_and_gives_its_memory_back(
    monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    store, budget = Parts(fails), Budget(64 * MIB)
    patched(monkeypatch, store, budget)
    with pytest.raises(OSError, match="no"):
        large.write_stream("k", iter([bytes(8 * MIB)] * 4), 32 * MIB, "t")
    assert store.aborted
    assert store.whole is None
    assert left(budget) == 64 * MIB


def test_content_that_breaks_off_leaves_nothing_and_gives_its_memory_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, budget = Parts(), Budget(64 * MIB)
    patched(monkeypatch, store, budget)

    def content() -> Iterator[bytes]:
        yield bytes(20 * MIB)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        large.write_stream("k", content(), 32 * MIB, "t")
    assert store.aborted
    assert left(budget) == 64 * MIB


def test_who_finds_too_little_memory_waits_for_others() -> None:
    budget = Budget(10)
    budget.take(8)
    taken = threading.Event()

    def take() -> None:
        budget.take(5)
        taken.set()

    thread = threading.Thread(target=take)
    thread.start()
    assert not taken.wait(0.05)
    budget.give(8)
    assert taken.wait(5)
    thread.join()


def test_more_than_there_is_takes_all() -> None:
    budget = Budget(10)
    with budget.taken(100):
        assert left(budget) == 0
    assert left(budget) == 10
