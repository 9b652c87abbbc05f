"""What a crawl is told, and what it makes of silence."""

import pytest

from bookcore.domain.errors import Invalid
from bookcore.kit.settings import read_settings
from scraper.crawl.crawl import build_limits
from scraper.settings import Settings
from scraper.sources import SOURCES
from scraper.sources.site import parse_site

_SERVERS = {
    "environment": "production",
    "event_log_url": "kafka://log:9092",
    "lake_url": "s3://lake?endpoint=http://s3:7070",
    "catalogue_url": "postgresql+psycopg2://catalogue/books",
    "search_url": "elasticsearch://search:9200/books",
    "internal_secret": "random-and-long-enough-for-production",
}
_LOOPBACK = parse_site(SOURCES["sample_shop"], "http://127.0.0.1:8090/")
_PUBLIC = parse_site(SOURCES["books_toscrape"], "https://books.toscrape.com/")


def test_public_host_has_limits_and_loopback_has_none() -> None:
    public, own = (build_limits(Settings(), site) for site in (_PUBLIC, _LOOPBACK))
    assert (public.host, public.host_rate, public.host_concurrency) == ("books.toscrape.com", 20, 64)
    assert (own.host, own.host_rate, own.host_concurrency) == ("127.0.0.1:8090", 0, 0)


def test_explicit_limits_apply_to_loopback() -> None:
    bounds = build_limits(Settings(scraper_host_rate=4, scraper_host_concurrency=2), _LOOPBACK)
    assert (bounds.request_interval, bounds.host_concurrency) == (0.25, 2)


def test_production_refuses_the_embedded_frontier() -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_FRONTIER_URL is an embedded adapter"):
        read_settings(Settings, **_SERVERS)
    assert read_settings(Settings, frontier_url="redis://cache:6379/0", **_SERVERS)
