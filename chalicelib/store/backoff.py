"""How long to wait before another try."""

import random
import time


def pause(attempt: int, *, base: float, longest: float) -> None:
    """Waits up to `base` seconds, doubled for each attempt, and up to `longest`: with full jitter
    (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/)."""
    time.sleep(random.uniform(0, min(longest, base * 2**attempt)))  # noqa: S311 - spreads attempts
