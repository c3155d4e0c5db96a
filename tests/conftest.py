"""What tests of several folders share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from devserver.process import LocalService

# How long an example takes says more of the machine than of the code.
settings.register_profile("weighthouse", deadline=None)
settings.load_profile("weighthouse")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """The whole service as `make run` starts it, one for each test process."""
    with LocalService(tmp_path_factory.mktemp("data")) as running:
        yield running
