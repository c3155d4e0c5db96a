"""Many small calls at a time, for lists of any length."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice
from typing import ParamSpec, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Given = ParamSpec("Given")


class Pool(ThreadPoolExecutor):
    """Threads whose work belongs to the request that gave it: what they ask of AWS is counted for its line."""

    def submit(
        self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """As ThreadPoolExecutor's."""
        run: Callable[..., Result] = copy_context().run
        return super().submit(run, work, *args, **kwargs)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last perhaps shorter; none is taken before it is its turn."""
    waiting = iter(items)
    return iter(lambda: list(islice(waiting, size)), [])


def for_each(items: Iterable[Item], work: Callable[[Item], object], threads: int) -> None:
    """Does the work for each item, several at a time; items are taken no faster than they are done with.

    Raises the first error, once the work that was begun by then has ended.
    """
    waiting = iter(items)
    begun: set[Future[object]] = set()
    with Pool(threads) as pool:
        while True:
            begun |= {pool.submit(work, item) for item in islice(waiting, 2 * threads - len(begun))}
            if not begun:
                return
            ended, begun = wait(begun, return_when=FIRST_COMPLETED)
            for one in ended:
                if (error := one.exception()) is not None:
                    for other in begun:
                        other.cancel()
                    raise error
