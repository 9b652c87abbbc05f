"""Parses fetched pages; pure."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import Origin, hash_printed
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.listing import BookObservedV2
from bookcore.kit.tracing.context import SpanContext
from bookcore.lake.layout import make_page_key
from booksources.reading import Parked
from scraper.frontier import Page, PageSnapshot
from scraper.pages.extraction_monitor import find_missing_fields
from scraper.sources.page_objects import BookPage, is_complete
from scraper.sources.site import Site

BookEvent = BookObserved | BookObservedV2
PublishedEvent = BookEvent | BookWithdrawn


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """Response of the site. `url`: after redirects. `body`: decodable without the Content-Type.
    `is_delimited`: the transfer announced its end. `span`: of the request, None without a trace.
    """

    status: int
    url: str
    body: bytes
    etag: str | None
    last_modified: str | None
    fetched_at: datetime
    content_type: str = ""
    is_delimited: bool = True
    span: SpanContext | None = None


@dataclass(frozen=True, slots=True)
class ListingContent:
    """Canonical URLs within the site, each once. `total`: number of books that the listing prints."""

    listings: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    total: int | None = None
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """Item that the spider yields and the pipeline publishes.

    `body`: stored in the lake unless None. `snapshot`: replaces the page's unless None. `events`:
    published, one for each book of the page. `withdrawn`: of books that a feed says are gone. `refused`:
    records that become dead letters. `shown`: number of books on the page, None for what its kind says.
    `page`: marked as done at the end; None for an item without a lease of the frontier. `span`: of the
    request for the page, None without a trace.
    """

    page: Page | None
    body: bytes | None = None
    snapshot: PageSnapshot | None = None
    events: tuple[BookEvent, ...] = ()
    withdrawn: tuple[BookWithdrawn, ...] = ()
    refused: tuple[Parked, ...] = ()
    shown: int | None = None
    span: SpanContext | None = None


def check_response(fetched: FetchedPage) -> None:
    """Raises: Invalid for any status but 200 and 304, and for a page of a transfer without an announced
    end that seems to be cut."""
    if fetched.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        is_standard = fetched.status in HTTPStatus._value2member_map_
        phrase = HTTPStatus(fetched.status).phrase if is_standard else ""
        raise Invalid(f"{fetched.status} {phrase}".strip())
    has_end = fetched.is_delimited or fetched.status == HTTPStatus.NOT_MODIFIED
    if not has_end and not is_complete(fetched.body, is_delimited=False):
        raise Invalid("the page was cut short")


class PageParser:
    """Applies the page objects of a source to pages of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = site.source

    def parse_listing(self, body: bytes, url: str) -> ListingContent:
        """Links of a listing; of a truncated one, those up to its end."""
        page = self._source.list_page(body, url)
        links = page.list_links()
        return ListingContent(
            listings=self._canonicalize_links(links.listings),
            books=self._canonicalize_links(links.books),
            total=page.total,
            is_complete=page.is_complete,
        )

    def record_listing(self, page: Page, fetched: FetchedPage) -> ParsedPage:
        """A listing makes no event; its body is stored for the next 304."""
        key = make_page_key(fetched.body)
        snapshot = PageSnapshot(fetched.etag, fetched.last_modified, key)
        is_stored = key == page.snapshot.body_key
        return ParsedPage(page, body=None if is_stored else fetched.body, snapshot=snapshot)

    def parse_book(self, page: Page, fetched: FetchedPage) -> ParsedPage:
        """An equal body isn't parsed again; equal printed text makes no event.

        Raises: Invalid for a truncated page: none of its fields can be trusted.
        """
        key, last = make_page_key(fetched.body), page.snapshot
        if key == last.body_key and last.content_hash:
            snapshot = PageSnapshot(fetched.etag, fetched.last_modified, key, last.content_hash)
            return ParsedPage(page, snapshot=snapshot)
        book_page = self._source.book_page(fetched.body, fetched.url)
        if not book_page.is_complete:
            raise Invalid("the page was cut short")
        return self._build_observation(page, fetched, key=key, book_page=book_page)

    def _build_observation(
        self, page: Page, fetched: FetchedPage, *, key: str, book_page: BookPage
    ) -> ParsedPage:
        """A page without a required field is stored without validators, so that it is fetched in full next
        time."""
        printed = book_page.to_item()
        origin = Origin(self._source.name, book_page.source_id, page.url)
        content_hash = hash_printed(origin, printed)
        event = BookObserved(
            source=origin.source,
            source_id=origin.source_id,
            url=page.url,
            observed_at=fetched.fetched_at,
            content_hash=content_hash,
            extractor=self._source.extractor,
            page=key,
            printed=printed,
        )
        snapshot = PageSnapshot(fetched.etag, fetched.last_modified, key, content_hash)
        if find_missing_fields(printed, self._source.required):
            snapshot = PageSnapshot(body_key=key, content_hash=content_hash)
        is_unchanged = content_hash == page.snapshot.content_hash
        return ParsedPage(page, fetched.body, snapshot, () if is_unchanged else (event,), span=fetched.span)

    def _canonicalize_links(self, links: tuple[str, ...]) -> tuple[str, ...]:
        urls = (self._site.canonicalize(link) for link in links)
        return tuple(dict.fromkeys(url for url in urls if url))
