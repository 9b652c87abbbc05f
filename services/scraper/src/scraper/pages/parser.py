"""An answer from the site -> what it says: pure, apart from the moment that it is given."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import Origin, hash_printed
from bookcore.events.book import BookObserved
from bookcore.lake.layout import make_page_key
from scraper.frontier import Page, PageSnapshot
from scraper.pages.extraction_monitor import find_missing_fields
from scraper.sources.page_objects import BookPage
from scraper.sources.site import Site


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """What came over the wire; `url` is where it came from at last."""

    status: int
    url: str
    body: bytes
    etag: str | None
    last_modified: str | None
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class ListingContent:
    """Addresses within the site, each spelt once; `total` is the number of books that a listing prints."""

    listings: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    total: int | None = None
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What is to be kept of a page: its body, what to know of it next time, and the event if it is news."""

    page: Page
    body: bytes | None = None
    snapshot: PageSnapshot | None = None
    event: BookObserved | None = None


class PageParser:
    """Knows the site and its page objects."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = site.source

    def check_status(self, answer: FetchedPage) -> None:
        """Raises: Invalid unless the answer is a page, or says that the known one still stands."""
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            known = answer.status in HTTPStatus._value2member_map_
            raise Invalid(f"{answer.status} {HTTPStatus(answer.status).phrase if known else ''}".strip())

    def parse_listing(self, body: bytes, url: str) -> ListingContent:
        """Where a listing leads, as far as it goes."""
        page = self._source.list_page(body, url)
        links = page.list_links()
        return ListingContent(
            listings=self._canonicalize_links(links.listings),
            books=self._canonicalize_links(links.books),
            total=page.total,
            is_complete=page.is_complete,
        )

    def record_listing(self, page: Page, answer: FetchedPage) -> ParsedPage:
        """A listing makes no event; its body is kept for the next 304."""
        key = make_page_key(answer.body)
        known = PageSnapshot(answer.etag, answer.last_modified, key)
        return ParsedPage(page, body=None if key == page.snapshot.body_key else answer.body, snapshot=known)

    def parse_book(self, page: Page, answer: FetchedPage) -> ParsedPage:
        """A page that is equal to the byte isn't read again, one that says the same makes no event.

        Raises: Invalid when the page was cut short, for then no field of it can be trusted.
        """
        key = make_page_key(answer.body)
        if key == page.snapshot.body_key and page.snapshot.content_hash:
            return ParsedPage(
                page,
                snapshot=PageSnapshot(answer.etag, answer.last_modified, key, page.snapshot.content_hash),
            )
        found = self._source.book_page(answer.body, answer.url)
        if not found.is_complete:
            raise Invalid("the page was cut short")
        return self._build_observation(page, answer, key=key, found=found)

    def _build_observation(self, page: Page, answer: FetchedPage, *, key: str, found: BookPage) -> ParsedPage:
        """A poor page is kept without validators, so that it is asked for in full next time."""
        printed = found.to_item()
        origin = Origin(self._source.name, found.source_id, page.url)
        digest = hash_printed(origin, printed)
        event = BookObserved(
            source=origin.source,
            source_id=origin.source_id,
            url=page.url,
            observed_at=answer.fetched_at,
            content_hash=digest,
            extractor=self._source.extractor,
            page=key,
            printed=printed,
        )
        known = PageSnapshot(answer.etag, answer.last_modified, key, digest)
        if find_missing_fields(printed):
            known = PageSnapshot(body_key=key, content_hash=digest)
        return ParsedPage(page, answer.body, known, None if digest == page.snapshot.content_hash else event)

    def _canonicalize_links(self, links: tuple[str, ...]) -> tuple[str, ...]:
        found = (self._site.canonicalize(link) for link in links)
        return tuple(dict.fromkeys(address for address in found if address))
