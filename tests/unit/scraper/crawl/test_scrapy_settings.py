"""The settings that a crawl must have: what is off, what is on."""

import pytest
from scrapy.settings import Settings as ScrapySettings

from scraper.crawl.scrapy_settings import build_scrapy_settings
from scraper.settings import Settings
from scraper.sources import SOURCES
from scraper.sources.site import parse_site


def _settings(url: str) -> ScrapySettings:
    site = parse_site(SOURCES["books_toscrape"], url)
    return build_scrapy_settings(Settings(scraper_contact="mail@example.com"), site=site)


_PUBLIC = _settings("https://books.toscrape.com/")


@pytest.mark.parametrize(
    "name",
    [
        "REMOTE_CONTROL_ENABLED",
        "TELNETCONSOLE_ENABLED",
        "COOKIES_ENABLED",
        "REDIRECT_ENABLED",
        "HTTPPROXY_ENABLED",
    ],
)
def test_unneeded_scrapy_features_are_disabled(name: str) -> None:
    assert not _PUBLIC.getbool(name)


def test_only_http_and_https_can_be_downloaded() -> None:
    assert set(_PUBLIC.getwithbase("DOWNLOAD_HANDLERS")) == {"http", "https"}


def test_no_extension_but_autothrottle_is_loaded() -> None:
    assert list(_PUBLIC.getwithbase("EXTENSIONS")) == ["scrapy.extensions.throttle.AutoThrottle"]


def test_public_site_is_crawled_politely() -> None:
    assert _PUBLIC.getbool("ROBOTSTXT_OBEY")
    assert _PUBLIC.getbool("AUTOTHROTTLE_ENABLED")
    assert _PUBLIC.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    assert _PUBLIC["USER_AGENT"] == "Bookstream/0.1 (+mail@example.com)"


def test_loopback_site_is_not_throttled() -> None:
    assert not _settings("http://127.0.0.1:8090/").getbool("AUTOTHROTTLE_ENABLED")


def test_pages_are_bounded_in_size_and_time() -> None:
    assert (_PUBLIC.getint("DOWNLOAD_MAXSIZE"), _PUBLIC.getfloat("DOWNLOAD_TIMEOUT")) == (10_000_000, 30)
