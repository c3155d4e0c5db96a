"""Several things at once, and how they end."""

import threading
import time

import pytest

from weighthouse.parallel import each
from weighthouse.patience import Patience


def test_each_item_comes_with_what_was_made_of_it():
    assert sorted(each(range(40), lambda item: item * item, workers=3, stop=threading.Event())) == [
        (item, item * item) for item in range(40)
    ]


def test_the_first_failure_ends_all_and_nobody_waits_for_what_was_not_begun(monkeypatch):
    monkeypatch.setattr("weighthouse.parallel._ENDING", 60)
    stop, begun = threading.Event(), []
    patience = Patience(stop=stop)

    def work(item):
        begun.append(item)
        if item == 1:
            raise KeyError(item)
        patience.wait(60)

    before = time.monotonic()
    with pytest.raises(KeyError):
        list(each(range(100), work, workers=2, stop=stop))
    assert time.monotonic() - before < 30
    assert stop.is_set()
    assert len(begun) <= 4
