"""Chromium without a window, led through the DevTools protocol on a pair of pipes.

https://chromedevtools.github.io/devtools-protocol/; each message is JSON and ends with a zero byte.
"""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # A guard of this browser's own, which others lack; what it stops would not be tried here.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    "--remote-debugging-pipe",
)
_WAIT = 60.0
"""Seconds for any answer of the browser."""


def find() -> str | None:
    """The browser's command, or None where there is none."""
    found = filter(None, map(shutil.which, (*_NAMES, _MAC)))
    return next(found, None)


class Chromium:
    """A browser with an empty profile, for as long as a `with` block runs; it shows one page."""

    def __init__(self, command: str, folder: Path, proxy: str) -> None:
        """`folder` is for its profile and downloads; `proxy` takes what is not for this machine, as host:port."""
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        here, self._to = os.pipe()
        self._from, there = os.pipe()
        profile = f"--user-data-dir={folder / 'profile'}"
        # It reads from descriptor 3 and writes to 4. Both are above those while they are moved there.
        reads, writes = (os.dup2(end, 100 + end) for end in (here, there))
        self._process = os.posix_spawnp(
            command,
            [command, *_FLAGS, f"--proxy-server={proxy}", profile, "about:blank"],
            {**os.environ, "HOME": str(folder)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(folder / "log"), os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, reads, 3),
                (os.POSIX_SPAWN_DUP2, writes, 4),
            ],
            setpgroup=0,
        )
        for end in (here, there, reads, writes):
            os.close(end)
        os.set_blocking(self._from, False)
        self._unread = b""
        self._last = 0
        self._session = ""

    def __enter__(self) -> "Chromium":
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")
        allowed = {"behavior": "allow", "downloadPath": str(self.downloads)}
        self._ask("Browser.setDownloadBehavior", of_page=False, **allowed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> None:
        """Shows the page under an address, once it is loaded."""
        self._ask("Page.navigate", url=url)
        self.run(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))"
        )
        shown = self.run("location.href")
        assert shown == url, f"{shown} is shown in place of {url}"

    def run(self, script: str) -> Any:
        """What an expression of JavaScript is in the page, once a promise is kept."""
        found = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def _ask(self, method: str, *, of_page: bool = True, **parameters: Any) -> Any:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session and of_page:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _WAIT
        while True:
            told = self._next(deadline)
            if told.get("id") == self._last:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]

    def _next(self, deadline: float) -> Any:
        while b"\0" not in self._unread:
            assert time.monotonic() < deadline, "the browser does not answer"
            try:
                self._unread += os.read(self._from, 65_536)
            except BlockingIOError:
                time.sleep(0.005)
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)
