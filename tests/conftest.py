"""What tests of several folders share."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from devserver.process import LocalService

# How long an example takes says more of the machine than of the code.
settings.register_profile("weighthouse", deadline=None)
settings.load_profile("weighthouse")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """The whole service as `make run` starts it, one for each test process."""
    with LocalService(tmp_path_factory.mktemp("data")) as running:
        yield running


class _Scheduling(LoadFileScheduling):
    """A file's tests in one process, as `--dist loadfile` has it, and all that needs a deployment in one as well."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return "deployed" if "[deployed" in nodeid or scope.endswith("test_e2e_deployed.py") else scope


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Has one deployment made, not one for each process."""
    return _Scheduling(config, log)
