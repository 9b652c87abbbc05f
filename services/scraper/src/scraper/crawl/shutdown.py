"""How a crawl ends before its time: in order at the first signal or verdict, at once at the second signal."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scrapy.crawler import Crawler

from scraper.pages.processor import CrawlResult, ExitCode, PageProcessor

_SIGNAL_REASON = "stopped by a signal; what was acknowledged is kept, the next crawl goes on from here"


@asynccontextmanager
async def stop_in_order(work: PageProcessor, crawler: Crawler) -> AsyncIterator[None]:
    """Until the end of the block, SIGINT and SIGTERM are verdicts, and a verdict stops Scrapy."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if work.stopping.is_set():
            os._exit(ExitCode.INTERRUPTED)
        work.stop(CrawlResult(ExitCode.INTERRUPTED, _SIGNAL_REASON))

    async def on_stop() -> None:
        await work.stopping.wait()
        await crawler.stop_async()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    task = asyncio.create_task(on_stop())
    try:
        yield
    finally:
        if work.stopping.is_set():
            await task
        task.cancel()
