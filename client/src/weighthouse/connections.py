"""Connections that are kept, by way of a proxy where the environment names one."""

from __future__ import annotations

import threading
from queue import Empty, Full, LifoQueue
from typing import Any
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager

from weighthouse.forking import begin_anew_in_children
from weighthouse.proxies import Proxy, proxy_for

BLOCK = 256 * 1024
"""Bytes that are read, sent and received at a time."""
_KEPT = 32
"""Connections kept to a host; more are opened when more threads ask at once."""


class _Idle(LifoQueue[Any]):
    """The connections that are not in use, without the lock of a queue.

    A process that is forked while another thread holds that lock could never drop them. Taking from a list and
    adding to it need none, and nobody waits here: when there is no connection, one is opened.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return self.queue.pop()
        except IndexError:
            raise Empty from None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if len(self.queue) >= self.maxsize:
            raise Full
        self.queue.append(item)


class _PlainPool(HTTPConnectionPool):
    QueueCls = _Idle


class _SecurePool(HTTPSConnectionPool):
    QueueCls = _Idle


class Connections:
    """Connections to any host; threads can share them, and each process has its own."""

    def __init__(self) -> None:
        # Kept in a forked process: macOS can't be asked for its proxies there.
        self._proxies: dict[tuple[str, str, bool], Proxy | None] = {}
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Forgets all connections. A forked process closes its copies of those that were idle: no other's."""
        self._managers: dict[Proxy | None, PoolManager] = {}
        self._lock = threading.Lock()

    def to(self, url: str, *, direct: bool = False) -> PoolManager:
        """What sends requests to the host of `url`; with `direct` never by way of a proxy.

        Raises `InvalidInput` when the environment names a proxy that can't be one.
        """
        parts = urlsplit(url)
        with self._lock:
            # Looking through the environment for a proxy takes longer than all else of a request.
            if (origin := (parts.scheme, parts.netloc, direct)) not in self._proxies:
                self._proxies[origin] = None if direct else proxy_for(url)
            proxy = self._proxies[origin]
            if proxy not in self._managers:
                self._managers[proxy] = _manager(proxy)
            return self._managers[proxy]

    def close(self) -> None:
        """Closes the connections that are not in use."""
        with self._lock:
            managers = list(self._managers.values())
        for manager in managers:
            manager.clear()


def _manager(proxy: Proxy | None) -> PoolManager:
    options: dict[str, Any] = {"maxsize": _KEPT, "blocksize": BLOCK, "retries": False}
    manager = (
        ProxyManager(proxy.url, proxy_headers=dict(proxy.headers), **options)
        if proxy
        else PoolManager(**options)
    )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager
