"""Result of a crawl process, and the request that ends it before the queue is empty."""

import asyncio
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of a crawl; 2 is a wrong command or setting."""

    DONE = 0
    STOPPED = 1
    UNREACHABLE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """`reason`: one line for people when the crawl is incomplete."""

    code: ExitCode
    reason: str | None = None


class StopRequest:
    """Asks the crawl to stop in order: pages under way are finished, no new one is begun. The first result
    stands.

    `event` is set once; for one event loop.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.result: CrawlResult | None = None

    @property
    def is_set(self) -> bool:
        """Whether the crawl is stopping."""
        return self.event.is_set()

    def stop(self, code: ExitCode, reason: str) -> None:
        """Request the stop. Later requests change nothing."""
        self.result = self.result or CrawlResult(code, reason)
        self.event.set()
