"""An answer from the site -> what it says: pure, apart from the moment that it is given."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import Origin, hash_printed
from bookcore.events.book import BookObserved
from bookcore.lake.layout import make_page_key
from scraper.frontier import Known, Page
from scraper.pages.extraction_monitor import lacking
from scraper.sources.page_objects import BookPage
from scraper.sources.site import Site


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire; `url` is where it came from at last."""

    status: int
    url: str
    body: bytes
    etag: str | None
    last_modified: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Discovered:
    """Addresses within the site, each spelt once; `total` is the number of books that a listing prints."""

    listings: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    total: int | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """What is to be kept of a page: its body, what to know of it next time, and the event if it is news."""

    page: Page
    body: bytes | None = None
    known: Known | None = None
    event: BookObserved | None = None


class Reader:
    """Knows the site and its page objects."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = site.source

    def check(self, answer: Answer) -> None:
        """Raises: Invalid unless the answer is a page, or says that the known one still stands."""
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            known = answer.status in HTTPStatus._value2member_map_
            raise Invalid(f"{answer.status} {HTTPStatus(answer.status).phrase if known else ''}".strip())

    def listing(self, body: bytes, url: str) -> Discovered:
        """Where a listing leads, as far as it goes."""
        page = self._source.list_page(body, url)
        links = page.links()
        return Discovered(
            listings=self._addresses(links.listings),
            books=self._addresses(links.books),
            total=page.total,
            is_whole=page.is_whole,
        )

    def kept_listing(self, page: Page, answer: Answer) -> Read:
        """A listing makes no event; its body is kept for the next 304."""
        key = make_page_key(answer.body)
        known = Known(answer.etag, answer.last_modified, key)
        return Read(page, body=None if key == page.known.body else answer.body, known=known)

    def book(self, page: Page, answer: Answer) -> Read:
        """A page that is equal to the byte isn't read again, one that says the same makes no event.

        Raises: Invalid when the page was cut short, for then no field of it can be trusted.
        """
        key = make_page_key(answer.body)
        if key == page.known.body and page.known.content_hash:
            return Read(page, known=Known(answer.etag, answer.last_modified, key, page.known.content_hash))
        found = self._source.book_page(answer.body, answer.url)
        if not found.is_whole:
            raise Invalid("the page was cut short")
        return self._observation(page, answer, key=key, found=found)

    def _observation(self, page: Page, answer: Answer, *, key: str, found: BookPage) -> Read:
        """A poor page is kept without validators, so that it is asked for in full next time."""
        printed = found.to_item()
        origin = Origin(self._source.name, found.source_id, page.url)
        digest = hash_printed(origin, printed)
        event = BookObserved(
            source=origin.source,
            source_id=origin.source_id,
            url=page.url,
            observed_at=answer.at,
            content_hash=digest,
            extractor=self._source.extractor,
            page=key,
            printed=printed,
        )
        known = Known(answer.etag, answer.last_modified, key, digest)
        if lacking(printed):
            known = Known(body=key, content_hash=digest)
        return Read(page, answer.body, known, None if digest == page.known.content_hash else event)

    def _addresses(self, links: tuple[str, ...]) -> tuple[str, ...]:
        found = (self._site.address(link) for link in links)
        return tuple(dict.fromkeys(address for address in found if address))
