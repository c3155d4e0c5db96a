"""The whole service on one machine, from its start to its stop."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import uvicorn

from devserver import environment, stores
from devserver.console import Halt, say
from devserver.credentials import keys_of
from devserver.emulator import Emulator
from devserver.environment import Stores
from devserver.events import Events, ListedEvents, QueueEvents
from devserver.folder import Folder
from devserver.functions import Worker, repeat
from devserver.gateway import Gateway
from devserver.options import Options, listen

_SWEEP = 60.0
"""Seconds between two sweeps."""


def serve(options: Options) -> None:
    """Serves until Ctrl-C or SIGTERM; `Halt` when something outside must change first."""
    listener = listen(options.port)
    port = listener.getsockname()[1]
    stop = Event()
    with _stores(options) as (folder, which, emulator):
        environment.check_authentication()
        # Not before the environment is what it shall be: settings are read once.
        from chalicelib.settings import settings

        stores.sign_in(folder, which)
        stores.open_stores(folder, embedded_table=which.embedded_dynamodb)
        app = importlib.import_module("app")
        _start_functions(app, which, stop)
        server = http_server(Gateway(app.app, settings().form_limit, options.allowed_hosts))
        if emulator:
            emulator.when_ended(lambda: setattr(server, "should_exit", True))
        say(_welcome(port, folder, guarded=settings().auth != "none"))
        try:
            server.run([listener])
        finally:
            stop.set()
        if emulator and emulator.ended:
            raise Halt(f"the AWS stand-in ended: see {folder.log}. The next start makes the index again.")


def rebuild(options: Options, *, dry_run: bool = False) -> None:
    """Makes the index again from the bucket; `Halt` when a server uses the data folder, or something failed."""
    if Stores.named_by(os.environ).embedded_s3 and not options.data_dir.is_dir():
        raise Halt(
            f"There is no data folder {options.data_dir}, so there is nothing to make an index from: name the one that"
            " `make run` had, as in DATA_DIR=data make rebuild."
        )
    with _stores(options) as (folder, which, _):
        stores.sign_in(folder, which)
        report = stores.rebuild_index(folder, embedded_table=which.embedded_dynamodb, dry_run=dry_run)
    stores.check(report)


@contextmanager
def _stores(options: Options) -> Iterator[tuple[Folder, Stores, Emulator | None]]:
    folder = Folder(options.data_dir)
    which = Stores.named_by(os.environ)
    environment.apply_defaults(os.environ)
    if not which.embedded:
        yield folder, which, None
        return
    say(f"Starting the AWS stand-in on {folder.path} …")
    keys = keys_of(folder.path)
    emulator = Emulator(folder, keys)
    try:
        environment.use_emulator(os.environ, which, emulator.url, keys)
        yield folder, which, emulator
    finally:
        say("Stopping …")
        emulator.stop()


def _start_functions(app: Any, which: Stores, stop: Event) -> None:
    from chalicelib.settings import settings

    worker = Worker(app.on_object_created, stop)
    source = QueueEvents if which.queue else ListedEvents
    events: Events = source(settings().bucket, worker)
    Thread(target=events.run, args=(stop,), name="events", daemon=True).start()
    Thread(target=repeat, args=(app.sweep, "sweep", _SWEEP, stop), name="sweep", daemon=True).start()


def http_server(gateway: Gateway) -> uvicorn.Server:
    """The HTTP server below the gateway; it gives requests at a stop 5 s to end."""
    config = uvicorn.Config(
        gateway,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return uvicorn.Server(config)


def _welcome(port: int, folder: Folder, *, guarded: bool) -> str:
    url = f"http://localhost:{port}"
    where, curl = "in another terminal", "curl"
    if guarded:
        where += ", with a token of the user me in TOKEN (docs/authentication.md)"
        curl = 'curl -H "Authorization: Bearer $TOKEN"'
    return f"""
Weighthouse serves on {url} and keeps its data in {folder.path}

Try first, {where}:
  echo 'any bytes' > model.bin
  {curl} -F file=@model.bin -F user_id=me -F model_id=demo -F name=Demo {url}/ai-models/upload/single
  {curl} {url}/ai-models/me
  {curl} -L -o copy.bin '{url}/ai-models/me/demo/download?filename=model.bin'
and in a browser {url}/docs

Ctrl-C stops it.
"""
