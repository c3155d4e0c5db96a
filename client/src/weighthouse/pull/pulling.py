"""One pull from end to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weighthouse.progress import OnProgress
from weighthouse.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What a pull did; sizes in bytes."""

    user_id: str
    model_id: str
    version: str
    directory: Path
    files_total: int
    """The files that were asked for."""
    bytes_total: int
    files_fetched: int
    bytes_fetched: int
    """What travelled in this run, with what had to be fetched again."""
    seconds: float


def pull(
    transport: Transport,
    user_id: str,
    model_id: str,
    version: str | None,
    directory: Path,
    *,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    cache: Path | None,
    on_progress: OnProgress | None,
) -> Pulled:
    """Fetches the files of a version; see `Client.pull`."""
    raise NotImplementedError
