"""Many small calls at a time."""

from threading import Barrier, Lock

import pytest

from chalicelib.store.parallel import for_each


def test_each_is_done_once_and_several_at_a_time():
    barrier, done = Barrier(4, timeout=10), []

    def work(item):
        barrier.wait()
        done.append(item)

    for_each(range(8), work, 4)
    assert sorted(done) == list(range(8))


def test_a_list_is_taken_no_faster_than_it_is_done_with():
    lock, taken, done, ahead = Lock(), [], [], []

    def items():
        for item in range(200):
            with lock:
                taken.append(item)
                ahead.append(len(taken) - len(done))
            yield item

    def work(item):
        with lock:
            done.append(item)

    for_each(items(), work, 4)
    assert len(done) == 200
    assert max(ahead) <= 2 * 4 + 1


def test_nothing_to_do():
    for_each([], lambda item: pytest.fail("there was none"), 4)


def test_the_first_error_ends_it():
    done = []

    def work(item):
        if item == 3:
            raise KeyError(item)
        done.append(item)

    with pytest.raises(KeyError, match="3"):
        for_each(range(1_000_000), work, 2)
    assert len(done) < 100
