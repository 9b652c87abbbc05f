"""How often and how soon a page is asked for again; the clock is the test's."""

import asyncio
from email.utils import format_datetime

import pytest
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response

from bookcore.kit.clock import SystemClock
from scraper.fetch.retry import RetryMiddleware

_URL = "http://127.0.0.1/"


def _patience(*, retries: int = 2, stopping: asyncio.Event | None = None) -> RetryMiddleware:
    return RetryMiddleware(
        retries=retries, stopping=stopping or asyncio.Event(), now=lambda: 100.0, hold_host=lambda _: None
    )


def _again(
    patience: RetryMiddleware, *, status: int, retry_after: str | None = None, retries: int = 0
) -> float | None:
    """Seconds until the request goes out again, None when it doesn't."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    request = Request(_URL, meta={"retries": retries})
    result = patience.process_response(request, Response(_URL, status=status, headers=headers))
    return float(result.meta["not_before"]) - 100 if isinstance(result, Request) else None


@pytest.mark.parametrize(("printed", "seconds"), [("7", 7.0), ("0", 0.0), ("9999", 60.0), ("soon", 0.5)])
def test_retry_after_is_respected_up_to_a_minute(printed: str, seconds: float) -> None:
    assert _again(_patience(), status=429, retry_after=printed) == seconds


def test_retry_after_may_be_a_date_and_a_past_one_means_now() -> None:
    assert _again(_patience(), status=503, retry_after=format_datetime(SystemClock().now())) == 0.0


def test_pause_doubles_with_each_try_and_retries_end() -> None:
    waits = [_again(_patience(retries=3), status=500, retries=retries) for retries in range(4)]
    assert waits == [0.5, 1.0, 2.0, None]


@pytest.mark.parametrize("status", [200, 304, 404, 301])
def test_final_status_is_not_retried(status: int) -> None:
    assert _again(_patience(), status=status) is None


def test_only_transient_errors_are_retried() -> None:
    patience, request = _patience(), Request(_URL)
    assert patience.process_exception(request, DownloadTimeoutError("late")) is not None
    assert patience.process_exception(request, DownloadCancelledError("too large")) is None


def test_held_host_delays_other_requests_until_the_crawl_stops() -> None:
    async def wait() -> None:
        stopping = asyncio.Event()
        patience = _patience(stopping=stopping)
        _again(patience, status=429, retry_after="30")
        waiting = asyncio.create_task(patience.process_request(Request(_URL)))
        stopping.set()
        await waiting

    with pytest.raises(IgnoreRequest, match="stopping"):
        asyncio.run(wait())


@pytest.mark.parametrize(("status", "told"), [(429, [7.0]), (503, [7.0]), (500, [])])
def test_overload_status_holds_the_host_for_the_fleet(status: int, told: list[float]) -> None:
    heard: list[float] = []
    patience = RetryMiddleware(retries=2, stopping=asyncio.Event(), now=lambda: 100.0, hold_host=heard.append)
    _again(patience, status=status, retry_after="7")
    assert heard == told
