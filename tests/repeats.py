"""Values of a parameter with which a test only repeats what it checks with others."""

from typing import Any

import pytest


def again(*values: Any, name: str | None = None) -> Any:
    """The values for `parametrize`, or for a fixture's `params`, that `make test-repeats` alone runs."""
    return pytest.param(*values, id=name, marks=pytest.mark.repeat)
