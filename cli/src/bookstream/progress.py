"""How a crawl shows itself: a bar on a terminal, a line at once and every few seconds elsewhere."""

import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_PLAIN_EVERY = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """So far, since `seconds`; `queued` pages are known and waiting; the site may print its `total_books`."""

    pages: int
    books: int
    queued: int
    failed: int
    total_books: int | None
    seconds: float

    @property
    def rate(self) -> float:
        """Books per second."""
        return self.books / self.seconds if self.seconds else 0.0

    @property
    def total(self) -> int:
        """Books to come to in the end, as far as is known."""
        return max(self.total_books or 0, self.books)

    def __str__(self) -> str:
        left = (self.total - self.books) / self.rate if self.rate else 0.0
        return (
            f"crawling: {self.pages} pages, {self.books} of {self.total or '?'} books,"
            f" {self.rate:.0f} books/s, {left:.0f} s left"
        )


class ProgressDisplay(AbstractContextManager["ProgressDisplay"]):
    """Writes to standard error, so that standard output stays for results."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._closing = ExitStack()
        self._bar = Progress(
            TextColumn("crawling"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn(
                "{task.fields[pages]} pages · {task.completed:.0f} books · {task.fields[rate]:.0f}/s ·"
            ),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("crawl", total=None, pages=0, rate=0.0)
        self._next_line = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._closing.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def show(self, now: CrawlProgress) -> None:
        """The newest state."""
        if self._console.is_terminal:
            self._bar.update(
                self._task, total=now.total or None, completed=now.books, pages=now.pages, rate=now.rate
            )
        elif now.pages and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _PLAIN_EVERY
            self._console.print(str(now), highlight=False)
