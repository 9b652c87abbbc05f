"""Reads the pages and sitemaps of a source by its reader; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from urllib.parse import urlsplit

from bookcore.domain.errors import Invalid
from bookcore.domain.listing import hash_listing
from bookcore.domain.normalise import Origin
from bookcore.events.book import BookWithdrawn
from bookcore.events.listing import BookObservedV2
from bookcore.lake.layout import make_page_key
from booksources.cleaning.buffers import unpack_body
from booksources.readers import READERS
from booksources.reading import Document, Gone, Link, Listing, Parked, ReadItem, Total
from booksources.web_pages.charset import is_xml
from booksources.web_pages.wholeness import is_complete
from scraper.frontier import Page, PageSnapshot
from scraper.pages.extraction_monitor import find_missing_fields
from scraper.pages.parser import FetchedPage, ParsedPage
from scraper.sources.site import Site

_SITEMAP_ENDS = (".xml", ".xml.gz", "/robots.txt")
_MOST_LINKS = 60_000


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a page or sitemap states. `listings` and `books`: canonical URLs within the site, each once, of
    pages that list and of pages that may show books. `alias_of`: the page's own canonical URL when it is
    another one; the books are those of that page. `fault`: why the rest of the document can't be read."""

    books_shown: tuple[Listing, ...] = ()
    listings: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    refused: tuple[Parked, ...] = ()
    gone: tuple[Gone, ...] = ()
    total: int | None = None
    alias_of: str | None = None
    fault: str | None = None


class DocumentParser:
    """Applies the reader of a source to documents of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._source = site.source

    def read_content(self, fetched: FetchedPage, page_url: str) -> PageContent:
        """A damaged sitemap or feed gives what stands before the damage. Raises: Invalid for a truncated
        page."""
        is_page = not self._source.is_feed and not _is_sitemap(fetched)
        if is_page and not is_complete(fetched.body, is_delimited=fetched.is_delimited):
            raise Invalid("the page was cut short")
        items: list[ReadItem] = []
        fault = None
        try:
            items.extend(self._read_items(fetched, is_sitemap=not is_page and not self._source.is_feed))
        except Invalid as error:
            fault = error.reason
        links = [item for item in items if isinstance(item, Link)][:_MOST_LINKS]
        shown = tuple(item for item in items if isinstance(item, Listing))
        alias = self._find_alias(shown, page_url) if is_page else None
        books = [link.url for link in links if self._is_book(link, is_page=is_page)]
        return PageContent(
            books_shown=() if alias else shown,
            listings=self._canonicalize(link.url for link in links if _is_listing(link, is_page=is_page)),
            books=self._canonicalize([*books, *([alias] if alias else [])]),
            refused=tuple(item for item in items if isinstance(item, Parked)),
            gone=tuple(item for item in items if isinstance(item, Gone)),
            total=next((item.count for item in items if isinstance(item, Total)), None),
            alias_of=alias,
            fault=fault,
        )

    def parse(self, page: Page, fetched: FetchedPage, content: PageContent) -> ParsedPage:
        """One event for each book; none when the page states what it stated before."""
        key = make_page_key(fetched.body)
        events = tuple(self._build_event(listing, fetched, key) for listing in content.books_shown)
        digest = _join_hashes(events)
        is_known = page.snapshot.content_hash is not None and content.alias_of is None
        if digest is None and is_known and not self._source.is_feed:
            raise Invalid("the page shows no book any more")
        snapshot = PageSnapshot(fetched.etag, fetched.last_modified, key, digest)
        if any(find_missing_fields(event.printed, self._source.required) for event in events):
            snapshot = PageSnapshot(body_key=key, content_hash=digest)
        is_unchanged = digest == page.snapshot.content_hash
        body = None if key == page.snapshot.body_key else fetched.body
        if body is None and is_unchanged:
            return ParsedPage(page, body, snapshot, shown=len(events), span=fetched.span)
        return ParsedPage(
            page,
            body,
            snapshot,
            events=() if is_unchanged else events,
            withdrawn=tuple(self._build_withdrawal(gone, fetched) for gone in content.gone),
            refused=content.refused,
            shown=len(events),
            span=fetched.span,
        )

    def read_ids(self, body: bytes, url: str) -> tuple[str, ...]:
        """The source's own keys of the books on a stored page."""
        if self._source.reader is None:
            source_id = self._source.book_page(body, url).source_id
            return (source_id,) if source_id else ()
        items = self._source.reader(Document(url, self._open_body(body)), self._source.profile)
        return tuple(item.source_id for item in items if isinstance(item, Listing) and item.source_id)

    def _read_items(self, fetched: FetchedPage, *, is_sitemap: bool) -> Iterator[ReadItem]:
        reader = READERS["sitemap"] if is_sitemap else self._source.reader
        if reader is None:
            raise Invalid(f"{self._source.name} has no reader")
        body = BytesIO(fetched.body) if is_sitemap else self._open_body(fetched.body)
        return reader(Document(fetched.url, body), self._source.profile)

    def _open_body(self, body: bytes) -> BytesIO:
        """Feeds are unpacked here, sitemaps by their reader as it reads. Raises: Invalid."""
        return BytesIO(unpack_body(body) if self._source.is_feed else body)

    def _find_alias(self, shown: tuple[Listing, ...], page_url: str) -> str | None:
        """A page of one book may name the page that it copies."""
        if len(shown) != 1:
            return None
        canonical = self._site.canonicalize(shown[0].url)
        return canonical if canonical != page_url else None

    def _is_book(self, link: Link, *, is_page: bool) -> bool:
        """Any page of a sitemap may show a book, and any that a page links to."""
        return link.role == "book" or (link.role == "list" and is_page and self._source.follows_links)

    def _build_event(self, listing: Listing, fetched: FetchedPage, key: str) -> BookObservedV2:
        origin = Origin(self._source.name, listing.source_id, listing.url or fetched.url)
        return BookObservedV2(
            source=origin.source,
            source_id=origin.source_id,
            url=origin.url,
            observed_at=fetched.fetched_at,
            as_of=listing.as_of,
            content_hash=hash_listing(origin, listing.printed),
            extractor=self._source.extractor,
            page=key,
            printed=listing.printed,
        )

    def _build_withdrawal(self, gone: Gone, fetched: FetchedPage) -> BookWithdrawn:
        return BookWithdrawn(
            source=self._source.name,
            source_id=gone.source_id,
            observed_at=gone.as_of or fetched.fetched_at,
            reason=gone.reason,
        )

    def _canonicalize(self, links: Iterator[str] | list[str]) -> tuple[str, ...]:
        urls = (self._site.canonicalize(link) for link in links)
        return tuple(dict.fromkeys(url for url in urls if url))


def _is_listing(link: Link, *, is_page: bool) -> bool:
    """Lists of sitemaps and feeds are lists; of a page they may be anything."""
    return link.role == "next" or (link.role == "list" and not is_page)


def _is_sitemap(fetched: FetchedPage) -> bool:
    if is_xml(fetched.content_type) or urlsplit(fetched.url).path.lower().endswith(_SITEMAP_ENDS):
        return True
    return fetched.body[:2] == b"\x1f\x8b"


def _join_hashes(events: tuple[BookObservedV2, ...]) -> str | None:
    """None for a page without books."""
    if len(events) < 2:
        return events[0].content_hash if events else None
    return sha256("\n".join(event.content_hash for event in events).encode()).hexdigest()
