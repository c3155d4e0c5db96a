"""Pushes and pulls that are disturbed, repeated, and looked at."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import requests

from benchmarks._client_stage import MODEL, ClientStage
from benchmarks._commands import WEIGHTHOUSE, Failed, client_environment, run
from benchmarks._faults import FaultyProxy
from benchmarks._goods import hashes_of
from benchmarks._hostile import TEXTS
from benchmarks._wire import Break, Wire

SOURCE = "source"
"""The user whose version is pulled."""
SHARE = 1.15
"""What may travel in all, of the content."""
RUNS = 2
"""How often a command may be run until it is done."""
HASTY = (sys.executable, "-m", "benchmarks._hasty")

Command = Sequence[str | Path]
Environment = Mapping[str, str]
Script = Sequence[tuple[int, Break]]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one."""

    series: str
    disturbed: bool
    """Whether it was killed, or something broke, before it was done."""
    runs: int
    seconds: float
    share: float
    """Bytes that travelled in its direction, of the content."""
    wrong: list[str]
    failures: list[str]
    """What the runs said that did not end well."""


class Setup:
    """A service and its store behind wires, and a folder to send to and fro."""

    def __init__(self, running: ClientStage, store: Wire, service: Wire, source: Path) -> None:
        self.running, self.store, self.service, self.source = running, store, service, source
        self.proxies: list[FaultyProxy] = []
        # The client pushes names in NFC.
        self.content = {normalize("NFC", name): digest for name, digest in hashes_of(source).items()}
        self.size = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())

    def arm(self, store: Script = (), service: Script = ()) -> None:
        """Counts anew, and lets things break."""
        self.proxies = []
        self.store.arm(store)
        self.service.arm(service)

    @property
    def troubles(self) -> int:
        """How often something broke or failed since."""
        broken = self.store.broken.total() + self.service.broken.total()
        return broken + sum(proxy.faults.total() for proxy in self.proxies)

    @property
    def sent(self) -> int:
        """Bytes that came from the client since."""
        return self.store.sent + self.service.sent

    @property
    def received(self) -> int:
        """Bytes that went to the client since."""
        return self.store.received + self.service.received


class Push:
    """A push of the folder as the first version of a new user's model."""

    def __init__(self, setup: Setup, number: int) -> None:
        self._setup, self._user = setup, f"user-{number}"
        # No argument of a program can hold a NUL.
        self._text = TEXTS[number % len(TEXTS)].replace("\0", "")
        target = f"{self._user}/{MODEL}"
        self.arguments: list[str | Path] = ["push", setup.source, target, f"--description={self._text}"]

    @property
    def share(self) -> float:
        """What was sent, of the content."""
        return self._setup.sent / self._setup.size

    def wrong_in_between(self) -> list[str]:
        """What may not be while it is not done: nothing of it is to be seen."""
        return []

    def wrong(self) -> list[str]:
        """What may not be once it is done."""
        running, wrong = self._setup.running, []
        versions = self._ask(f"{self._user}/{MODEL}/versions")
        names = [version["version"] for version in versions]
        for found in (names, [one["version"] for one in self._ask(f"search/{self._user}?query={MODEL}")]):
            if found != ["v1"]:
                wrong.append(f"{self._user} has the versions {found}")
        wrong += [
            f"{self._user}: the description is {one['description']!r}"
            for one in versions
            if one["description"] != self._text
        ]
        for name in names:
            if running.stored(self._user, name) != self._setup.content:
                wrong.append(f"{self._user}: {name} is not what was sent")
        return wrong + [f"a part of {key} is left over" for key in running.parts_in_progress()]

    def _ask(self, path: str) -> Any:
        """The versions that the service lists under a path."""
        answer = requests.get(f"{self._setup.running.service.url}/ai-models/{path}", timeout=60)
        return answer.json().get("models", [])


class Pull:
    """A pull of the version into a new folder."""

    def __init__(self, setup: Setup, number: int) -> None:
        self._setup, self._folder = setup, setup.running.folder / f"pulled-{number}"
        self.arguments: list[str | Path] = ["pull", f"{SOURCE}/{MODEL}", self._folder]

    @property
    def share(self) -> float:
        """What was received, of the content."""
        return self._setup.received / self._setup.size

    def wrong_in_between(self) -> list[str]:
        """What may not be while it is not done: files that look finished and are not."""
        found, content = hashes_of(self._folder) if self._folder.exists() else {}, self._setup.content
        return [f"{name} looks finished" for name in found.keys() & content if found[name] != content[name]]

    def wrong(self) -> list[str]:
        """What may not be once it is done; the folder is gone afterwards."""
        found, content = hashes_of(self._folder), self._setup.content
        shutil.rmtree(self._folder)
        differing = sorted(name for name in found | content if found.get(name) != content.get(name))
        return [f"{name} is not what was pushed" for name in differing]


Job = Push | Pull


def trial(
    series: str, setup: Setup, job: Job, disturb: Callable[[Command, Environment], bool], *, hasty: bool
) -> Trial:
    """Runs a job disturbed, and if need be again. `disturb` runs the command, and says whether it got done.

    `hasty` runs the client with timeouts of a few seconds.
    """
    environment = client_environment(setup.service.url, setup.running.state())
    failures: list[str] = []
    wrong: list[str] = []
    began = time.perf_counter()
    done, runs = False, 0
    command = [*(HASTY if hasty else WEIGHTHOUSE), *job.arguments]
    while not done and runs < RUNS:
        runs += 1
        try:
            done = disturb(command, environment) if runs == 1 else bool(run(command, environment))
        except Failed as failure:
            failures.append(str(failure))
        if not done:
            wrong += job.wrong_in_between()
    seconds = time.perf_counter() - began
    share = job.share
    if not done:
        wrong.append(f"it is not done after {runs} runs")
    if share > SHARE:
        wrong.append(f"{share:.3f} of the content travelled")
    disturbed = runs > 1 or setup.troubles > 0
    return Trial(series, disturbed, runs, seconds, share, wrong + job.wrong(), failures)
