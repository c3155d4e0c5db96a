"""How long the client tries again."""

import math
import random

import pytest

from weighthouse import patience
from weighthouse.errors import Unreachable
from weighthouse.patience import Patience, Transient


class Clocked(Patience):
    """Waits in no time, by a clock of its own."""

    def __init__(self, budget: float, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(budget)
        self.now = 100.0
        monkeypatch.setattr(patience, "monotonic", lambda: self.now)
        monkeypatch.setattr(random, "uniform", lambda low, high: high)

    def wait(self, seconds: float) -> None:
        self.now += seconds


def fail(retry_after: float = 0.0, within: float = math.inf) -> None:
    raise Transient(Unreachable("The service is away"), retry_after, within)


def test_what_lasts_a_little_less_than_the_budget_is_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = Clocked(10, monkeypatch)
    assert clocked.keep_trying(lambda: fail() if clocked.now < 109.9 else "back") == "back"


def test_the_budget_ends_it_with_the_last_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = Clocked(10, monkeypatch)
    with pytest.raises(Unreachable, match=r"away \(tried 7 times\)"):
        clocked.keep_trying(fail)
    assert clocked.now == 110


def test_nobody_waits_for_a_time_beyond_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = Clocked(10, monkeypatch)
    with pytest.raises(Unreachable, match=r"away$"):
        clocked.keep_trying(lambda: fail(retry_after=11))
    assert clocked.now == 100


def test_what_may_never_pass_is_tried_for_less_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = Clocked(100, monkeypatch)
    with pytest.raises(Unreachable):
        clocked.keep_trying(lambda: fail(within=10))
    assert clocked.now == 110
