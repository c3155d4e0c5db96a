"""The doors through which the same tests go, and a user of their own for each test."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import KNOWN, SECRET
from doors import Client, DeployedDoor, Door

from benchmarks._cloud import cloud
from benchmarks._seaweed import SeaweedFS, seaweedfs
from devserver.credentials import keys_of
from devserver.process import LocalService


@pytest.fixture(scope="session")
def seaweed_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the service on SeaweedFS. Both stores take its keys: one process can look into both."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def seaweed(seaweed_data: Path) -> Iterator[SeaweedFS]:
    """A real S3 that checks signatures, one for each test process."""
    with seaweedfs(keys_of(seaweed_data)) as running:
        yield running


@pytest.fixture(scope="session")
def seaweed_service(seaweed: SeaweedFS, seaweed_data: Path) -> Iterator[LocalService]:
    """The service with its objects on SeaweedFS and its table in the embedded AWS stand-in."""
    with LocalService(seaweed_data, env=seaweed.environment) as running:
        yield running


@pytest.fixture(scope="module")
def guarded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """`make run` with callers known by JWT."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "secret").write_text(SECRET)
    environment = {**KNOWN, "WEIGHTHOUSE_JWT_SECRET": f"file:{folder}/secret"}
    with LocalService(folder / "data", env=environment) as running:
        yield running


@pytest.fixture(scope="session")
def deployed() -> Iterator[DeployedDoor]:
    """The service as `make deploy` deploys it, in an emulated account that holds each role to its policy."""
    with cloud() as running:
        yield DeployedDoor(running, running.deploy("test"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Sends each test of a door through `make run` on both stores, and those marked so through what is deployed."""
    if "door" in metafunc.fixturenames:
        also = ["deployed"] if metafunc.definition.get_closest_marker("also_deployed") else []
        metafunc.parametrize("door", ["emulator", "seaweedfs", *also], indirect=True)


@pytest.fixture
def door(request: pytest.FixtureRequest) -> Door:
    """One of the ways in which the service runs here."""
    if request.param == "deployed":
        deployed: DeployedDoor = request.getfixturevalue("deployed")
        return deployed
    if request.param == "emulator":
        return Door(request.getfixturevalue("service"))
    return Door(request.getfixturevalue("seaweed_service"), request.getfixturevalue("seaweed"))


@pytest.fixture
def client(door: Door, request: pytest.FixtureRequest) -> Client:
    """A client of a user whom no other test knows."""
    test = re.sub("[^a-z]+", "-", request.node.originalname)[-60:].strip("-")
    return Client(door, f"{test}-{uuid.uuid4().hex[:8]}")
