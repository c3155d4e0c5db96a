"""A lease is renewed while the work goes on, and whoever lost it stops before the next write."""

import time

import pytest
from stealing import changed, row, stolen, taken

from chalicelib.registry import clock, leases
from chalicelib.registry.leases import LEASE, RESERVE, Lease, LeaseLost, OutOfTime
from chalicelib.store import table
from chalicelib.store.rows import Row

KEY = ("upload#a", "upload")
ME = "me"


class Clock:
    now = 1_000_000_000


@pytest.fixture
def held(aws, monkeypatch):
    """The clock of a row that is held for a minute, and renewed at every turn."""
    monkeypatch.setattr(clock, "now", lambda: Clock.now)
    monkeypatch.setattr(leases, "RENEWAL", 0.005)
    monkeypatch.setattr(Clock, "now", Clock.now)
    table.put(Row(*KEY, owner=ME, lease_until=Clock.now + LEASE))
    return Clock


def lease(remaining=lambda: 900.0):
    return Lease(KEY, ME, remaining, until=Clock.now + LEASE)


def soon(true):
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.005)


def is_lost(lease):
    try:
        lease.check_held()
    except LeaseLost:
        return True
    return False


def test_it_is_renewed_for_as_long_as_the_work_goes_on(held):
    with lease() as mine:
        for _ in range(3):
            mine.advance(2, 10)
            held.now += LEASE - 1
            soon(lambda: int(row(KEY)["lease_until"]) == held.now + LEASE)
            soon(lambda: not is_lost(mine))
    assert (row(KEY)["files_done"], row(KEY)["bytes_done"]) == ("6", "30")
    assert not mine._keeper.is_alive()


def test_who_is_not_its_owner_any_more_stops(held):
    with lease() as mine:
        taken(KEY)
        soon(lambda: is_lost(mine))
        with pytest.raises(LeaseLost):
            mine.check()
    assert row(KEY)["owner"] != ME


def test_a_store_that_is_out_of_reach_for_a_moment_does_not_end_it(held):
    def fail(_):
        raise ConnectionError

    with stolen(KEY, fail), lease() as mine:
        held.now += 1
        soon(lambda: int(row(KEY)["lease_until"]) == held.now + LEASE)
        mine.check()


def test_it_lapses_when_it_can_not_be_renewed(held, monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 60)
    with lease() as mine:
        held.now += LEASE - 1
        mine.check()
        held.now += 1
        with pytest.raises(LeaseLost):
            mine.check()


def test_it_counts_from_the_claim_and_not_from_when_the_work_began(held, monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 60)
    claimed_until = held.now + LEASE
    held.now += LEASE
    with Lease(KEY, ME, lambda: 900.0, until=claimed_until) as mine, pytest.raises(LeaseLost):
        mine.check()


def test_a_lease_within_another_is_lost_with_it(held, monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 60)
    with lease() as outer, Lease(KEY, ME, lambda: 900.0, until=held.now + 3 * LEASE, within=outer) as inner:
        inner.check()
        held.now += LEASE
        with pytest.raises(LeaseLost):
            inner.check_held()


def test_no_work_is_begun_that_there_is_no_time_for(held):
    changed(owner=ME)(KEY)
    left = [RESERVE]
    with lease(lambda: left[0]) as mine:
        mine.check()
        left[0] -= 0.1
        with pytest.raises(OutOfTime):
            mine.check()
        mine.check_held()
