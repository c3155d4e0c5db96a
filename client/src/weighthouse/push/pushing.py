"""One push from end to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighthouse.documents import Version
from weighthouse.progress import OnProgress
from weighthouse.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What a push did; sizes in bytes."""

    version: Version
    """As it is published."""
    existed: bool
    """Whether the version was there before with the same content, so that nothing was to be done."""
    files_total: int
    bytes_total: int
    files_sent: int
    """The files of which something travelled."""
    bytes_sent: int
    """What travelled in this run, with what had to be sent again."""
    seconds: float


def push(
    transport: Transport,
    path: Path,
    user_id: str,
    model_id: str,
    version: str,
    metadata: Mapping[str, Any],
    on_progress: OnProgress | None,
) -> Pushed:
    """Sends a file or a folder as a version; see `Client.push`."""
    raise NotImplementedError
