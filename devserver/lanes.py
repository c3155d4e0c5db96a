"""How many requests are worked on at once, so that many of one kind leave room for the others."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

RETRY_AFTER = 2
"""Seconds after which a client that found no place is to try again."""


class Full(Exception):
    """So many are worked on and wait that another would only wait in vain."""


class Lane:
    """Lets `places` requests in at once and `waiting` more wait, the first first, for `patience` seconds at most."""

    def __init__(self, places: int, waiting: int, patience: float = 5.0) -> None:
        """A lane that nobody is in."""
        self._free = asyncio.Semaphore(places)
        self._inside = 0
        self._limit = places + waiting
        self._patience = patience

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place and holds it; raises `Full` at once where too many wait, or when patience ends."""
        if self._inside >= self._limit:
            raise Full
        self._inside += 1
        try:
            try:
                await asyncio.wait_for(self._free.acquire(), self._patience)
            except TimeoutError:
                raise Full from None
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._inside -= 1


class Lanes:
    """Which lane the requests for a route take."""

    def __init__(self, usual: Lane, special: Mapping[str, Lane]) -> None:
        """`special` by the path of a route, with its names in braces; all others take the usual one."""
        self._usual = usual
        self._special = special

    def of(self, resource: str) -> Lane:
        """The lane of a route."""
        return self._special.get(resource, self._usual)


def lanes() -> Lanes:
    """Those of `make run`, in all 32 places.

    Searches and lists ask the stand-in for much, which answers one request at a time: more of them at once end no
    sooner. The service's own pages always have room.
    """
    finding = Lane(4, 12)
    own = Lane(4, 64)
    return Lanes(
        Lane(24, 128),
        {
            "/ai-models/search/{user_id}": finding,
            "/ai-models/{user_id}": finding,
            "/health": own,
            "/openapi.json": own,
            "/docs": own,
        },
    )
