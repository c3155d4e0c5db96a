"""The browser, and a server that pages of other origins come from."""

from collections.abc import Iterator

import pytest
from chromium import Chromium, find
from elsewhere import Elsewhere


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """Serves pages of other origins."""
    with Elsewhere() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser; what needs it is skipped where there is none."""
    command = find()
    if command is None:
        pytest.skip(
            "there is no Chromium here: `sudo apt install chromium`, or any Chrome, has these tests run"
        )
    with Chromium(command, tmp_path_factory.mktemp("browser"), f"127.0.0.1:{elsewhere.port}") as running:
        yield running
