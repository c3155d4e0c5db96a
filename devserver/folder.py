"""The data folder: who uses it, and what in it can be trusted after the last stop."""

import fcntl
import json
import os
import shutil
import stat
import time
from pathlib import Path

from devserver.console import Halt, say

_DYING = 60.0
"""Seconds that an emulator may take to write its tables after its server is gone."""


class Folder:
    """A data folder that this process alone uses, from its making until all who hold `lock` have ended.

    `objects/` and `tables/` are the emulator's. `history.jsonl` has the rows that nothing else could bring back.
    `users.json` names the processes that use the folder.
    """

    def __init__(self, path: Path) -> None:
        """Takes the folder, making it if needed, for its user alone; `Halt` when that can't be or it is in use."""
        self.path = path
        self.objects = path / "objects"
        self.tables = path / "tables"
        self.log = path / "emulator.log"
        self.history = path / "history.jsonl"
        self.report = path / "rebuild.log"
        self._users = path / "users.json"
        self._rebuilding = path / "rebuilding"
        try:
            _make_private(path)
            self.lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Halt(
                f"The data folder {path} cannot be used ({error.strerror}): choose another, as in DATA_DIR=data."
            ) from None
        self._take()
        self.name_users()

    def _take(self) -> None:
        patience = time.monotonic() + _DYING
        told = False
        while True:
            try:
                return fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # The emulator shares the lock, and outlives a killed server until its tables are written.
                server = users(self.path).get("server")
                if (server and _runs(server)) or time.monotonic() > patience:
                    raise Halt(
                        f"The data folder {self.path} is in use by process {server}: stop that one first"
                        " (Ctrl-C), or choose another folder, as in DATA_DIR=.data2 PORT=8001."
                    ) from None
            if not told:
                say("Waiting for the AWS stand-in of the last run to write its tables …")
                told = True
            time.sleep(0.05)

    def name_users(self, **others: int) -> None:
        """Writes down the id of this process and more of that kind, for whoever finds the folder in use."""
        written = self.path / "users.json.new"
        written.write_text(json.dumps({"server": os.getpid(), **others}))
        written.replace(self._users)

    @property
    def snapshot(self) -> Path:
        """The emulator's tables, which it writes when it is stopped and in no other case."""
        return self.tables / "dynamodb.json"

    def prepare(self) -> None:
        """Leaves of the emulator's state what can be trusted: objects, and tables after a clean stop.

        Bucket settings are made anew at each start, and so are queues: what a message was about is found
        in the bucket.
        """
        for file in self.tables.glob("*"):
            if file != self.snapshot:
                shutil.rmtree(file) if file.is_dir() else file.unlink()

    def use_snapshot(self) -> None:
        """Removes the snapshot once it is loaded: if this run is killed, it must not be taken for newer."""
        self.snapshot.unlink(missing_ok=True)

    @property
    def rebuilding(self) -> bool:
        """Whether a rebuild was begun and not ended."""
        return self._rebuilding.exists()

    @rebuilding.setter
    def rebuilding(self, begun: bool) -> None:
        if begun:
            self._rebuilding.touch()
        else:
            self._rebuilding.unlink(missing_ok=True)


def _make_private(path: Path) -> None:
    """Makes the folder, or closes one of an earlier version, and so all that is inside whatever modes it has.

    `Halt` for one that others may use and that has something else in it: closing it would take that from them.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode) or not found.st_mode & 0o077:
        return
    if not (path / "lock").exists() and any(path.iterdir()):
        raise Halt(
            f"The data folder {path} is open to other users and has other things in it: name one of its own, as in"
            f" DATA_DIR={path / 'weighthouse'}, or close it for them by chmod 700 {path}."
        )
    try:
        path.chmod(0o700)
    except PermissionError:
        raise Halt(
            f"The data folder {path} is open to other users, and only its owner can close it: name a folder of"
            " your own, as in DATA_DIR=~/weighthouse."
        ) from None


def users(path: Path) -> dict[str, int]:
    """Process ids (`server`, `emulator`) and the `emulator_port` of who uses a data folder, or used it last."""
    try:
        named: dict[str, int] = json.loads((path / "users.json").read_text())
    except (OSError, ValueError):
        return {}
    return named


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
