"""Processes that start at once on a store that isn't there yet."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Protocol, TypeVar

AT_ONCE = 8
T = TypeVar("T")


class Store(Protocol):
    def close(self) -> None: ...


def open_at_once(opened: Callable[[], Store]) -> None:
    """Raises: what one of those who open was told."""
    for store in at_once(opened):
        store.close()


def at_once(do: Callable[[], T]) -> list[T]:
    """Each in a thread, none sooner than the last is ready. Raises: what one of them was told."""
    together = Barrier(AT_ONCE)

    def begin(_: int) -> T:
        together.wait()
        return do()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(begin, range(AT_ONCE)))
