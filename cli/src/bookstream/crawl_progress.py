"""Shows a crawl's progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""

import time
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bookcore.kit.progress import CrawlProgress

_LINE_INTERVAL = 3.0  # seconds


class CrawlProgressBar(AbstractContextManager["CrawlProgressBar"]):
    """Writes to standard error: standard output is for results."""

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

    def update(self, progress: CrawlProgress) -> None:
        """Show the newest state."""
        if self._console.is_terminal:
            total = _estimate_total(progress) or None
            rate = _compute_rate(progress)
            self._bar.update(
                self._task, total=total, completed=progress.books, pages=progress.pages, rate=rate
            )
        elif progress.pages and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_INTERVAL
            self._console.print(_format_line(progress), highlight=False)


def _compute_rate(progress: CrawlProgress) -> float:
    """Books per second."""
    return progress.books / progress.seconds if progress.seconds else 0.0


def _estimate_total(progress: CrawlProgress) -> int:
    """Books of the whole site: as many as it prints, or as many as were read if those are more."""
    return max(progress.total_books or 0, progress.books)


def _format_line(progress: CrawlProgress) -> str:
    total, rate = _estimate_total(progress), _compute_rate(progress)
    left = (total - progress.books) / rate if rate else 0.0
    return (
        f"crawling: {progress.pages} pages, {progress.books} of {total or '?'} books,"
        f" {rate:.0f} books/s, {left:.0f} s left"
    )
