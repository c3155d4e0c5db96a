"""The doors through which the same tests go, and a user of their own for each test."""

import re
import uuid
from collections.abc import Iterator

import pytest
from doors import Client, Door

from benchmarks._seaweed import SeaweedFS, seaweedfs
from devserver.process import LocalService


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedFS]:
    """A real S3 that checks signatures, one for each test process."""
    with seaweedfs() as running:
        yield running


@pytest.fixture(scope="session")
def seaweed_service(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """The service with its objects on SeaweedFS and its table in the embedded AWS stand-in."""
    with LocalService(tmp_path_factory.mktemp("data"), env=seaweed.environment) as running:
        yield running


@pytest.fixture(params=["emulator", "seaweedfs"])
def door(request: pytest.FixtureRequest) -> Door:
    """Each of the two ways in which the service runs here."""
    if request.param == "emulator":
        return Door(request.getfixturevalue("service"))
    return Door(request.getfixturevalue("seaweed_service"), request.getfixturevalue("seaweed"))


@pytest.fixture
def client(door: Door, request: pytest.FixtureRequest) -> Client:
    """A client of a user whom no other test knows."""
    test = re.sub("[^a-z]+", "-", request.node.originalname)[-60:].strip("-")
    return Client(door, f"{test}-{uuid.uuid4().hex[:8]}")
