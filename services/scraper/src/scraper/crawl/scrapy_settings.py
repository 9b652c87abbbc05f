"""Scrapy settings of a crawl."""

from typing import Any

from scrapy.logformatter import LogFormatter
from scrapy.settings import Settings as ScrapySettings

from scraper.settings import Settings
from scraper.sources.site import Site

_OFF = {
    "REMOTE_CONTROL_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "COOKIES_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    "RETRY_ENABLED": False,
    "HTTPPROXY_ENABLED": False,
    "HTTPCACHE_ENABLED": False,
    "STATS_DUMP": False,
    "DOWNLOADER_STATS": False,
    "TWISTED_REACTOR_ENABLED": False,
    "LOG_ENABLED": False,
}
_HANDLERS = {
    "http": "scraper.fetch.download_handler.DownloadHandler",
    "https": "scraper.fetch.download_handler.DownloadHandler",
}
_MIDDLEWARES = {
    "scraper.fetch.offsite.OffsiteMiddleware": 50,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": 100,
    "scraper.fetch.retry.RetryMiddleware": 550,
    "scraper.fetch.host_pacing.HostPacingMiddleware": 900,
}


def build_scrapy_settings(settings: Settings, *, site: Site) -> ScrapySettings:
    """Everything that Scrapy brings is off unless it is named here. The caller adds the session."""
    return ScrapySettings(
        {
            **_OFF,
            **_build_limits(settings),
            **_build_politeness(settings, is_loopback=site.is_loopback),
            "DOWNLOAD_HANDLERS_BASE": {},
            "DOWNLOAD_HANDLERS": _HANDLERS,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "DOWNLOADER_MIDDLEWARES_BASE": {},
            "DOWNLOADER_MIDDLEWARES": _MIDDLEWARES,
            "SPIDER_MIDDLEWARES_BASE": {},
            "EXTENSIONS_BASE": {"scrapy.extensions.throttle.AutoThrottle": 0},
            "ITEM_PIPELINES": {"scraper.pages.pipeline.PublishPipeline": 300},
            "SCHEDULER": "scraper.crawl.scheduler.FrontierScheduler",
            "LOG_FORMATTER": "scraper.crawl.scrapy_settings.SilentLogFormatter",
        }
    )


def _build_limits(settings: Settings) -> dict[str, Any]:
    """CONCURRENT_ITEMS is the number of tasks that Scrapy starts for the output of each page, which is at
    most one request or item here."""
    return {
        "CONCURRENT_REQUESTS": settings.scraper_concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": settings.scraper_concurrency,
        "CONCURRENT_ITEMS": 1,
        "DOWNLOAD_MAXSIZE": settings.scraper_max_bytes,
        "DOWNLOAD_TIMEOUT": settings.scraper_timeout,
        "RETRY_TIMES": settings.scraper_retries,
        "SCRAPER_SLOT_MAX_ACTIVE_SIZE": 16_000_000,
    }


def _build_politeness(settings: Settings, *, is_loopback: bool) -> dict[str, Any]:
    """AutoThrottle is off for a loopback site, which serves nobody else."""
    return {
        "USER_AGENT": settings.user_agent,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": "Bookstream",
        "AUTOTHROTTLE_ENABLED": not is_loopback,
        "AUTOTHROTTLE_START_DELAY": 0.25,
        "AUTOTHROTTLE_MAX_DELAY": 30.0,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 4.0,
    }


class SilentLogFormatter(LogFormatter):
    """Formats nothing: Scrapy would build two lines for each page that are below the log level. Failures
    are logged by FailureRecorder."""

    def _format_nothing(self, *_: object) -> None:
        """Scrapy takes None for no line."""

    crawled = scraped = dropped = _format_nothing  # type: ignore[assignment]  # Scrapy accepts None
