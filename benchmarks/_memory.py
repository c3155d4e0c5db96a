"""The most memory that a process has had."""

import re
import resource
from pathlib import Path


def peak_mib() -> float:
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux what getrusage tells begins with the peak of the process that started this one.
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024  # type: ignore[index]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20)
