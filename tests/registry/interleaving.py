"""One request in the middle of another."""

from contextlib import contextmanager
from unittest.mock import patch

import botocore.client


@contextmanager
def just_before(number, act):
    """Calls `act` once, right before the call to AWS of this number, counted from 0; yields how many were made."""
    original, made = botocore.client.BaseClient._make_api_call, []

    def hooked(client, name, arguments):
        made.append(name)
        if len(made) == number + 1:
            with patch.object(botocore.client.BaseClient, "_make_api_call", original):
                act()
        return original(client, name, arguments)

    with patch.object(botocore.client.BaseClient, "_make_api_call", hooked):
        yield made
