"""Orderly shutdown of a crawl at the first signal or stop request; immediate exit at the second signal."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scrapy.crawler import Crawler

from scraper.session.stop import ExitCode, StopRequest

_SIGNAL_REASON = "stopped by a signal; acknowledged pages are kept and the next crawl continues from here"


@asynccontextmanager
async def stop_in_order(stop: StopRequest, crawler: Crawler) -> AsyncIterator[None]:
    """Until the end of the block, SIGINT and SIGTERM request a stop, and a stop request stops Scrapy."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set:
            os._exit(ExitCode.INTERRUPTED)
        stop.stop(ExitCode.INTERRUPTED, _SIGNAL_REASON)

    async def stop_crawler() -> None:
        await stop.event.wait()
        await crawler.stop_async()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    task = asyncio.create_task(stop_crawler())
    try:
        yield
    finally:
        if stop.is_set:
            await task
        task.cancel()
