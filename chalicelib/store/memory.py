"""How much of what is on its way through the function it holds at a time, whatever the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from chalicelib.settings import MIB


class Budget:
    """Bytes that threads take and give back; who finds too few left waits."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._changed = Condition()

    def take(self, size: int) -> None:
        """Waits until so many are left; more than there are in all count as all."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= min(size, self._size))
            self._left -= min(size, self._size)

    def give(self, size: int) -> None:
        """Gives back what was taken."""
        with self._changed:
            self._left += min(size, self._size)
            self._changed.notify_all()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Has so many taken while the block runs."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)


PARTS = Budget(192 * MIB)
"""For the parts of objects that are being written; a function has 512 MiB at least for all that it does."""
