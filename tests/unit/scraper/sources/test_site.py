"""Which addresses belong to a site, and how each is spelt."""

from dataclasses import replace

import pytest

from bookcore.domain.errors import Invalid
from scraper.sources import SOURCES
from scraper.sources.site import parse_site

_SOURCE = SOURCES["books_toscrape"]
_PUBLIC = parse_site(_SOURCE, "https://books.toscrape.com/")
_COPY = parse_site(_SOURCE, "http://127.0.0.1:8377/mirror/")


@pytest.mark.parametrize(
    "link",
    [
        "https://books.toscrape.com/",
        "https://books.toscrape.com",
        "https://books.toscrape.com/index.html#top",
        "https://books.toscrape.com:443/index.html",
        "http://books.toscrape.com/index.html",
        "https://BOOKS.toscrape.com/index.html",
    ],
)
def test_spellings_of_one_page_have_one_canonical_url(link: str) -> None:
    assert _PUBLIC.canonicalize(link) == _PUBLIC.start == "https://books.toscrape.com/index.html"


def test_links_that_name_the_public_host_stay_on_the_copy_being_crawled() -> None:
    link = "http://books.toscrape.com/catalogue/page-2.html"
    assert _COPY.canonicalize(link) == "http://127.0.0.1:8377/mirror/catalogue/page-2.html"


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:8377/other/index.html",
        "http://127.0.0.1:22/mirror/index.html",
        "http://127.0.0.2:8377/mirror/index.html",
        "http://example.com/index.html",
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:void(0)",
        "http://[broken",
        "http://127.0.0.1:8377/mirror/" + "a" * 2_000 + ".html",
    ],
)
def test_links_to_other_sites_have_no_canonical_url(link: str) -> None:
    assert _COPY.canonicalize(link) is None


@pytest.mark.parametrize(
    "url",
    ["http://user@127.0.0.1:8377/mirror/", "http://127.0.0.1:8378/", "https://10.0.0.1/", "ftp://127.0.0.1/"],
)
def test_requests_may_not_leave_host_and_port(url: str) -> None:
    assert not _COPY.is_internal(url)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://books.toscrape.com/", False),
        ("http://8.8.8.8/", False),
        ("http://127.0.0.1:80/", True),
        ("http://[::1]:8000/", True),
        ("http://192.168.1.5/", True),
        ("http://sample-shop:8090/", True),
        ("http://localhost/", True),
    ],
)
def test_only_a_private_start_url_allows_private_addresses(url: str, private: bool) -> None:  # noqa: FBT001
    assert parse_site(_SOURCE, url).allows_private_addresses is private


def test_source_may_say_that_its_hosts_are_private() -> None:
    assert parse_site(
        replace(_SOURCE, allows_private_addresses=True), "https://books.internal.example/"
    ).allows_private_addresses


@pytest.mark.parametrize(
    "url", ["", "books.toscrape.com", "ftp://x/", "http://", "http://a:b@c/", "http://x:99999/"]
)
def test_invalid_start_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="must be an http or https URL"):
        parse_site(_SOURCE, url)
