"""Stores that fail, a server that is killed and events that come twice and late: `make bench-faults` in short."""

import random
from pathlib import Path

import pytest
from each import each

from benchmarks._faults import RATE
from benchmarks._seaweed import SeaweedFS
from benchmarks.faults import between_proxies, run
from devserver.process import LocalService

SEED = 3
OPERATIONS = 18


@pytest.mark.repeat
def test_nothing_is_lost_damaged_or_left_over(
    seaweed: SeaweedFS, seaweed_service: LocalService, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    # Its own bucket and table: the stores are those of other tests as well.
    names = {"WEIGHTHOUSE_BUCKET": "faults", "WEIGHTHOUSE_TABLE": "faults"}
    limit = {"WEIGHTHOUSE_REQUEST_VERIFY_LIMIT": "12000000"}
    tables = seaweed_service.aws_url
    with between_proxies(seaweed, tables, tmp_path / "data", chance, {**names, **limit}) as setup:
        outcome = run(setup, chance, count=OPERATIONS, kills=1, clients=3, rate=RATE, patience=4)
        for proxy in each(setup.proxies):
            assert proxy.faults.total() >= 5
    assert outcome.wrong == []
    assert outcome.workload.left.total() <= OPERATIONS / 3
    assert outcome.echoes.calls > 0
