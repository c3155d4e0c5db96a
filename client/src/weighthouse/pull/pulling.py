"""One pull from end to end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from weighthouse.documents import Version
from weighthouse.errors import InvalidInput
from weighthouse.patience import Patience
from weighthouse.progress import Meter, OnProgress
from weighthouse.pull.cache import Cache
from weighthouse.pull.checking import Checking
from weighthouse.pull.comparing import Comparing
from weighthouse.pull.fetching import Fetching
from weighthouse.pull.listing import Listing
from weighthouse.pull.local import Local
from weighthouse.pull.places import Places, check_paths
from weighthouse.pull.selection import select
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
    files_removed: int
    """What `exact` removed."""
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
    force: bool,
    exact: bool,
    on_progress: OnProgress | None,
) -> Pulled:
    """Fetches the files of a version; see `Client.pull`."""
    if exact and (include or exclude):
        raise InvalidInput("exact makes the folder equal to the whole version: leave out include and exclude")
    began = time.monotonic()
    stop = threading.Event()
    patience = Patience(stop=stop)
    meter = Meter(on_progress)
    meter.begin("listing")
    if version is None:
        # All pages, and what is said in the end, are then of one version.
        latest = transport.ask("GET", f"/ai-models/{user_id}/{model_id}", patience=patience)
        version = Version.of(latest).version
    listing = Listing(transport, user_id, model_id, version, patience)
    files = select(listing.files(), include, exclude)
    check_paths([file.filename for file in files])
    size = sum(file.size for file in files)

    places = Places(directory)
    shared = Cache(cache) if cache is not None else None
    meter.begin("checking", len(files), size)
    with Comparing() as comparing:
        checking = Checking(places, shared, comparing, meter, patience, stop)
        there = checking.there(files, hashed=not force)
        local = Local(places, comparing)
        removed = local.left_over(files) if exact else []
        if not force:
            local.check(there, removed)
        local.remove(removed)
        local.expect(file for file in files if file.filename not in there.equal)
        missing = checking.missing(files, there.equal)
        comparing.keep()

        meter.begin("fetching", len(files), size)
        meter.keep(size - sum(file.size for file in missing), files=len(files) - len(missing))
        fetching = Fetching(transport, listing, places, shared, meter, patience, stop)
        fetching.run(missing)
        local.keep(files, fetching.found)
    meter.begin("done", len(files), size)
    return Pulled(
        user_id=user_id,
        model_id=model_id,
        version=version,
        directory=directory,
        files_total=len(files),
        bytes_total=size,
        files_fetched=fetching.files_fetched,
        bytes_fetched=fetching.bytes_fetched,
        files_removed=len(removed),
        seconds=time.monotonic() - began,
    )
